"""Outcomes of every predicted slot, and the daily performance figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from prefect import task

import monitoring.daily_sums
from ml_core.features.history import HISTORY_DAYS
from ml_core.files import sha256_of_code
from ml_core.health.daily_sums import PerformanceRecord
from ml_core.health.scored_prediction import ScoredPrediction
from ml_core.json_values import parse_json
from ml_core.learning.datasets.assemble import NoBarsError, assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import MINUTES_A_DAY, Market
from ml_core.market.schedule import first_minute, to_minute
from ml_core.ranges.label_spec import LabelSpec
from monitoring.daily_sums import daily_figures
from registry.health.performance import changed_days, first_recorded, update_performance
from registry.ledger.browsing import PredictionFilter, matching
from registry.ledger.entries import OutcomeEntry, OutcomeKey, Settled, outcome_key
from registry.ledger.slots import slots_to_settle
from tasks.data.label_keys import labels_by_key
from tasks.data.market_definition import market_of
from tasks.notices.events import OutcomeSettled, emit
from tasks.prediction.outcomes.settled_trades import settle_trades
from tasks.runs.code_hash import code_hash
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings

REVISED_DAYS = 10
"""Slots settled within this many days are settled again: a bar may have been added late. Slots of
a bar that was revised or withdrawn within this many days are settled again at any age.
"""

OUTCOME_LATE = timedelta(days=1)
"""An outcome first recorded longer than this after it was settled is late."""

_DAYS_AT_ONCE = 100
"""Days of predictions held in memory at once."""

_NEVER_SETTLED = frozenset({"holiday", "exchange_closed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCounts:
    """Counts of the outcomes of the slots that were checked.

    Attributes
    ----------
    symbol, predictions
        The market's symbol, and the number of predictions in its ledger.
    added, revised, unchanged
        Numbers of outcomes appended, replaced by a revision, and already recorded.
    open
        Number of slots that cannot be settled yet.
    trades
        Number of trades of followed strategies appended or replaced by a revision.
    """

    symbol: str
    predictions: int
    added: int
    revised: int
    unchanged: int
    open: int
    trades: int = 0


@task(name="settle outcomes", task_run_name="{market}: settle", **RETRIED)
def settle(market: str, at: datetime) -> OutcomeCounts:
    """Append the outcomes of open and recent slots, by their label and by their plan's rules."""
    settings = current_settings()
    definition = settings.market(market)
    ledger = settings.ledger()
    recent = (at - timedelta(days=REVISED_DAYS)).date()
    revised = _revised_days(settings, definition.symbol, at)
    wanted = slots_to_settle(
        settings.database(),
        definition.symbol,
        recent=recent,
        also=revised,
        never=_NEVER_SETTLED,
    )
    counts: Counter[str] = Counter()
    keys = {slot.label for slot in wanted}
    live = {slot.key for slot in wanted if slot.mode == "live"}
    hashes = sorted({slot.market_hash for slot in wanted})
    for (key, spec), market_hash in product(
        labels_by_key(settings, definition.symbol, keys).items(), hashes
    ):
        slots = {
            (slot.trading_day, slot.opening_range)
            for slot in wanted
            if (slot.label, slot.market_hash) == (key, market_hash)
        }
        # if the market file has changed since, a slot is settled by the earlier definition
        then = market_of(settings, definition, market_hash)
        outcomes = []
        if slots and then is not None:
            outcomes = _outcomes(settings, then, spec, slots, at, market_hash)
        counts["open"] += len(slots) - len(outcomes)
        for entry in outcomes:
            done = ledger.record_outcome(entry, at)
            counts[done] += 1
            if done != "unchanged" and outcome_key(entry) in live:
                _emit(entry, revised=done == "revised")
    return OutcomeCounts(
        symbol=definition.symbol,
        predictions=matching(settings.database(), PredictionFilter(market=definition.symbol)),
        added=counts["added"],
        revised=counts["revised"],
        unchanged=counts["unchanged"],
        open=counts["open"],
        trades=settle_trades(settings, definition, at, since=recent, days=revised),
    )


def _revised_days(settings: Settings, symbol: str, at: datetime) -> set[date]:
    """Return the trading days that recently revised or withdrawn bars may belong to."""
    lake, since = settings.lake(), at - timedelta(days=REVISED_DAYS)
    lately = {
        batch.batch_id
        for batch in lake.batches(symbol)
        if (batch.revised or batch.withdrawn)
        and datetime.fromisoformat(batch.ingested_at) >= since
    }
    changed = lake.revisions(symbol, lately) if lately else None
    if changed is None:
        return set()
    # a trading day begins and ends within a day of the same date in UTC
    days = {moment.date() for moment in changed["ts"].unique().to_pylist()}
    return {day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}


def _emit(entry: OutcomeEntry, *, revised: bool) -> None:
    names = ("market", "trading_day", "opening_range", "label", "direction", "outcome")
    values = {name: getattr(entry, name) for name in (*names, "r_gross", "r_net", "resolved_at")}
    emit(OutcomeSettled(**values, revised=revised))


@task(name="compute the performance", task_run_name="{market}: performance", **RETRIED)
def measure(market: str, at: datetime) -> int:
    """Update the daily figures to the latest outcomes; return how many rows are new or changed.

    Only days with rows recorded since the last time are summed. A majority that becomes known
    after its day was summed is added by the next release, which sums all days anew.
    """
    settings = current_settings()
    database, symbol = settings.database(), settings.market(market).symbol
    days, upto = changed_days(database, symbol, _summing_code())
    records: list[PerformanceRecord] = []
    for first in range(0, len(days), _DAYS_AT_ONCE):
        some = days[first : first + _DAYS_AT_ONCE]
        arrived = first_recorded(database, symbol, some)
        rows = settings.ledger().settled(symbol, days=some)
        majority = _majorities(settings, symbol, {row.prediction.version for row in rows})
        records += daily_figures(symbol, (_scored(row, arrived, majority) for row in rows))
    return update_performance(database, records, at, upto) if days else 0


@lru_cache(maxsize=1)
def _summing_code() -> str:
    """Hash the code that decides the daily figures, as this process loaded it."""
    return f"{code_hash()} {sha256_of_code(Path(monitoring.daily_sums.__file__))}"


def _outcomes(
    settings: Settings,
    market: Market,
    spec: LabelSpec,
    slots: set[tuple[date, str]],
    at: datetime,
    market_hash: str,
) -> list[OutcomeEntry]:
    """Return the outcome of each slot that the bars known at a time settle."""
    days = sorted(day for day, _ in slots)
    first = to_minute(at) if not days else _first_minute(days[0])
    bars = settings.lake().read(market, first, to_minute(at))
    try:
        # nothing is known after the last bar: missing bars of a lagging lake settle nothing
        assembly = assemble(bars, market, spec, first=days[0], last=days[-1], features=())
    except NoBarsError:
        return []
    rows = slot_table(assembly).to_pylist()
    return [
        _entry(market, row, spec.key, market_hash)
        for row in rows
        if (row["trading_day"], row["opening_range"]) in slots
        and row["break_direction"] is not None
        and row["resolved_at"] is not None
    ]


def _first_minute(day: date) -> int:
    return first_minute(day) - (HISTORY_DAYS + 2) * MINUTES_A_DAY


def _entry(market: Market, row: dict[str, Any], label: str, market_hash: str) -> OutcomeEntry:
    names = ("trading_day", "opening_range", "outcome", "entry", "stop", "target")
    return OutcomeEntry(
        market=market.symbol,
        label=label,
        market_hash=market_hash,
        direction=row["break_direction"],
        r_gross=row["r_gross"],
        r_net=row["r_net"],
        resolved_at=row["resolved_at"],
        **{name: row[name] for name in names},
    )


def _scored(
    row: Settled, arrived: Mapping[OutcomeKey, datetime], majority: Mapping[str, float]
) -> ScoredPrediction:
    entry, outcome = row.prediction, row.outcome
    came = arrived.get(outcome_key(entry))
    # a replay's outcome was known long before the replay, so it is never late
    late = (
        entry.mode == "live"
        and outcome is not None
        and came is not None
        and came - outcome.resolved_at > OUTCOME_LATE
    )
    return row.scored(majority_p_up=majority.get(entry.version or ""), outcome_late=late)


def _majorities(settings: Settings, symbol: str, names: set[str | None]) -> dict[str, float]:
    """Return the share of UP among some versions' training breakouts, where it is known."""
    shares = {
        record.version: _majority(record.folder)
        for record in settings.models().versions(symbol)
        if record.version in names
    }
    return {version: share for version, share in shares.items() if share is not None}


@lru_cache(maxsize=512)
def _majority(folder: Path) -> float | None:
    try:
        text = (folder / "baselines.json").read_text(encoding="utf-8")
        return float(parse_json(text)["p_up"])
    except (OSError, ValueError, KeyError, TypeError):
        # a secondary figure: it is left out if the version's files are gone or damaged
        return None
