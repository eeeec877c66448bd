"""The operations that record something, for trials at each of their points."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from deployments.cli.errors import error_line, exit_status
from ml_core.bars.contract import RawBatch
from ml_core.bars.lake.lake import Lake
from ml_core.learning.bundle import Bundle
from ml_core.learning.saved_bundle import write_bundle
from registry.database import Database, open_database
from registry.ledger.ledger import Ledger
from registry.models.decisions import DecisionRecord, record_decision
from registry.models.model_store import ModelStore
from registry.models.versions import CHAMPION
from tests.faults.fault_points import Operation
from tests.ledger_rows import DECIDED
from tests.ml_core.bars.lake.test_lake import NOW, bar, batch
from tests.ml_core.builders import mgc
from tests.registry.ledger.test_ledger import outcome_entry, prediction_entry
from tests.registry.models.test_model_store import AT, DATA, bundle

A_DAY = timedelta(days=1)
LATER = datetime(2024, 7, 1, tzinfo=UTC)


def opened(folder: Path, url: str) -> Database:
    return open_database(url, checkpoints=folder / "heads.jsonl")


def store(folder: Path, database: Database) -> ModelStore:
    return ModelStore(database, folder / "models")


def register(models: ModelStore, made: Bundle, at: datetime = AT) -> None:
    def write(folder: Path) -> None:
        write_bundle(made, folder, metrics={"n": 1}, card="# card", reference=DATA)

    models.register(made, write, metrics={"n": 1}, at=at)


# -- the state -------------------------------------------------------------------------------


@cache
def _database_to_read(url: str, checkpoints: Path) -> Database:
    """Return a database to read repeatedly, which holds no connection in between."""
    return open_database(url, checkpoints=checkpoints)


def look(folder: Path, url: str) -> dict[str, Any]:
    """Return every row, the hash of every file, and the findings of `verify`."""
    database = _database_to_read(url, folder / "heads.jsonl")
    record = Ledger(database).verify()
    models = store(folder, database)
    tables = inspect(database.engine).get_table_names()
    with database.reading() as session:
        rows = {table: _rows_of(session, table) for table in tables}
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("orbcast.sqlite", "heads.jsonl"))
    }
    versions = [models.content_faults(version) for version in models.versions()]
    database.close()
    return {
        "verify": [*record.faults, *map(str, record.gaps), *record.doubts],
        "unnoted": record.unnoted,
        "versions": [fault for faults in versions for fault in faults],
        "rows": {name: content for name, content in rows.items() if content},
        "files": files,
        "folders": sorted(
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir()
        ),
    }


def _rows_of(session: Session, table: str) -> list[str]:
    """Return a table's rows, with generated numbers replaced by ranks, since PostgreSQL does not
    reuse the numbers of a rolled-back transaction.
    """
    rows = session.execute(text(f'SELECT * FROM "{table}"')).mappings().all()  # noqa: S608
    numbers = sorted({row["id"] for row in rows if isinstance(row.get("id"), int)})
    ranks = {number: rank for rank, number in enumerate(numbers)}
    return sorted(repr({**row, "id": ranks.get(row.get("id"))}) for row in rows)


def words_of(error: Exception) -> str:
    """Return the error line and the exit status of a command."""
    return f"{exit_status(error)} {error_line(error)}"


def _emptied(folder: Path, url: str) -> Database:
    database = opened(folder, url)
    if database.engine.dialect.name == "postgresql":
        names = sorted({*inspect(database.engine).get_table_names()} - {"alembic_version"})
        with database.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
    return database


# -- the operations --------------------------------------------------------------------------

_BASELINE, _MODEL = bundle("a"), bundle("b", "residual")


def _one_version(folder: Path, url: str) -> None:
    database = _emptied(folder, url)
    register(store(folder, database), _BASELINE)
    database.close()


def _register(folder: Path, url: str) -> None:
    database = opened(folder, url)
    register(store(folder, database), _MODEL, AT + A_DAY)
    database.close()


def _two_versions(folder: Path, url: str) -> None:
    database = _emptied(folder, url)
    models = store(folder, database)
    register(models, _BASELINE)
    register(models, _MODEL)
    models.set_alias("TEST", CHAMPION, _BASELINE.version, at=AT, by="orbcast", reason="first")
    database.close()


def _promote(folder: Path, url: str) -> None:
    database = opened(folder, url)
    models = store(folder, database)
    record = DecisionRecord(
        market="TEST",
        kind="promotion",
        version=_MODEL.version,
        verdict="better",
        reasons=["it is"],
        evidence={"n": 1},
        at=LATER,
    )
    record_decision(database, record)
    models.set_alias("TEST", CHAMPION, _MODEL.version, at=LATER, by="ann", reason="better")
    database.close()


def _one_slot(folder: Path, url: str) -> None:
    database = _emptied(folder, url)
    ledger = Ledger(database)
    ledger.record([prediction_entry(), prediction_entry(role="challenger")])
    ledger.record_outcome(outcome_entry(), DECIDED + timedelta(hours=2))
    database.close()


def _log(folder: Path, url: str) -> None:
    database = opened(folder, url)
    ledger = Ledger(database)
    ledger.record([prediction_entry(1), prediction_entry(1, role="challenger")])
    for outcome in (
        outcome_entry(0.4, "LOSS"),
        replace(outcome_entry(), trading_day=prediction_entry(1).trading_day),
    ):
        ledger.record_outcome(outcome, DECIDED + A_DAY)
    database.close()


def _first_reading(folder: Path, url: str) -> None:
    Lake(folder / "lake").ingest([_reading("one way", bar(0), bar(1))], mgc(), NOW)
    _emptied(folder, url).close()


def _take_in(folder: Path, _url: str) -> None:
    later = (bar(0, 2001.0), bar(1), bar(40 * 1440))
    Lake(folder / "lake").ingest([_reading("another", *later)], mgc(), NOW + A_DAY)


def _reading(way: str, *rows: tuple[Any, ...]) -> RawBatch:
    return replace(batch(list(rows), way), origin="file", reading=way)


REGISTER = Operation(_one_version, _register, look, words_of)
"""Register a version with its model's files, beside an existing one."""

PROMOTE = Operation(_two_versions, _promote, look, words_of)
"""Record a decision and the change of champion that follows from it."""

LOG = Operation(_one_slot, _log, look, words_of)
"""Record two predictions in one transaction, a revised outcome, and a new one."""

TAKE_IN = Operation(_first_reading, _take_in, look, words_of)
"""Import another reading that revises a bar and adds a month, with its record."""
