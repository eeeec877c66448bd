"""References of the group "previous_ranges"."""

from __future__ import annotations

from math import nan

from tests.ml_core.features.reference.plain_decision import Decision, mean, ratio


def previous_direction(decision: Decision) -> float:
    return _code(decision.direction(decision.earlier(1)))


def previous_net_r(decision: Decision) -> float:
    return decision.net_r(decision.earlier(1))


def same_slot_direction(decision: Decision) -> float:
    return _code(decision.direction(decision.same_range(1)))


def same_slot_net_r(decision: Decision) -> float:
    return decision.net_r(decision.same_range(1))


def same_slot_mean_net_r(decision: Decision) -> float:
    return mean([decision.net_r(decision.same_range(days)) for days in range(1, 11)])


def mean_net_r_6(decision: Decision) -> float:
    return mean([decision.net_r(decision.earlier(back)) for back in range(1, 7)])


def mean_net_r_3d(decision: Decision) -> float:
    days = range(decision.slot.day - 3, decision.slot.day)
    slots = [
        decision.earlier(decision.place - place)
        for place, slot in enumerate(decision.market.slots)
        if slot.day in days
    ]
    return mean([decision.net_r(slot) for slot in slots])


def breaks_today(decision: Decision) -> float:
    earlier = [decision.earlier(back) for back in range(1, decision.slot.number + 1)]
    directions = [decision.direction(slot) for slot in earlier if slot]
    return sum(directions) if directions else nan


def size_against_previous(decision: Decision) -> float:
    return ratio(decision.height, decision.range_of(decision.earlier(1)).height)


def above_previous_middle(decision: Decision) -> float:
    before = decision.range_of(decision.earlier(1))
    return decision.above((before.high + before.low) / 2)


def _code(direction: float) -> float:
    return {1.0: 1.0, -1.0: 2.0, 0.0: 0.0}.get(direction, nan)
