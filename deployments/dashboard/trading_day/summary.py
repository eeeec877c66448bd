"""The trading day in figures: its trades, their results so far, and what the limits allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ml_core.market_events import Stage
from ml_core.strategy.trades import SIDE_OF, day_so_far
from monitoring.explain import why_not
from monitoring.messages.words import BREAKS, clock
from monitoring.pages.formatting import percent_or_dash, r_multiple
from tasks.messages.followed_days import FollowedDays, FollowedSlot
from tasks.messages.slot_facts import lines_to_copy


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSummary:
    """One opening range of the day, as one line.

    Attributes
    ----------
    opening_range, closed
        Its name, and its close in the market's zone.
    p_up, corridor
        P(UP) of the model and of the corridor; None without a prediction.
    plan
        The armed sides and their sizes, or the reason why there are none.
    result
        The result so far, in words.
    to_copy
        The bracket of each armed side that waits for its break, at a stage that is traded.
    is_open, r
        Whether its trade is still open; net R times size of the trade, settled or as of the last
        bar; None without a trade.
    """

    opening_range: str
    closed: str
    p_up: float | None
    corridor: float | None
    plan: str
    result: str
    to_copy: tuple[str, ...]
    is_open: bool
    r: float | None

    def row(self) -> dict[str, str]:
        """Return the line as a row of a table; a phone shows the result without scrolling."""
        return {
            "range": self.opening_range,
            "so far": self.result,
            "R": r_multiple(self.r),
            "plan": self.plan,
            "UP": percent_or_dash(self.p_up, 0),
            "corridor": percent_or_dash(self.corridor, 0),
            "closed": self.closed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary:
    """A trading day by the rules; only for the record if the stage is not traded.

    Attributes
    ----------
    stage
        The market's stage.
    trades, open
        Number of trades entered, and of those still open.
    net_r, running_r
        Net R times size of the settled trades, and of the open trades as of their last bar.
    trades_left, loss_left_r, loss_left_money
        What the rules still allow on this day: number of entries, and the loss in R and in money
        after which no more are allowed; None if the rules have no limit in money.
    ranges
        The ranges with a live row, in order.
    """

    stage: Stage
    trades: int
    open: int
    net_r: float
    running_r: float
    trades_left: int
    loss_left_r: float
    loss_left_money: float | None
    ranges: tuple[RangeSummary, ...]


def day_summary(days: FollowedDays, day: date, at: datetime) -> DaySummary:
    """Return the summary of a trading day as of an aware time.

    Parameters
    ----------
    days
        The day and some days before it, in which a still open trade may have begun.
    day, at
        The day, and now.
    """
    so_far, rules = day_so_far(days.taken, day, at), days.rules
    limit = rules.daily_loss_limit_money
    ranges = [_range(days, slot, at) for slot in days.slots if slot.entry.trading_day == day]
    running = [opening.r for opening in ranges if opening.is_open]
    return DaySummary(
        stage=days.stage,
        trades=so_far.trades,
        open=len(running),
        net_r=so_far.net_r,
        running_r=sum(r for r in running if r is not None),
        trades_left=max(rules.max_trades_per_day - so_far.trades, 0),
        loss_left_r=max(rules.daily_loss_limit_r + so_far.net_r, 0.0),
        loss_left_money=None if limit is None else max(limit + so_far.net_money, 0.0),
        ranges=tuple(ranges),
    )


def _range(days: FollowedDays, slot: FollowedSlot, at: datetime) -> RangeSummary:
    entry, taken = slot.entry, slot.taken
    is_open, traded = _is_open(slot, at), taken is not None and taken.size > 0
    r = None
    if is_open:
        r = running_r(days, slot)
    elif traded and taken is not None and taken.slot.r_net is not None:
        r = taken.r
    return RangeSummary(
        opening_range=entry.opening_range,
        closed=clock(entry.decision_time, days.market.zone),
        p_up=entry.p_up,
        corridor=entry.baseline_p_up,
        plan=_plan(slot),
        result=_result(slot, is_open=is_open),
        to_copy=lines_to_copy(days, slot) if _waits(slot) else (),
        is_open=is_open,
        r=r,
    )


def _plan(slot: FollowedSlot) -> str:
    if slot.entry.status != "predicted":
        return why_not(slot.entry.reason)
    if slot.plan is None:
        return "no plan"
    armed = [
        f"{broke} at size {slot.plan.size(side):g}"
        for broke, side in SIDE_OF.items()
        if slot.plan.size(side)
    ]
    refused = [check.name for check in slot.plan.checks if not check.passed]
    return " or ".join(armed) or f"not armed: {', '.join(refused)}"


def _result(slot: FollowedSlot, *, is_open: bool) -> str:
    traded = slot.traded
    if traded is None or traded.side is None:
        is_over = traded is not None and traded.resolved_at is not None
        return "did not break" if is_over else "waiting for its break"
    broke = BREAKS[traded.side]
    if slot.taken is None or not slot.taken.size:
        return f"broke {broke}, not entered"
    if is_open:
        return f"{broke}, open"
    prices = slot.taken.slot.prices
    return broke if prices is None else f"{broke}, {prices.reason.replace('_', ' ')}"


def _waits(slot: FollowedSlot) -> bool:
    traded = slot.traded
    return traded is not None and traded.side is None and traded.resolved_at is None


def _is_open(slot: FollowedSlot, at: datetime) -> bool:
    taken = slot.taken
    if taken is None or not taken.size or taken.slot.entered_at is None:
        return False
    resolved = taken.slot.resolved_at
    return taken.slot.entered_at <= at and (resolved is None or resolved > at)


def running_r(days: FollowedDays, slot: FollowedSlot) -> float | None:
    """Return an open trade's R at its last bar's close, after costs, times its size.

    A part that was closed at a partial target is valued at that close, too.
    """
    whole_day = slot.rule.scan_end == "next_day_start"
    taken, candles = slot.taken, days.candles(slot.key, whole_day=whole_day)
    if taken is None or taken.slot.prices is None or taken.slot.side is None or candles is None:
        return None
    prices, instrument = taken.slot.prices, days.market.instrument
    last = int(instrument.to_ticks(candles.close[-1:])[0])
    return prices.net_ticks(taken.slot.side, last, instrument) / prices.risk * taken.size
