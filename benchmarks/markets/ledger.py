"""A ledger of many markets over years, and what the commands that read it take."""

from __future__ import annotations

import hashlib
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.ledger import outcome, prediction
from benchmarks.markets.world import market_text, symbol_of
from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.json_values import field_values
from ml_core.market.market import load_market
from registry.chains.chain import GENESIS, Chain
from registry.database import Database, open_database
from registry.ledger.entries import fields_of
from registry.ledger.verification import OUTCOMES, PREDICTIONS
from registry.tables.base import canonical
from tasks.prediction.slots import slots_between
from tasks.settings import Settings

FIRST, LAST = date(2025, 1, 2), date(2025, 12, 31)
AT = datetime(2026, 1, 2, 20, 0, tzinfo=UTC)
"""The time on the clock of the commands, which is after the last slot."""

LIMITS = {
    "verify": 5.0,
    "status": 3.0,  # of fifty markets
    "performance": 2.0,
    "rollout": 2.0,
    "figures of a market": 1.0,
    "monitors of a market": 1.0,
}
"""Processor seconds at most; those of other commands are of docs/benchmarks.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Processor seconds and peak memory of a command or step."""

    what: str
    processor: float
    peak_mb: float


def fill_ledger(home: Path, markets: int, years: int = 1) -> int:
    """Write market files, and predictions and outcomes with valid chains and their noted ends.

    Predictions of more than one year have neither features nor outputs: with them, ten million
    rows would be 50 GB. The slots of an earlier year are those of the last one, 52 weeks before.
    Return the number of predictions.
    """
    settings = Settings(home=home)
    settings.own_markets_dir.mkdir(parents=True)
    for number in range(markets):
        name = symbol_of(number).lower()
        (settings.own_markets_dir / f"{name}.toml").write_text(market_text(number), "utf-8")
    database = open_database(settings.url, checkpoints=home / "ledger-heads.jsonl")
    entries = sorted(_entries(settings, markets), key=lambda entry: entry.decision_time)
    if years > 1:
        entries = [replace(entry, features={}, outputs=Outputs()) for entry in entries]
    shifts = [timedelta(weeks=-52 * year) for year in reversed(range(years))]
    predictions = map(fields_of, entries)
    with (
        _fast_connection(database) as connection,
        (home / "ledger-heads.jsonl").open("w", encoding="utf-8") as notes,
    ):
        _append(connection, notes, PREDICTIONS, list(predictions), shifts)
        _append(connection, notes, OUTCOMES, list(map(_became, entries)), shifts)
    _sort_notes(home / "ledger-heads.jsonl")
    return len(entries) * years


def command_spent(home: Path, *words: str) -> Spent:
    """Run an `orbcast` command on the ledger, and return what it took."""
    clock = home / "clock"
    clock.write_text(str((AT - datetime.now(UTC)).total_seconds()), "utf-8")
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment |= {"ORBCAST_HOME": str(home), "ORBCAST_CLOCK_FILE": str(clock)}
    with subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        print(f"{' '.join(words)} ended {process.returncode}")
    return Spent(
        what=" ".join(words),
        processor=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
    )


def steps_spent(home: Path) -> Iterator[Spent]:
    """Yield what the parts of log-outcomes take that read a market's whole live record."""
    os.environ["ORBCAST_HOME"] = str(home)
    from tasks.prediction.outcomes.settling import measure  # noqa: PLC0415 - reads the environment
    from tasks.training.version_lineage import monitors_by_role  # noqa: PLC0415

    settings, name = Settings(home=home), symbol_of(0).lower()
    symbol = settings.market(name).symbol
    steps = {
        "figures of a market": lambda: measure.fn(name, AT),
        "the same again": lambda: measure.fn(name, AT),
        "monitors of a market": lambda: monitors_by_role(settings, symbol),
    }
    for what, step in steps.items():
        began = time.process_time()
        step()
        yield Spent(
            what=what,
            processor=time.process_time() - began,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )


def _entries(settings: Settings, markets: int) -> Iterator[PredictionEntry]:
    random = np.random.default_rng(5)
    for number in range(markets):
        market = load_market(settings.market_file(symbol_of(number).lower()))
        for index, slot in enumerate(slots_between(market, FIRST, LAST)):
            yield replace(
                prediction(index, random),
                market=slot.symbol,
                trading_day=slot.trading_day,
                opening_range=slot.opening_range,
                decision_time=slot.decision,
                made_at=slot.decision + timedelta(seconds=3),
            )


def _became(entry: PredictionEntry) -> dict[str, Any]:
    won = entry.p_up is not None and round(entry.p_up * 1e6) % 2 == 0
    values = field_values(outcome(entry)) | {
        "direction": "UP" if won else "DOWN",
        "outcome": "WIN" if won else "LOSS",
        "r_net": 0.8 if won else -1.2,
        "r_gross": 1.0 if won else -1.0,
    }
    return {**values, "revision": 0, "recorded_at": values["resolved_at"]}


@contextmanager
def _fast_connection(database: Database) -> Iterator[sqlite3.Connection]:
    """Yield a connection without a journal that keeps the indexes of the hashes in memory."""
    path = str(database.engine.url.database)
    database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=OFF", "PRAGMA cache_size=-6000000", "BEGIN"):
            connection.execute(statement)
        yield connection
        connection.execute("COMMIT")


def _append(
    connection: sqlite3.Connection,
    notes: TextIO,
    chain: Chain,
    rows: list[dict[str, Any]],
    shifts: list[timedelta],
) -> None:
    """Write rows as `Ledger.append` does, at each of some times, with a note for each.

    Only the rows' times differ from year to year, so that the rest is encoded once.
    """
    moved = [name for name in chain.names if isinstance(rows[0][name], date)]
    rows = [chain.stored(values) for values in rows]
    hashed_names = [name for name in chain.names if name != "market_hash"]  # it is empty
    texts = [canonical({n: n if n in moved else row[n] for n in hashed_names}) for row in rows]
    names = [*chain.names, "previous_hash", "row_hash"]
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {chain.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
    places = {name: chain.names.index(name) for name in moved}
    columns = [[_as_column(row[name]) for name in chain.names] for row in rows]
    dated_by, number, after = chain.table.dated_by, 0, GENESIS
    for shift in shifts:
        for row, column, text in zip(rows, columns, texts, strict=True):
            hashed = text
            for name, place in places.items():
                at = row[name] + shift
                hashed = hashed.replace(f'"{name}":"{name}"', f'"{name}":"{at.isoformat()}"')
                column[place] = _as_column(at)
            previous, after = after, hashlib.sha256((after + hashed).encode()).hexdigest()
            connection.execute(statement, (*column, previous, after))
            number += 1
            notes.write(
                f'{{"at":"{row[dated_by] + shift}","chain":"{chain.name}","head":"{after}",'
                f'"rows":{number}}}\n'
            )


def _sort_notes(path: Path) -> None:
    """Put the notes of both chains in the order of time, in which each line begins."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    lines.sort(key=lambda line: line.partition(",")[0])
    path.write_text("".join(lines), encoding="utf-8")


def _as_column(value: Any) -> Any:
    """Return a value as SQLAlchemy writes it to SQLite."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds").removesuffix("+00:00")
    if isinstance(value, date):
        return value.isoformat()
    return canonical(value) if isinstance(value, dict) else value
