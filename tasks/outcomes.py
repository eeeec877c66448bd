"""Outcomes: what became of every slot that was predicted, and how the predictions did."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from prefect import task

from ml_core.features.history import HISTORY_DAYS
from ml_core.learning.assemble import NoBarsError, assemble
from ml_core.learning.recipe import Recipe
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from ml_core.ranges.label_spec import LabelSpec
from monitoring.performance import daily_figures
from registry.ledger import OutcomeEntry, Settled
from tasks.retrying import RETRIED
from tasks.settings import Settings, settings

REVISED_DAYS = 10
"""Slots settled this long ago are looked at again: a revised bar may have changed them."""

_NEVER_SETTLED = frozenset({"holiday", "exchange_closed"})


@task(name="settle what can be settled", **RETRIED)
def settle(market: str, at: datetime) -> dict[str, Any]:
    """Label every open or recent slot of the ledger from the lake and append its outcome."""
    where = settings()
    known = where.market(market)
    ledger = where.ledger()
    rows = ledger.settled(known.symbol)
    recent = (at - timedelta(days=REVISED_DAYS)).date()
    wanted = [
        each
        for each in rows
        if each.prediction.reason not in _NEVER_SETTLED
        and (each.outcome is None or each.prediction.trading_day >= recent)
    ]
    counts = {"added": 0, "revised": 0, "unchanged": 0, "open": 0}
    for spec in _labels(where, known.symbol, wanted):
        slots = {
            (each.prediction.trading_day, each.prediction.opening_range)
            for each in wanted
            if each.prediction.label == spec.key
        }
        outcomes = _outcomes(where, known, spec, slots, at)
        counts["open"] += len(slots) - len(outcomes)
        for entry in outcomes:
            counts[ledger.record_outcome(entry, at)] += 1
    return {"symbol": known.symbol, "predictions": len(rows), **counts}


@task(name="work out the performance", **RETRIED)
def measure(market: str, at: datetime) -> list[dict[str, Any]]:
    """Bring the daily figures up to the outcomes, and give them."""
    from registry.performance import PerformanceRecord, update_performance  # noqa: PLC0415

    where = settings()
    symbol = where.market(market).symbol
    figures = daily_figures(_row(each) for each in where.ledger().settled(symbol))
    records = [PerformanceRecord(market=symbol, **each) for each in figures]
    update_performance(where.database(), records, at)
    return [{**each, "day": str(each["day"])} for each in figures]


def _labels(where: Settings, symbol: str, wanted: list[Settled]) -> list[LabelSpec]:
    """Give the label specification behind each key that the ledger's rows name."""
    keys = {each.prediction.label for each in wanted}
    known = {LabelSpec().key: LabelSpec()}
    if not keys <= set(known):
        for record in where.models().versions(symbol):
            text = (record.folder / "recipe.json").read_text(encoding="utf-8")
            spec = Recipe.model_validate_json(text).label
            known[spec.key] = spec
    return [known[key] for key in sorted(keys) if key in known]


def _outcomes(
    where: Settings,
    market: Market,
    spec: LabelSpec,
    slots: set[tuple[date, str]],
    at: datetime,
) -> list[OutcomeEntry]:
    """Give the outcome of each slot that is settled by the bars known at a time."""
    days = sorted(day for day, _ in slots)
    first = to_minute(at) if not days else _first_minute(days[0])
    bars = where.lake().read(market, first, to_minute(at))
    try:
        # knowledge ends with the last bar: a lake that lags settles nothing by silence
        assembly = assemble(bars, market, spec, first=days[0], last=days[-1], features=())
    except NoBarsError:
        return []
    rows = assembly.table().to_pylist()
    return [
        _entry(market, row, spec.key)
        for row in rows
        if (row["trading_day"], row["opening_range"]) in slots
        and row["break_direction"] is not None
        and row["resolved_at"] is not None
    ]


def _first_minute(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 1440 - (HISTORY_DAYS + 2) * 1440


def _entry(market: Market, row: dict[str, Any], label: str) -> OutcomeEntry:
    names = ("trading_day", "opening_range", "outcome", "entry", "stop", "target")
    return OutcomeEntry(
        market=market.symbol,
        label=label,
        direction=row["break_direction"],
        r_gross=row["r_gross"],
        r_net=row["r_net"],
        resolved_at=row["resolved_at"],
        **{name: row[name] for name in names},
    )


def _row(each: Settled) -> dict[str, Any]:
    said, outcome = each.prediction, each.outcome
    same = ("opening_range", "mode", "role", "version", "status", "p_up", "baseline_p_up")
    return {
        "day": said.trading_day,
        "recommendation": said.recommendation,
        "direction": outcome.direction if outcome else None,
        "r_gross": outcome.r_gross if outcome else None,
        "r_net": outcome.r_net if outcome else None,
        **{name: getattr(said, name) for name in same},
    }
