"""Every table whose rows decide something is chained; rows that are there are chained as they are.

From which row on a table was chained as its rows were written is kept in ``chain_beginnings``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.chains.chain import GENESIS, Chain
from registry.tables.base import UtcDateTime
from registry.tables.chains import ChainBeginning
from registry.tables.every import chained_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# as they are at this revision, whatever the tables become later
_COLUMNS = {
    "recipes": ("recipe_hash", "name", "recipe", "first_seen"),
    "market_definitions": ("market", "market_hash", "definition", "first_seen"),
    "model_versions": (
        *("market", "model", "kind", "version", "recipe_hash", "data_fingerprint", "sums_hash"),
        *("market_hash", "metrics", "created_at"),
    ),
    "aliases": ("market", "alias", "version", "at", "by", "reason"),
    "decisions": (
        *("market", "kind", "version", "verdict", "reasons", "evidence", "evidence_hash", "at"),
    ),
    "evaluations": (
        *("market", "recipe", "recipe_hash", "study_hash", "settings", "data_fingerprint"),
        *("market_hash", "verdict", "figures", "files", "at"),
    ),
    "trials": (
        *("market", "study", "recipe", "recipe_hash", "market_hash", "values", "score", "state"),
        "at",
    ),
    "breaker_events": ("market", "at", "state", "cause", "detail", "by"),
    "strategy_decisions": (
        *("market", "trading_day", "opening_range", "mode", "rules_hash", "stage", "version"),
        *("decision_time", "without_model", "with_model", "at"),
    ),
    "order_intents": (
        *("market", "trading_day", "opening_range", "rules_hash", "version", "bound_to", "order"),
        *("expires_at", "at"),
    ),
}
_BEGINNING = ("table_name", "rows", "last_hash", "at")
_HASHES = ("previous_hash", "row_hash")
_TRIAL = ["market", "recipe_hash", "market_hash"]


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "chain_beginnings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(length=200), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.String(length=200), nullable=False) for name in _HASHES),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_beginnings")),
        sa.UniqueConstraint("table_name", name=op.f("uq_chain_beginnings_table_name")),
    )
    _index("chain_beginnings", _HASHES)
    _unique_trials([*_TRIAL, "state"])
    op.add_column("recipes", sa.Column("id", sa.Integer(), nullable=False, server_default="0"))
    _number_recipes()
    _index("recipes", ("id",))
    for table in _COLUMNS:
        for name in _HASHES:
            # added in place, not by copying the table: others refer to recipes
            hash_of_row = sa.Column(name, sa.String(200), nullable=False, server_default="")
            op.add_column(table, hash_of_row)
    _chain_what_is_there()
    for table in _COLUMNS:
        _index(table, _HASHES)


def _index(table: str, names: tuple[str, ...]) -> None:
    for name in names:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], unique=True)


def _unique_trials(columns: list[str]) -> None:
    with op.batch_alter_table("trials", schema=None) as batch_op:
        name = batch_op.f("uq_trials_market")
        batch_op.drop_constraint(name, type_="unique")
        batch_op.create_unique_constraint(name, columns)


def _number_recipes() -> None:
    recipes = sa.table("recipes", *map(sa.column, ("recipe_hash", "first_seen", "id")))
    connection = op.get_bind()
    order = sa.select(recipes.c.recipe_hash).order_by(recipes.c.first_seen, recipes.c.recipe_hash)
    for number, recipe_hash in enumerate(list(connection.scalars(order)), 1):
        own = recipes.c.recipe_hash == recipe_hash
        connection.execute(recipes.update().where(own).values(id=number))


def _chain_what_is_there() -> None:
    """Write into each row its own hash and that of the row before it, and say how many rows."""
    connection, at = op.get_bind(), datetime.now(UTC)
    classes = {table.__tablename__: table for table in chained_tables()}
    previous = GENESIS
    for table, names in _COLUMNS.items():
        rows, last_hash = _chained(connection, Chain(classes[table], names))
        if rows:
            values = {"table_name": table, "rows": rows, "last_hash": last_hash, "at": at}
            own = Chain(ChainBeginning, _BEGINNING).row_hash(values, previous)
            hashes = {"previous_hash": previous, "row_hash": own}
            connection.execute(_plain(ChainBeginning, _BEGINNING).insert(), {**values, **hashes})
            previous = own


def _chained(connection: sa.Connection, chain: Chain) -> tuple[int, str]:
    table = _plain(chain.table, chain.names)
    change = (
        table.update()
        .where(table.c.id == sa.bindparam("number"))
        .values(previous_hash=sa.bindparam("before"), row_hash=sa.bindparam("own"))
    )
    previous = GENESIS
    changes = []
    for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings():
        own = chain.row_hash({name: row[name] for name in chain.names}, previous)
        changes.append({"number": row["id"], "before": previous, "own": own})
        previous = own
    if changes:
        connection.execute(change, changes)
    return len(changes), previous


def _plain(table: Any, names: tuple[str, ...]) -> sa.TableClause:
    """Return a table with the columns of this revision, each of its type."""
    types = table.__table__.columns
    return sa.table(
        table.__tablename__,
        *(sa.column(name, types[name].type) for name in ("id", *_HASHES, *names)),
    )


def downgrade() -> None:
    """Take back."""
    for table in reversed(_COLUMNS):
        names = (*_HASHES, "id") if table == "recipes" else _HASHES
        for name in names:
            op.drop_index(op.f(f"ix_{table}_{name}"), table)
            op.drop_column(table, name)
    # of a trial that was begun and ended, the row of its end is the one that was there before
    op.execute(
        "DELETE FROM trials WHERE state = 'begun' AND EXISTS (SELECT 1 FROM trials AS ended WHERE "
        "ended.market = trials.market AND ended.recipe_hash = trials.recipe_hash AND "
        "ended.market_hash = trials.market_hash AND ended.state <> 'begun')"
    )
    _unique_trials(_TRIAL)
    op.drop_table("chain_beginnings")
