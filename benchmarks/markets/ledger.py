"""A ledger of many markets over a year, and what the commands that read it take."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.ledger import outcome, prediction
from benchmarks.markets.world import market_text, symbol_of
from ml_core.decision.entry import PredictionEntry
from ml_core.json_values import field_values
from ml_core.market.market import load_market
from registry.chains.chain import Chain
from registry.database import Database, open_database
from registry.ledger.entries import OutcomeEntry, fields_of
from registry.ledger.verification import OUTCOMES, PREDICTIONS
from registry.tables.ledger import OutcomeRow, PredictionRow
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

_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Processor seconds and peak memory of a command or step."""

    what: str
    processor: float
    peak_mb: float


def fill_ledger(home: Path, markets: int) -> int:
    """Write market files and a year's predictions and outcomes with valid chains."""
    settings = Settings(home=home)
    settings.own_markets_dir.mkdir(parents=True)
    for number in range(markets):
        name = symbol_of(number).lower()
        (settings.own_markets_dir / f"{name}.toml").write_text(market_text(number), "utf-8")
    database = open_database(settings.url, checkpoints=home / "ledger-heads.jsonl")
    entries = sorted(_entries(settings, markets), key=lambda entry: entry.decision_time)
    became = map(_outcome, entries)
    _append(database, PREDICTIONS, PredictionRow, map(fields_of, entries))
    _append(
        database,
        OUTCOMES,
        OutcomeRow,
        ({**field_values(it), "revision": 0, "recorded_at": it.resolved_at} for it in became),
    )
    return len(entries)


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
    from tasks.prediction.outcomes import measure  # noqa: PLC0415 - reads the environment
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
        for count, slot in enumerate(slots_between(market, FIRST, LAST)):
            yield replace(
                prediction(count, random),
                market=slot.symbol,
                trading_day=slot.trading_day,
                opening_range=slot.opening_range,
                decision_time=slot.decision,
                made_at=slot.decision + timedelta(seconds=3),
            )


def _outcome(entry: PredictionEntry) -> OutcomeEntry:
    won = entry.p_up is not None and hash((entry.market, entry.decision_time)) % 2 == 0
    return replace(
        outcome(entry),
        direction="UP" if won else "DOWN",
        outcome="WIN" if won else "LOSS",
        r_net=0.8 if won else -1.2,
        r_gross=1.0 if won else -1.0,
    )


def _append(
    database: Database,
    chain: Chain,
    table: type[PredictionRow | OutcomeRow],
    rows: Iterable[dict[str, Any]],
) -> None:
    """Write what `Ledger.append` writes, without a query and a flush for each row."""
    with database.session() as session:
        after = chain.head(session).row_hash
        for batch in batched(rows, _AT_ONCE):
            for values in batch:
                digest = chain.row_hash(values, after)
                values |= {"previous_hash": after, "row_hash": digest}
                after = digest
            session.execute(insert(table), batch)


def batched(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows in lists of a size; itertools has this from Python 3.12 on."""
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
