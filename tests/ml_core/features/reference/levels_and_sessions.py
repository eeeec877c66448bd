"""References of the groups "levels" and "sessions"."""

from __future__ import annotations

from math import nan

from tests.ml_core.features.reference.plain_decision import Decision, Span, one_bar, ratio


def above_yesterday_high(decision: Decision) -> float:
    return decision.above(_yesterday(decision).high)


def above_yesterday_low(decision: Decision) -> float:
    return decision.above(_yesterday(decision).low)


def above_yesterday_close(decision: Decision) -> float:
    return decision.above(_yesterday(decision).close)


def yesterday_close_position(decision: Decision) -> float:
    day = _yesterday(decision)
    return ratio(day.close - day.low, day.height)


def above_today_high(decision: Decision) -> float:
    return decision.above(one_bar(decision.today).high)


def above_today_low(decision: Decision) -> float:
    return decision.above(one_bar(decision.today).low)


def above_five_day_high(decision: Decision) -> float:
    return decision.above(_highest(decision.daily[-5:]))


def above_five_day_low(decision: Decision) -> float:
    return decision.above(_lowest(decision.daily[-5:]))


def twenty_day_position(decision: Decision) -> float:
    high, low = _highest(decision.daily[-20:]), _lowest(decision.daily[-20:])
    return ratio(decision.price - low, high - low)


def session1_range(decision: Decision) -> float:
    return ratio(decision.session(1).height, decision.atr(20))


def session2_range(decision: Decision) -> float:
    return ratio(decision.session(2).height, decision.atr(20))


def session1_move(decision: Decision) -> float:
    session = decision.session(1)
    return ratio(session.close - session.open, decision.atr(20))


def session2_move(decision: Decision) -> float:
    session = decision.session(2)
    return ratio(session.close - session.open, decision.atr(20))


def session1_position(decision: Decision) -> float:
    session = decision.session(1)
    return ratio(decision.price - session.low, session.height)


def session2_position(decision: Decision) -> float:
    session = decision.session(2)
    return ratio(decision.price - session.low, session.height)


def session_ratio(decision: Decision) -> float:
    return ratio(decision.session(1).height, decision.session(2).height)


def session_gap(decision: Decision) -> float:
    return ratio(decision.since_session.open - decision.session(1).close, decision.atr(20))


def session1_sweep(decision: Decision) -> float:
    return _sweep(decision.session(1), decision.session(2))


def current_sweep(decision: Decision) -> float:
    return _sweep(decision.since_session, decision.session(1))


def _yesterday(decision: Decision) -> Span:
    return decision.daily[-1] if decision.daily else one_bar([])


def _highest(days: list[Span]) -> float:
    return max((day.high for day in days), default=nan)


def _lowest(days: list[Span]) -> float:
    return min((day.low for day in days), default=nan)


def _sweep(later: Span, earlier: Span) -> float:
    """Return 0 if neither side was taken out, 1 the high, 2 the low, 3 both; NaN without bars."""
    if not later.count or not earlier.count:
        return nan
    sides = (later.high > earlier.high, later.low < earlier.low)
    return {(False, False): 0, (True, False): 1, (False, True): 2, (True, True): 3}[sides]
