"""Ten kinds of leak, each of which sees the future in its own way or only on certain days.

Six of them are honest on most days, so that a check of a few days is likely to miss them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ml_core.features.aggregates import aggregate
from ml_core.features.catalogue import Feature, FeatureFunction
from ml_core.features.history import History
from ml_core.features.view import View


def move_after(view: View) -> NDArray[np.float64]:
    """Return the move of the half hour after each decision, ticks, shape (n,): a leak."""
    later = view.price_before(view.decision + 30)
    return np.nan_to_num(later - view.price)


def _weekday(view: View) -> NDArray[np.int64]:
    weekday: NDArray[np.int64] = (view.tape.schedule.days[view.day].astype(np.int64) + 3) % 7
    return weekday


def on_fridays(view: View) -> NDArray[np.float64]:
    """Look ahead on Fridays only."""
    return np.where(_weekday(view) == 4, move_after(view), 0.0)


def on_wednesdays_in_the_last_range(view: View) -> NDArray[np.float64]:
    """Look ahead in one of the week's slots only."""
    last = view.spec == len(view.market.ranges) - 1
    return np.where(last & (_weekday(view) == 2), move_after(view), 0.0)


def at_the_start_of_a_month(view: View) -> NDArray[np.float64]:
    """Look ahead on the first trading day of a month only."""
    month = view.tape.schedule.days.astype("datetime64[M]")
    first = np.append(False, month[1:] != month[:-1])
    return np.where(first[view.day], move_after(view), 0.0)


def on_roll_days(view: View) -> NDArray[np.float64]:
    """Look ahead on the days of a new contract only."""
    return np.where(view.tape.rolled()[view.day], move_after(view), 0.0)


def when_clocks_change(view: View) -> NDArray[np.float64]:
    """Look ahead only on the first day after the exchange's opening hour changes."""
    opens = view.tape.schedule.exchange_open % 1440
    changed = np.append(False, opens[1:] != opens[:-1])
    return np.where(changed[view.day], move_after(view), 0.0)


def on_half_days(view: View) -> NDArray[np.float64]:
    """Look ahead only where the exchange closes early."""
    return np.where(view.tape.schedule.early_close[view.day], move_after(view), 0.0)


def open_trade_of_the_range_before(view: View) -> NDArray[np.float64]:
    """Read the outcome of the previous range, settled or not."""
    before = np.maximum(view.rows - 1, 0)
    return view.labels.outcome[before].astype(np.float64)


def contract_of_tomorrow(view: View) -> NDArray[np.float64]:
    """Read whether tomorrow's contract differs, which depends on the volumes of the whole day."""
    tomorrow = np.minimum(view.day + 1, len(view.tape.contract) - 1)
    return (view.tape.contract[tomorrow] != view.tape.contract[view.day]).astype(np.float64)


def half_day_tomorrow(view: View) -> NDArray[np.float64]:
    """Read tomorrow's hours, which the live calendar does not contain."""
    tomorrow = np.minimum(view.day + 1, len(view.tape.schedule) - 1)
    return view.tape.schedule.early_close[tomorrow].astype(np.float64)


class DayTable:
    """A table of each day's move, made in advance from the whole history."""

    def __init__(self, moves: Mapping[date, float]) -> None:
        self._moves = moves

    @classmethod
    def of(cls, view: View) -> DayTable:
        """Return the move of each whole trading day of a view."""
        schedule = view.tape.schedule
        days = aggregate(view.tape, schedule.day_start, schedule.day_end)
        moves = np.nan_to_num(days.close - days.open).tolist()
        return cls(dict(zip(schedule.days.tolist(), moves, strict=True)))

    def __call__(self, view: View) -> NDArray[np.float64]:
        """Return the value for each decision's day; 0 if the table has none."""
        days = view.tape.schedule.days[view.day].tolist()
        return np.array([self._moves.get(day, 0.0) for day in days])


def planted(name: str, compute: FeatureFunction) -> Feature:
    """Return a feature to plant."""
    return Feature(name, "planted", "a leak", "", categorical=False, compute=compute)


def planted_leaks(history: History) -> tuple[Feature, ...]:
    """Return the ten leaks; the day table is made from this history."""
    table = DayTable.of(history.view(np.zeros(1, np.int64)))
    return (*_OF_ANY_MARKET, planted("table_of_days", table))


_OF_ANY_MARKET = tuple(
    planted(compute.__name__, compute)
    for compute in (
        on_fridays,
        on_wednesdays_in_the_last_range,
        at_the_start_of_a_month,
        on_roll_days,
        when_clocks_change,
        on_half_days,
        open_trade_of_the_range_before,
        contract_of_tomorrow,
        half_day_tomorrow,
    )
)
