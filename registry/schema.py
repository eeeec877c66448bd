"""The database's schema: which one a database has, and the upgrade of an older one.

Alembic does the upgrade. Whether one is needed is read from its table, so that most commands need
not import Alembic.
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
    """Return the schemas that this release knows, oldest first: the numbers of its migrations."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def migrations_of(engine: Engine) -> Config:
    """Return Alembic's configuration for this database."""
    config: Config = alembic_config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def require_this_schema(engine: Engine, name: str) -> None:
    """Refuse a database whose schema is not this release's.

    Raises
    ------
    DatabaseError
        The schema is older or newer.
    """
    here = _schema(engine, name)
    if here != revisions()[-1]:
        raise DatabaseError(name, f"has schema {here}, which is old", "run `orbcast db upgrade`")


def bring_up_to_date(engine: Engine, name: str) -> bool:
    """Create or upgrade the schema if it is not current; return whether it did.

    Raises
    ------
    DatabaseError
        The schema is newer than this release knows.
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
        remedy = "upgrade Orbcast, or name a database made by this version"
        raise DatabaseError(name, f"has schema {here}, newer than this Orbcast supports", remedy)
    return here
