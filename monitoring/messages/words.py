"""How prices, money, times and stages are written in messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ml_core.market.instrument import Instrument
from ml_core.market_events import Stage
from ml_core.strategy.account.sizing import LimitLeft
from ml_core.strategy.bracket import Bracket
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Side
from ml_core.strategy.trades import SIDE_OF
from monitoring.messages.facts import NOT_TRADED, RangeFacts
from monitoring.pages.formatting import signed

_ONLY = {"off": "which makes no forecasts", "shadow": "which only records predictions"}
_SCALED = "the rules decide, and the model scales their size"
_MEANS: Mapping[Stage, str] = {
    "advisory": "the rules decide, and the model's view is shown beside them",
    "hybrid": _SCALED,
    "auto": _SCALED,
}

BREAKS: Mapping[Side, str] = {side: broke for broke, side in SIDE_OF.items()}
"""The break that each side is entered on."""


def money(instrument: Instrument, ticks: float) -> str:
    """Return what ticks of one contract are worth."""
    return f"{ticks * instrument.tick_value:,.2f} {instrument.currency}"


def signed_money(instrument: Instrument, ticks: float) -> str:
    """Return what ticks of one contract are worth, with the sign."""
    return f"{signed(ticks * instrument.tick_value, 2)} {instrument.currency}"


def clock(moment: datetime, zone: str) -> str:
    """Return the time of day in a zone.

    >>> from datetime import UTC
    >>> clock(datetime(2025, 6, 19, 0, 5, tzinfo=UTC), "Australia/Brisbane")
    '10:05'
    """
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def stage_line(stage: Stage) -> str:
    """Return the first line of a message: whether a trade is to be made at the stage."""
    if stage in NOT_TRADED:
        return f"NOT TO BE TRADED: the market is at stage {stage}, {_ONLY[stage]}."
    return f"Stage {stage}: {_MEANS[stage]}."


def in_subject(stage: Stage) -> str:
    """Return what is added to a message's subject at a stage."""
    return ", not to be traded" if stage in NOT_TRADED else ""


def range_line(facts: RangeFacts) -> str:
    """Return a range with its height, and when it closed."""
    instrument, height = facts.instrument, facts.high - facts.low
    contract = f", {facts.contract}" if facts.contract else ""
    return (
        f"Range {instrument.price_text(facts.low)} to {instrument.price_text(facts.high)} "
        f"({height} ticks), closed {clock(facts.closed, facts.zone)} {facts.zone}{contract}"
    )


def levels_line(instrument: Instrument, bracket: Bracket) -> str:
    """Return entry, stop and target as prices."""
    entry, stop = map(instrument.price_text, (bracket.entry, bracket.stop))
    part = "" if bracket.part is None else f", first target {instrument.price_text(bracket.part)}"
    if bracket.target is None:
        return f"entry {entry}, stop {stop}{part}, no target"
    return f"entry {entry}, stop {stop}{part}, target {instrument.price_text(bracket.target)}"


def planned_copy_line(facts: RangeFacts, bracket: Bracket, plan: Plan) -> str:
    """Return the bracket of an armed side to be copied, as planned."""
    allowed = plan.allowed(bracket.side)
    contracts = None if allowed is None else allowed.contracts
    return copy_line(facts, bracket, size=plan.size(bracket.side), contracts=contracts)


def copy_line(facts: RangeFacts, bracket: Bracket, *, size: float, contracts: int | None) -> str:
    """Return a bracket to be copied: quantity, then each price with its whole ticks.

    The quantity is the contracts, or without an account (None) the size.
    """
    quantity = f"size {size:g}" if contracts is None else f"{contracts}"

    def price(ticks: int | None) -> str:
        return "none" if ticks is None else f"{facts.instrument.price_text(ticks)} ({ticks} ticks)"

    return (
        f"to copy: {bracket.side} {quantity} {facts.contract or facts.symbol}, "
        f"entry {price(bracket.entry)}, stop {price(bracket.stop)}, "
        f"target {price(bracket.target)}"
    )


def limits_in_words(limits: Iterable[LimitLeft]) -> str:
    """Return what an account's limits still allow, in money or losing trades.

    >>> limits_in_words([LimitLeft(limit="risk", left=125, is_loss=True)])
    'left: the risk of a trade 125.00'
    """
    parts = (
        f"{one.name} {one.left:g}"
        if one.limit == "max_losses_in_a_row"
        else f"{one.name} {one.left:,.2f}"
        for one in limits
    )
    return f"left: {', '.join(parts)}"


def money_line(instrument: Instrument, bracket: Bracket) -> str:
    """Return what one contract risks, may win and costs."""
    cost, reward = instrument.round_trip_cost_ticks, bracket.reward
    wins = "" if reward is None else f"wins {money(instrument, reward)}, "
    return (
        f"one contract risks {money(instrument, bracket.risk)} ({bracket.risk} ticks), "
        f"{wins}costs {money(instrument, cost)} "
        f"({cost / bracket.risk:.2f} R)"
    )
