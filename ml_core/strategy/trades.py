"""Follow plans through time: each waits for its break; the day's rules then allow it or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from ml_core.json_values import INLINE, field_values
from ml_core.market.instrument import Instrument
from ml_core.strategy.checks import DaySoFar, facts_of, may_enter
from ml_core.strategy.plan import Plan, by_rules
from ml_core.strategy.rules import SIGN_OF, Rules, Side

SIDE_OF: Mapping[str, Side] = {"UP": "long", "DOWN": "short"}
"""The side of the trade on each break."""

_DECIDED = Callable[["TradedSlot", DaySoFar], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePrices:
    """The prices of a trade, in whole ticks as traded.

    Attributes
    ----------
    entry, stop
        ``stop`` is the initial stop; it may have moved since.
    target, exit
        ``target`` is None if there is none, ``exit`` while the trade is open.
    best, worst
        The most and the least favourable price while it was open, so far.
    reason
        How it ended: ``target``, ``stop``, ``moved_stop``, ``time``; ``open`` before that.
    at_once
        Whether it ended in the bar of its entry, in which the stop is assumed to be hit first.
    """

    entry: int
    stop: int
    target: int | None
    exit: int | None
    best: int
    worst: int
    reason: str
    at_once: bool

    @property
    def risk(self) -> int:
        """Ticks from entry to stop."""
        return abs(self.entry - self.stop)

    def net_ticks(self, side: Side, price: int, instrument: Instrument) -> float:
        """Return the result of a trade of a side at a price: ticks, after round-trip costs."""
        return SIGN_OF[side] * (price - self.entry) - instrument.round_trip_cost_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledTrade:
    """The recorded result of the rules' trade of a slot; fields as in :class:`TradedSlot`."""

    side: Side | None
    entered_at: datetime | None
    resolved_at: datetime
    r_net: float | None
    r_gross: float | None
    prices: TradePrices | None
    risk_money: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedSlot:
    """A slot and its result, as far as it is known.

    Attributes
    ----------
    trading_day, opening_range, decision_time
        Which slot; the time is aware UTC.
    facts
        The slot's row of features.
    side, entered_at
        The side of the rules' trade, and when it was entered; None if there is no trade, or none
        yet.
    resolved_at, r_net, r_gross
        When the trade was settled and its R at size 1, after and before costs; None while it is
        open.
    prices, risk_money
        The trade's prices, and the risk of one contract in the market's currency.
    """

    trading_day: date
    opening_range: str
    decision_time: datetime
    facts: Mapping[str, Any]
    side: Side | None
    entered_at: datetime | None
    resolved_at: datetime | None
    r_net: float | None
    r_gross: float | None = None
    prices: TradePrices | None = None
    risk_money: float | None = None

    @property
    def key(self) -> tuple[date, str]:
        """Its trading day and opening range."""
        return self.trading_day, self.opening_range

    @property
    def settled(self) -> SettledTrade | None:
        """The result, also if there was no trade; None while it is open."""
        if self.resolved_at is None:
            return None
        names = (name for name in SettledTrade.__slots__ if name != "resolved_at")
        values = {name: getattr(self, name) for name in names}
        return SettledTrade(resolved_at=self.resolved_at, **values)

    def as_settled(self, trade: SettledTrade | None, at: datetime) -> TradedSlot:
        """Return the slot with the trade on record, if that was settled by a time."""
        if trade is None or trade.resolved_at > at:
            return self
        return replace(self, **field_values(trade))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A slot's plan and its result: net R times size; 0 if nothing was entered."""

    slot: TradedSlot
    plan: Plan
    size: float
    r: float
    why_not: str = ""

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the rules that refused the trade, when the range closed or later."""
        names = tuple(check.name for check in self.plan.checks if not check.passed)
        return (*names, self.why_not) if self.why_not else names

    def line(self, instrument: Instrument) -> PlanResultLine:
        """Return the trade with its prices as traded, or what refused it."""
        slot, prices = self.slot, self.slot.prices
        trade = None
        if self.size and prices is not None and slot.entered_at is not None:
            trade = TradeLine(
                entered_at=slot.entered_at,
                entry=_price(instrument, prices.entry),
                stop=_price(instrument, prices.stop),
                target=None if prices.target is None else _price(instrument, prices.target),
                exit=None if prices.exit is None else _price(instrument, prices.exit),
                reason=prices.reason,
                ended_at=slot.resolved_at,
                r_gross=slot.r_gross,
                r_net=slot.r_net,
            )
        return PlanResultLine(
            size=self.size,
            refused_by=self.refused_by,
            side=None if trade is None else slot.side,
            trade=trade,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine:
    """A trade that was entered: its times, aware UTC, its prices as traded and its R at size 1."""

    entered_at: datetime
    entry: float
    stop: float
    target: float | None
    exit: float | None
    reason: str
    ended_at: datetime | None
    r_gross: float | None
    r_net: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResultLine:
    """The result of a slot: a trade and its side, or what refused it."""

    size: float
    refused_by: tuple[str, ...]
    side: Side | None
    trade: TradeLine | None = field(metadata=INLINE)


def _price(instrument: Instrument, ticks: int) -> float:
    return float(instrument.price_text(ticks))


def follow(rules: Rules, slots: Sequence[TradedSlot], decide: _DECIDED) -> tuple[PlanResult, ...]:
    """Follow a decision rule through time; each decision sees only what was known at its t0.

    Entries happen at their own times. When a range breaks, the limits on open positions, on the
    day's trades and on its loss are checked again with what was known then.
    """
    path = _Path(rules)
    for slot in slots:
        path.enter(until=slot.decision_time)
        path.plan(
            slot, decide(slot, day_so_far(path.latest, slot.trading_day, slot.decision_time))
        )
    path.enter(until=None)
    return path.taken


def follow_plans(
    rules: Rules, slots: Sequence[TradedSlot], plans: Mapping[tuple[date, str], Plan]
) -> tuple[PlanResult, ...]:
    """Follow plans that were made before, by day and range, in the way of :func:`follow`."""
    path = _Path(rules)
    for slot in slots:
        path.enter(until=slot.decision_time)
        path.plan(slot, plans[slot.key])
    path.enter(until=None)
    return path.taken


def day_so_far(taken: Iterable[PlanResult], trading_day: date, at: datetime) -> DaySoFar:
    """Return what was known of a day's trades at a time.

    Trades of other days that are still open count as open.
    """
    trades = open_ = 0
    net = money = 0.0
    for trade in taken:
        if not trade.size or trade.slot.entered_at is None or trade.slot.entered_at > at:
            continue
        settled = trade.slot.resolved_at is not None and trade.slot.resolved_at <= at
        open_ += not settled
        if trade.slot.trading_day == trading_day:
            trades += 1
            net += trade.r if settled else 0.0
            money += trade.r * (trade.slot.risk_money or 0.0) if settled else 0.0
    return DaySoFar(trades=trades, open=open_, net_r=net, net_money=money)


def backtest(rules: Rules, slots: Sequence[TradedSlot]) -> tuple[PlanResult, ...]:
    """Follow the rules alone, without a model."""
    return follow(rules, slots, lambda slot, day: by_rules(rules, facts_of(slot.facts), day))


class _Path:
    """Plans that are followed: each waits for its break, and is then entered or refused."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._plans: list[tuple[TradedSlot, Plan]] = []
        self._waiting: list[int] = []
        self._found: dict[int, PlanResult] = {}
        self.latest: list[PlanResult] = []

    def plan(self, slot: TradedSlot, plan: Plan) -> None:
        """Add a slot's plan."""
        self._waiting.append(len(self._plans))
        self._plans.append((slot, plan))

    def enter(self, *, until: datetime | None) -> None:
        """Enter or refuse the waiting slots that broke or ended by a time, in order of time."""
        moments = {index: _moment(self._plans[index][0]) for index in self._waiting}
        broken = [index for index in self._waiting if until is None or moments[index] <= until]
        for index in sorted(broken, key=lambda waiting: (moments[waiting], waiting)):
            slot, plan = self._plans[index]
            taken = _result(self._rules, slot, plan, self.latest)
            self._found[index] = taken
            # older ones can be neither open nor of the same day
            self.latest = [*self.latest[-_REMEMBERED:], taken]
            self._waiting.remove(index)

    @property
    def taken(self) -> tuple[PlanResult, ...]:
        """The result of each plan, in order of decision."""
        return tuple(self._found[index] for index in range(len(self._plans)))


_REMEMBERED = 40
_NEVER = datetime.max.replace(tzinfo=UTC)


def _moment(slot: TradedSlot) -> datetime:
    """Return when a slot is entered or refused: at its break, or at its end without one."""
    return slot.entered_at or slot.resolved_at or _NEVER


def _result(rules: Rules, slot: TradedSlot, plan: Plan, before: list[PlanResult]) -> PlanResult:
    none = PlanResult(slot=slot, plan=plan, size=0.0, r=0.0)
    if slot.side is None or slot.entered_at is None or not plan.size(slot.side):
        return none
    if (closed := plan.closed_by(slot.entered_at)) is not None:
        return PlanResult(slot=slot, plan=plan, size=0.0, r=0.0, why_not=f"news: {closed.event}")
    if not may_enter(rules, day_so_far(before, slot.trading_day, slot.entered_at)):
        return PlanResult(
            slot=slot, plan=plan, size=0.0, r=0.0, why_not="the day's rules at the break"
        )
    size = plan.size(slot.side)
    r = 0.0 if slot.r_net is None or math.isnan(slot.r_net) else slot.r_net * size
    return PlanResult(slot=slot, plan=plan, size=size, r=r)
