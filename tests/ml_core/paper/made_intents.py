"""Hand-made intents and bars, for tests of the paper account and its record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from ml_core.decision.plan_record import IntentChange, IntentEvent
from ml_core.json_values import json_values
from ml_core.market.schedule import from_minute, to_minute
from ml_core.paper.account import PaperAccount, PaperIntent
from ml_core.paper.book import run_book
from ml_core.paper.events import PaperEvent
from ml_core.strategy.account.limits import Account
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.order_intent import planned_order
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Rules
from tests.ml_core.builders import Row, bars_of, mgc, minute

DAY = date(2024, 2, 6)
T0 = minute("2024-02-06", "10:05")
"""The close of the range, which is 20 ticks high: 1000 to 1020."""

HIGH, LOW = 1020, 1000
FREE = mgc().instrument.model_copy(
    update={"slippage_ticks_per_side": 0, "commission_per_side": 0.0}
)
ACCOUNT = Account(name="own", balance=10_000, risk_money=1_000, max_contracts=1)


def paper(account: Account = ACCOUNT, *, costs: bool = False, share: float = 1.0) -> PaperAccount:
    instrument = mgc().instrument if costs else FREE
    return PaperAccount(
        book="outbox",
        market="MGC",
        account=account,
        instrument=instrument,
        day_of=lambda at: (at + timedelta(hours=1)).date(),
        share=share,
    )


def rules_of(**trade: Any) -> Rules:
    return Rules.model_validate({"name": "any", "trade": trade})


def intent(
    rules: Rules,
    *,
    name: str = "1000",
    sides: tuple[float, float] = (1.0, 1.0),
    issued: float = 0.07,
    begins: int = 0,
    end: int = 60,
    enter_by: int | None = None,
    atr: float | None = None,
    contracts: int | None = None,
    edges: tuple[int, int] = (LOW, HIGH),
) -> PaperIntent:
    """Return an intent issued some minutes after its range closed."""
    order = json_values(
        planned_order(
            FREE,
            rules,
            Plan(long=sides[0], short=sides[1], checks=()),
            DaySoFar(),
            contract="MGCG4",
            high_ticks=edges[1],
            low_ticks=edges[0],
            decided=from_minute(T0 + begins),
            scan_end=from_minute(T0 + end),
            enter_by=None if enter_by is None else from_minute(T0 + enter_by),
            atr_ticks=atr,
        )
    )
    if contracts is not None:
        order["entries"] = [{**entry, "contracts": contracts} for entry in order["entries"]]
    return PaperIntent(
        trading_day=DAY,
        opening_range=name,
        issued_at=from_minute(T0 + begins) + timedelta(minutes=issued),
        until=from_minute(T0 + (end if enter_by is None else enter_by)),
        order=order,
    )


def changed(of: PaperIntent, event: IntentChange, after: float, **order: Any) -> PaperIntent:
    """Return an intent with one more event, some minutes after its range closed."""
    change = IntentEvent(
        market="MGC",
        trading_day=of.trading_day,
        opening_range=of.opening_range,
        sequence=len(of.later) + 1,
        event=event,
        reason="by test",
        order={**of.order, **order} if event == "replaced" else {},
        in_force_from=of.issued_at,
        in_force_until=of.until,
        at=from_minute(T0) + timedelta(minutes=after),
    )
    return replace(of, later=(*of.later, change))


def rows(*bars: Sequence[int], volume: int = 1_000, begins: int = 0) -> list[Row]:
    """Return bars, one a minute from the range's close: open, high, low, close."""
    return [
        (T0 + begins + number, *bar[:4], bar[4] if len(bar) > 4 else volume)
        for number, bar in enumerate(bars)
    ]


def event_summaries(events: Iterable[PaperEvent]) -> list[tuple[Any, ...]]:
    """Return events in short: minutes after the range's close, kind, quantity, price, reason."""
    return [
        (to_minute(one.time) - T0, one.event, one.quantity, one.price, one.reason)
        for one in events
    ]


def run(
    of: Sequence[PaperIntent] | PaperIntent,
    bars: Iterable[Row],
    account: PaperAccount | None = None,
    stored: Sequence[PaperEvent] = (),
) -> tuple[PaperEvent, ...]:
    intents = [of] if isinstance(of, PaperIntent) else of
    return run_book(account or paper(), intents, stored, bars_of(bars))


def later(minutes: float) -> datetime:
    return from_minute(T0) + timedelta(minutes=minutes)
