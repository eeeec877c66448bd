"""The database's schema: which one is here, and how an older one is brought up to date.

Alembic does the work when there is work; that there is none is one look at its table, so that a
command need not import it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from ml_core.on_demand import library
from registry.errors import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config

alembic_config = library("alembic.config")
alembic_command = library("alembic.command")

_MIGRATIONS = Path(__file__).parent / "migrations"


def revisions() -> tuple[str, ...]:
    """Return the schemas this Orbcast knows, oldest first.

    The numbers of the migrations' files.
    """
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def migrations_of(engine: Engine) -> Config:
    """Return Alembic's configuration of this database."""
    config: Config = alembic_config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def require_this_schema(engine: Engine, name: str) -> None:
    """Refuse a database whose schema is not this Orbcast's.

    Raises
    ------
    DatabaseError
        It is older, or newer.
    """
    here = _schema(engine, name)
    if here != revisions()[-1]:
        raise DatabaseError(name, f"has schema {here}, which is old", "run `orbcast db upgrade`")


def bring_up_to_date(engine: Engine, name: str) -> bool:
    """Make the schema of an empty database, upgrade that of an older one; return if it did.

    Raises
    ------
    DatabaseError
        It is newer than this Orbcast knows.
    """
    old = _schema(engine, name) != revisions()[-1]
    if old:
        alembic_command.upgrade(migrations_of(engine), "head")
    return old


def _schema(engine: Engine, name: str) -> str | None:
    with engine.connect() as connection:
        here = None
        if inspect(connection).has_table("alembic_version"):
            here = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if here is not None and here not in revisions():
        remedy = "upgrade Orbcast, or name the database this version made"
        raise DatabaseError(name, f"has schema {here}, newer than this Orbcast knows", remedy)
    return here
