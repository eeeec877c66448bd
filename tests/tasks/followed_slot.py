"""One range with hand-made bars, planned by strategies whose trades differ."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ml_core.decision.plan_record import StrategyRecord
from ml_core.json_values import json_values
from ml_core.market.schedule import from_minute
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Rules
from registry.strategy import record_strategy
from registry.trades import remember_rules
from tasks.prediction.missed import unanswered_entries
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings
from tests.ml_core.bars.lake.test_lake import Row, batch
from tests.ml_core.builders import minute

DAY = date(2024, 1, 16)
NINE = minute(str(DAY), "09:00")
KEY = DAY, "0900"
T0 = from_minute(NINE + 5)
READ_AT = datetime(2024, 1, 16, 8, 0, tzinfo=UTC)
"""18:00 in Brisbane, after the session's end."""


def row(at: int, *prices: float) -> Row:
    opened, high, low, close = prices
    return ("MGCG4", at, opened, high, low, close, 5)


BEFORE = row(NINE - 1, 2000.0, 2000.0, 2000.0, 2000.0)
WINDOW = [row(NINE, 2000.0, 2001.0, 2000.0, 2000.5), row(NINE + 4, 2000.5, 2001.0, 2000.0, 2000.6)]
BREAK = row(NINE + 8, 2001.0, 2001.3, 2000.9, 2001.2)
"""UP at 2001.2; a stop order at the edge is filled at 2001.0."""
BACK = row(NINE + 12, 2001.2, 2001.2, 2001.0, 2001.1)
"""A touch of the edge."""
RISE = row(NINE + 20, 2001.2, 2002.4, 2001.1, 2002.3)
"""A rise to 2002.4, the label's target; no other rule here has it, except with rr 1 or less."""
FALL = row(NINE + 30, 2002.0, 2002.0, 1999.8, 1999.9)
LAST = row(NINE + 479, 2000.2, 2000.2, 2000.2, 2000.2)
BARS = (BREAK, BACK, RISE, FALL, LAST)

KINDS: dict[str, dict[str, Any]] = {
    "label": {"stop_fill": "level"},
    "half": {"stop": "half", "rr": 3.0},
    "ticks": {"stop": {"ticks": 5}, "rr": 2.0},
    "stop-order": {"entry": "stop_order", "rr": 1.5},
    "retest": {"entry": "retest", "rr": "none", "trail_r": 0.5},
    "edge": {"anchor": "edge", "rr": 2.0},
    "break-even": {"rr": 3.0, "break_even_after_r": 0.9},
    "partial": {"rr": 4.0, "partial": {"r": 0.5, "share": 0.5}},
    "first-candle": {"side": "first_candle", "rr": 1.0},
    "too-late": {"last_entry": "09:06"},
}
"""A strategy for each kind of rule, by its ``[trade]``."""


def rules(kind: str) -> Rules:
    return Rules.model_validate({"name": kind, "trade": KINDS[kind]})


def read(*rows: Row, at: datetime = READ_AT) -> None:
    settings = current_settings()
    settings.lake().ingest([batch([BEFORE, *WINDOW, *rows], repr(at))], settings.market("mgc"), at)


def record_entry() -> None:
    """Record the range's entry in the ledger of an empty home."""
    settings = current_settings()
    market = settings.market("mgc")
    slot = latest_slot(market, T0, "0900")
    settings.ledger().record(unanswered_entries(settings, market, {slot: "missed"}, slot.decision))


def planned(own: Rules, plan: Plan | None = None) -> None:
    """Record a plan by some rules; by default, one that arms both sides."""
    database = current_settings().database()
    values = json_values(plan or Plan(long=1.0, short=1.0, checks=()))
    record = StrategyRecord(
        market="MGC",
        trading_day=DAY,
        opening_range="0900",
        mode="live",
        rules_hash=own.hash,
        stage="shadow",
        version=None,
        decision_time=T0,
        without_model=values,
        with_model=values,
        at=T0,
    )
    remember_rules(database, own, T0)
    assert record_strategy(database, record)
