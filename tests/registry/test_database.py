"""The database is always at a known schema, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from registry.database import _config, open_database
from registry.errors import DatabaseError
from registry.tables import Base


def test_the_migrations_make_the_very_tables_the_code_declares(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'o.sqlite'}")

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_again(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'o.sqlite'}")
    command.upgrade(_config(engine), "head")
    command.downgrade(_config(engine), "base")

    with engine.connect() as connection:
        left = connection.execute(text("SELECT name FROM sqlite_master WHERE type='table'"))
        assert {row[0] for row in left} <= {"alembic_version", "sqlite_sequence"}
    engine.dispose()


def test_every_table_compiles_for_postgresql() -> None:
    for table in Base.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def test_sqlite_is_opened_as_a_database_others_rely_on(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'deep' / 'er' / 'o.sqlite'}")

    with database.session() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert session.execute(text("PRAGMA busy_timeout")).scalar() == 10_000


def test_a_unit_of_work_is_all_or_nothing(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'o.sqlite'}")
    insert = text("INSERT INTO recipes VALUES ('h', 'n', '{}', '2024-01-01')")

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
        ("9999", True, "newer than this Orbcast knows.*upgrade Orbcast"),
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


def test_what_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.sqlite").write_text(
        "this is a letter, not a database, and long enough to be read"
    )
    (tmp_path / "file").write_text("x")

    for url, message in (
        (f"sqlite:///{tmp_path / 'no.sqlite'}", "not a database"),
        (f"sqlite:///{tmp_path / 'file' / 'o.sqlite'}", "folder cannot be made"),
        ("no url at all", "is no database URL"),
    ):
        with pytest.raises(DatabaseError, match=message) as caught:
            open_database(url)
        assert "\n" not in str(caught.value)
