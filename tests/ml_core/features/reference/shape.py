"""References of the groups "range_shape", "corridor" and "cost"."""

from __future__ import annotations

from collections.abc import Callable
from math import log, nan

from tests.ml_core.features.reference.plain_decision import Decision, Span, mean, ratio
from tests.ml_core.features.reference.plain_market import Bar
from tests.ml_core.features.reference.plain_trades import round_trip_cost


def range_size_basis_points(decision: Decision) -> float:
    return decision.basis_points(decision.height)


def range_size(decision: Decision) -> float:
    return decision.height


def range_size_atr14(decision: Decision) -> float:
    return ratio(decision.height, decision.atr(14))


def range_size_atr20(decision: Decision) -> float:
    return ratio(decision.height, decision.atr(20))


def close_position(decision: Decision) -> float:
    return (decision.price - decision.window_bar.low) / decision.height


def body(decision: Decision) -> float:
    return (decision.price - decision.window_bar.open) / decision.height


def upper_wick(decision: Decision) -> float:
    top = max(decision.price, decision.window_bar.open)
    return (decision.window_bar.high - top) / decision.height


def lower_wick(decision: Decision) -> float:
    bottom = min(decision.price, decision.window_bar.open)
    return (bottom - decision.window_bar.low) / decision.height


def last_bar_move(decision: Decision) -> float:
    last = decision.window[-1]
    return (last.close - last.open) / decision.height


def window_volume(decision: Decision) -> float:
    return log(1 + decision.window_bar.volume)


def window_volume_tilt(decision: Decision) -> float:
    minutes = decision.t0 - decision.slot.start
    first = [bar for bar in decision.window if bar.minute - decision.slot.start < minutes // 2]
    later = [bar for bar in decision.window if decision.t0 - bar.minute <= minutes // 2]
    return log((1 + _volume(later)) / (1 + _volume(first)))


def minutes_traded(decision: Decision) -> float:
    return len(decision.window) / (decision.t0 - decision.slot.start)


def size_against_same_slot(decision: Decision) -> float:
    return ratio(decision.height, _ten_days(decision, lambda span: span.height))


def volume_against_same_slot(decision: Decision) -> float:
    return ratio(
        decision.window_bar.volume,
        _ten_days(decision, lambda span: span.volume if span.count else nan),
    )


def corridor_p_up(decision: Decision) -> float:
    """Return the probability that a driftless walk from x leaves [-d, 1 + d] at the upper end."""
    beyond = decision.sigma / decision.height
    return (close_position(decision) + beyond) / (1 + 2 * beyond)


def minute_move_share(decision: Decision) -> float:
    return decision.sigma / decision.height


def cost_of_range(decision: Decision) -> float:
    return round_trip_cost(decision.market) / decision.height


def cost_of_entry(decision: Decision) -> float:
    return round_trip_cost(decision.market) / (decision.height + decision.sigma)


def _volume(bars: list[Bar]) -> int:
    return sum(bar.volume for bar in bars)


def _ten_days(decision: Decision, quantity: Callable[[Span], float]) -> float:
    spans = [decision.range_of(decision.same_range(days)) for days in range(1, 11)]
    return mean([quantity(span) for span in spans])
