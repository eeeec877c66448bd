"""Days whose bars contradict the calendar's close are reported, with the file lines to add."""

from __future__ import annotations

import tomllib
from datetime import date

import numpy as np
import pytest

from ml_core.bars.checks.odd_days import odd_days
from ml_core.market.calendar_days import market_dates
from ml_core.market.market import Market
from tests.ml_core.builders import mgc, minute

FIRST, LAST = date(2024, 8, 19), date(2024, 9, 13)


def bars_of_every_day() -> np.ndarray:
    """Return a bar in every minute of the calendar's hours, including Labour Day's early close."""
    dates = market_dates(mgc(), 2024, 2024)
    days = dates.day.astype(object)
    rows = [row for row, day in enumerate(days) if FIRST <= day <= LAST]
    return np.concatenate([np.arange(dates.open[row], dates.close[row]) for row in rows])


def between(bars: np.ndarray, first: int, stop: int) -> np.ndarray:
    return bars[(bars < first) | (bars >= stop)]


def corrected(market: Market, lines: tuple[str, ...]) -> Market:
    values = tomllib.loads("\n".join(lines))
    return Market.model_validate({**market.model_dump(mode="json"), **values})


ALL = bars_of_every_day()
EARLY = between(ALL, minute("2024-08-29", "04:45"), minute("2024-08-29", "07:00"))
LATE = np.append(ALL, np.arange(minute("2024-09-03", "03:00"), minute("2024-09-03", "04:30")))
EXTRA = np.append(ALL, np.arange(minute("2024-08-24", "10:00"), minute("2024-08-24", "15:00")))


@pytest.mark.parametrize(
    ("bars", "day", "kind", "lines"),
    [
        (EARLY, date(2024, 8, 28), "ended_early", ("day = 2024-08-28", 'close = "04:45"')),
        (LATE, date(2024, 9, 2), "went_on", ("day = 2024-09-02", 'close = "04:30"')),
        (
            EXTRA,
            date(2024, 8, 24),
            "extra_session",
            ("day = 2024-08-24", 'open = "10:00"', 'close = "15:00"'),
        ),
    ],
    ids=["ended early", "went on", "extra session"],
)
def test_an_odd_day_is_reported_once_and_accepted_with_the_suggested_lines(
    bars: np.ndarray, day: date, kind: str, lines: tuple[str, ...]
) -> None:
    (odd_day,) = odd_days(bars, mgc())
    assert (odd_day.day, odd_day.kind) == (day, kind)
    assert odd_day.lines == ("[[calendar_days]]", *lines)
    assert str(day) in str(odd_day)
    assert odd_days(bars, corrected(mgc(), odd_day.lines)) == ()


def test_bars_as_the_calendar_has_them_in_any_order_are_not_odd() -> None:
    assert odd_days(ALL[::-1], mgc()) == ()
    assert odd_days(np.append(ALL, ALL), mgc()) == ()


@pytest.mark.parametrize(
    "bars",
    [
        EARLY[minute("2024-08-22", "09:00") > EARLY],  # too few days
        ALL[ALL % 1440 < 600],  # a source that never reaches the close
        np.append(ALL, minute("2024-08-24", "10:00")),  # a stray print
        between(ALL, minute("2024-08-29", "06:30"), minute("2024-08-29", "07:00")),  # quiet
        np.empty(0, np.int64),
    ],
    ids=["few days", "never to the close", "one print", "half an hour", "no bar"],
)
def test_days_that_are_small_or_cannot_be_judged_are_not_reported(bars: np.ndarray) -> None:
    assert odd_days(bars, mgc()) == ()


def test_a_day_that_is_half_there_is_not_odd() -> None:
    assert odd_days(ALL[minute("2024-09-13", "15:00") > ALL], mgc()) == ()
