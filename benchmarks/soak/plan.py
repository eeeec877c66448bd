"""The plan of a soak: its events and their order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Plan:
    """The plan of a soak; days are weekdays, counted from 0.

    Attributes
    ----------
    first, days
        First trading day, and number of weekdays.
    kills
        Share of runs during which something is killed.
    without_data, stalled, locked
        Days on which the source gets no bars; gets the bars of three ranges late; is locked for a
        while.
    revised
        Days in whose night bars of the last two days get other prices.
    restarts
        Days in whose night the machine is switched off and on again.
    backup, restore
        The night of the backup; the night in which the home is lost and the backup restored.
    drift
        The day from which prices move three times as far within the opening ranges.
    promotion
        The day on which a promotion is requested; a person approves it on the next day.
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
    """Return the plan of `make soak-quarter`: each kind of event, well apart from the others."""
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
