"""What happens in a soak, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Plan:
    """What happens in which order; days are weekdays, counted from 0.

    Attributes
    ----------
    first, days
        First trading day and how many weekdays.
    kills
        Share of runs during which something is killed.
    without_data, stalled, locked
        Days on which the source gets no bars; gets those of three ranges late; is locked for a
        while.
    revised
        Days in whose night bars of the last two days get other prices.
    restarts
        Days in whose night the machine goes off and on again.
    backup, restore
        The night of the backup; that in which the home is lost and the backup takes its place.
    drift
        The day from which on prices move three times as far within the opening ranges.
    promotion
        The day on which a promotion is asked for, which a person approves of on the next.
    """

    first: date
    days: int
    seed: int
    kills: float
    without_data: frozenset[int] = frozenset()
    stalled: frozenset[int] = frozenset()
    locked: frozenset[int] = frozenset()
    revised: frozenset[int] = frozenset()
    restarts: frozenset[int] = frozenset()
    backup: int | None = None
    restore: int | None = None
    drift: int | None = None
    promotion: int | None = None


def a_month(first: date, days: int, seed: int, kills: float) -> Plan:
    """Return the plan of `make soak`."""
    return Plan(
        first=first,
        days=days,
        seed=seed,
        kills=kills,
        without_data=frozenset({7}),
        locked=frozenset({3, 15}),
    )


def a_quarter(first: date, days: int, seed: int, kills: float) -> Plan:
    """Return the plan of `make soak-quarter`: each kind of event, far from the others."""
    return Plan(
        first=first,
        days=days,
        seed=seed,
        kills=kills,
        without_data=frozenset({7, 51}),
        stalled=frozenset({2, 12, 26, 44}),
        locked=frozenset({3, 15, 34, 47}),
        revised=frozenset({5, 14, 23, 37, 49, 58}),
        restarts=frozenset({9, 40}),
        backup=19,
        restore=20,
        drift=29,
        promotion=17,
    )
