"""The database is always at a known schema, on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import hashlib
import sqlite3
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from registry.database import Database, open_database, open_read_only
from registry.errors import BusyDatabaseError, DatabaseError
from registry.ledger.entries import fields_of
from registry.ledger.ledger import Ledger
from registry.schema import migrations_of, revisions
from registry.tables.base import canonical
from registry.tables.every import METADATA
from tests.registry.ledger.test_ledger import T0, outcome_entry, prediction_entry


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without tables, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'o.sqlite'}"
    return str(request.getfixturevalue("new_postgresql"))


def test_the_migrations_make_the_very_tables_the_code_declares(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []


def test_the_schemas_by_file_name_are_those_of_the_migrations(
    new_url: str,
) -> None:
    engine = create_engine(new_url)
    script = ScriptDirectory.from_config(migrations_of(engine))
    newest_first = [migration.revision for migration in script.walk_revisions()]
    assert revisions() == tuple(reversed(newest_first))
    engine.dispose()


def test_migrations_go_down_again_and_up(new_url: str) -> None:
    engine = create_engine(new_url)
    for _ in range(2):
        command.upgrade(migrations_of(engine), "head")
        assert set(METADATA.tables) < set(inspect(engine).get_table_names())
        command.downgrade(migrations_of(engine), "base")
        assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_outcomes_recorded_before_they_were_chained_are_chained_in_order(new_url: str) -> None:
    first = open_database(new_url)
    Ledger(first).record([prediction_entry()])
    for r_net in (0.8, -1.2, 0.8):
        Ledger(first).record_outcome(outcome_entry(r_net), T0 + timedelta(hours=2))
    head = Ledger(first).verify().outcomes
    command.downgrade(migrations_of(first.engine), "0004")
    first.close()

    again = open_database(new_url)

    record = Ledger(again).verify()
    assert record.faults == ()
    assert record.outcomes == head
    again.close()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_on_postgresql_a_unit_of_work_is_alone_and_waits_only_so_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.database.BUSY_MILLISECONDS", 50)

    with database.session() as session:
        session.execute(text("SELECT 1"))
        with database.reading() as reader:  # a reader neither blocks nor is blocked
            assert reader.execute(text("SELECT count(*) FROM recipes")).scalar() == 0
        with pytest.raises(BusyDatabaseError, match="try again"), database.session() as other:
            other.execute(text("SELECT 1"))


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_ended_is_replaced(database: Database) -> None:
    with database.session() as session:
        ended = session.execute(text("SELECT pg_backend_pid()")).scalar()
    ender = create_engine(database.engine.url)
    with ender.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ended})
    ender.dispose()

    with database.session() as session:
        assert session.execute(text("SELECT pg_backend_pid()")).scalar() != ended


def test_a_read_sees_one_state_and_delays_no_writer(database: Database) -> None:
    count = text("SELECT count(*) FROM predictions")
    with database.reading() as looking:
        assert looking.execute(count).scalar() == 0
        assert Ledger(database).record([prediction_entry()]) == 1
        assert looking.execute(count).scalar() == 0
    with database.reading() as looking:
        assert looking.execute(count).scalar() == 1


def test_a_read_cannot_write_and_the_next_unit_of_work_can(database: Database) -> None:
    Ledger(database).record([prediction_entry()])
    remove = text("DELETE FROM predictions")
    for _ in range(2):  # the second time on a connection that was used for both
        refused = pytest.raises((DBAPIError, DatabaseError), match=r"read.?only|only be read")
        with refused, database.reading() as session:
            session.execute(remove)
        with database.session() as session:
            session.execute(text("UPDATE predictions SET market = market"))
    with database.session() as session:
        deleted = session.connection().execute(remove)
        assert deleted.rowcount == 1


def test_sqlite_is_opened_as_a_database_others_rely_on(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'deep' / 'er' / 'o.sqlite'}")

    with database.session() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert session.execute(text("PRAGMA busy_timeout")).scalar() == 10_000
        # FULL, each commit is on the disk before it returns: NORMAL loses the last with the power
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2


def test_a_unit_of_work_is_all_or_nothing(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'o.sqlite'}")
    insert = text(
        "INSERT INTO recipes (recipe_hash, name, recipe, first_seen, id, previous_hash, row_hash) "
        "VALUES ('h', 'n', '{}', '2024-01-01', 1, 'p', 'r')"
    )

    def half_done() -> None:
        with database.session() as session:
            session.execute(insert)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()

    with database.session() as session:
        assert session.execute(text("SELECT count(*) FROM recipes")).scalar() == 0


@pytest.mark.parametrize(
    ("version", "migrate", "message"),
    [
        ("9999", True, "newer than this Orbcast supports.*upgrade Orbcast"),
        (None, False, "db upgrade"),
    ],
    ids=["newer", "older and not allowed"],
)
def test_another_schema_is_refused_with_the_remedy(
    tmp_path: Path, version: str | None, message: str, *, migrate: bool
) -> None:
    url = f"sqlite:///{tmp_path / 'o.sqlite'}"
    if version:
        database = open_database(url)
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        database.close()

    with pytest.raises(DatabaseError, match=message):
        open_database(url, migrate=migrate)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.sqlite").write_text(
        "this is a letter, not a database, and long enough to be read"
    )
    (tmp_path / "file").write_text("x")

    for url, message in (
        (f"sqlite:///{tmp_path / 'no.sqlite'}", "not a database"),
        (f"sqlite:///{tmp_path / 'file' / 'o.sqlite'}", "folder cannot be made"),
        ("no url at all", "is not a database URL"),
        ("postgresql://ann:secret@/o?host=/nowhere", "check that the server runs"),
        ("postgres://ann:secret@host/o", r"ann:\*\*\*@host/o: has no driver.*orbcast\[postgres\]"),
    ):
        with pytest.raises(DatabaseError, match=message) as caught:
            open_database(url)
        assert "\n" not in str(caught.value)


def test_a_database_opened_to_read_only_cannot_be_written_and_must_be_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "with space & ?.sqlite"
    with pytest.raises(DatabaseError, match="does not exist yet"):
        open_read_only(f"sqlite:///{path}")
    assert not path.exists()
    open_database(f"sqlite:///{path}").close()
    database = open_read_only(f"sqlite:///{path}")
    with pytest.raises(DatabaseError, match="can only be read"), database.session() as session:
        session.execute(text("DELETE FROM predictions"))
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM predictions")) == 0


def test_a_database_in_a_read_only_folder_is_opened_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "orbcast.sqlite"
    open_database(f"sqlite:///{path}").close()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    monkeypatch.setattr("registry.database.os.access", lambda *_: False)

    database = open_database(f"sqlite:///{path}", checkpoints=tmp_path / "heads.jsonl")
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM predictions")) == 0
    refused = pytest.raises(DatabaseError, match=f"{path}: can only be read")
    with refused, database.session() as session:
        session.execute(text("DELETE FROM predictions"))

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_database_to_be_read_must_have_this_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orbcast.sqlite'}"
    database = open_database(url)
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    database.close()
    with pytest.raises(DatabaseError, match="orbcast db upgrade"):
        open_read_only(url)
    with pytest.raises(DatabaseError, match="is not a database URL"):
        open_read_only("nonsense")


def test_a_dropped_database_closes_its_connections(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'o.sqlite'}")
    with database.engine.connect() as connection:
        file = connection.connection.dbapi_connection
    assert file is not None
    file.cursor().close()

    del database
    gc.collect()

    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        file.cursor()


def test_a_ledger_from_before_market_definitions_verifies_and_continues(
    new_url: str,
) -> None:
    first = open_database(new_url)
    Ledger(first).record([prediction_entry()])
    Ledger(first).record_outcome(outcome_entry(), T0 + timedelta(hours=2))
    command.downgrade(migrations_of(first.engine), "0007")
    columns = {column["name"] for column in inspect(first.engine).get_columns("predictions")}
    assert "market_hash" not in columns
    first.close()

    again = open_database(new_url)

    ledger = Ledger(again)
    head = ledger.verify().predictions
    # the hash as it was taken before there was such a column
    values = fields_of(prediction_entry())
    entry = {name: _plain_text(values[name]) for name in sorted(columns & set(values))}
    assert head.row_hash == hashlib.sha256(("0" * 64 + canonical(entry)).encode()).hexdigest()
    ledger.record([replace(prediction_entry(day=1), market_hash="of a definition")])
    assert ledger.verify().faults == ()
    with again.session() as session:
        session.execute(text("UPDATE predictions SET market_hash = '' WHERE id = 2"))
    assert any("was edited" in fault for fault in ledger.verify().faults)
    with again.session() as session:
        session.execute(text("UPDATE predictions SET market_hash = 'of a definition'"))
    assert [fault[:12] for fault in ledger.verify().faults] == ["prediction 1"]
    again.close()


def _plain_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
