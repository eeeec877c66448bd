"""The exact minute and day on which lookbacks end, and the last bar of a tape."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.bars.continuous import join
from ml_core.features.aggregates import aggregate
from ml_core.features.groups.clock import minutes_from_new_york_open
from ml_core.features.history import read_history
from ml_core.features.sessions_done import CompletedSessions
from ml_core.features.view import View
from ml_core.learning.datasets.assemble import assemble
from ml_core.market.schedule import Schedule, build_schedule, to_minute
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import Row, bars_of, mgc, minute, walk

NINE = minute("2024-01-16", "09:00")
WEEK = 7 * 1440


def _bar(at: int, price: int) -> Row:
    return (at, price, price + 2, price - 3, price + 1, 7)


def _one_session() -> Schedule:
    """Return three weeks with one session: the half hour before 09:00 on 16 January."""
    schedule = build_schedule(mgc(), date(2024, 1, 9), date(2024, 1, 26))
    start, end = np.array([[NINE - 30]]), np.array([[NINE]])
    return replace(schedule, session_start=start, session_end=end)


@pytest.mark.parametrize(("age", "seen"), [(WEEK - 1, True), (WEEK, True), (WEEK + 1, False)])
def test_a_session_that_ended_more_than_a_week_ago_is_not_seen(age: int, seen: bool) -> None:
    schedule = _one_session()
    tape = join(
        bars_of([_bar(NINE - 20, 100), _bar(NINE + 5, 200), _bar(NINE + age - 1, 300)]),
        schedule,
        "none",
    )

    sessions = CompletedSessions(tape, np.array([NINE + age]))

    assert sessions.back(1).open[0] == pytest.approx(100 if seen else np.nan, nan_ok=True)
    assert (sessions.back(1).count[0], sessions.back(1).volume[0]) == ((1, 7) if seen else (0, 0))
    since = sessions.since_last()
    assert since.count[0] == 2
    assert since.open[0] == 200


def test_bars_since_a_session_long_over_are_those_of_a_week() -> None:
    schedule = _one_session()
    at = NINE + WEEK + 100
    bars = bars_of([_bar(NINE + 99, 100), _bar(NINE + 100, 200), _bar(at - 1, 300)])
    tape = join(bars, schedule, "none")

    since = CompletedSessions(tape, np.array([at])).since_last()

    assert (since.open[0], since.count[0]) == (200, 2)


@pytest.mark.parametrize(("age", "fresh"), [(4 * 1440, True), (4 * 1440 + 1, False)])
def test_a_close_more_than_four_days_old_is_no_price(age: int, fresh: bool) -> None:
    first = date(2024, 1, 8)
    schedule = build_schedule(mgc(), first, date(2024, 1, 16))
    bars = bars_of([_bar(NINE - age, 100), _bar(NINE + 1, 200)])
    history = read_history(bars, mgc("none"), LabelSpec(), schedule)
    view = history.view(np.array([history.ranges.formed.argmax()]))

    price = view.price_before(np.array([NINE]))

    assert price[0] == pytest.approx(101 if fresh else np.nan, nan_ok=True)


@pytest.mark.parametrize(("missing", "there"), [(3, True), (4, False)])
def test_the_oldest_of_21_days_may_be_34_days_old(missing: int, there: bool) -> None:
    # 24 trading days lie within the 34 before Wednesday 2024-05-15, the oldest on 2024-04-11
    last = date(2024, 5, 15)
    schedule = build_schedule(mgc(), last - timedelta(days=60), last)
    starts = schedule.day_start.tolist()
    kept = [start for start in starts[:-1] if start >= minute("2024-04-11", "09:00")]
    assert len(kept) == 24
    rows = [_bar(start + 60, 20000 + place) for place, start in enumerate(kept)]
    # whatever is gone, the oldest day stays
    rows = [rows[0], *rows[1 + missing :], _bar(starts[-1], 20050), _bar(starts[-1] + 4, 20050)]
    older = [_bar(start + 60, 20000) for start in starts if start < kept[0]]

    history = read_history(bars_of([*older, *rows]), mgc("none"), LabelSpec(), schedule)
    view = history.view(np.array([(len(schedule) - 1) * 6]))

    assert np.isfinite(view.atr(20)).tolist() == [there]


@pytest.mark.parametrize(
    ("utc", "since"),
    [
        ("2024-03-09T14:30", 0),
        ("2024-03-09T13:30", -60),
        ("2024-03-11T13:30", 0),
        # New York's clocks go forward: 23 hours lie between two opens
        ("2024-03-10T01:59", 689),
        ("2024-03-10T02:00", -690),
        ("2024-03-10T02:01", -689),
        # and back: 25 hours
        ("2024-11-03T01:50", 740),
        ("2024-11-03T02:00", -750),
        ("2024-11-03T02:10", -740),
        # half a day from both
        ("2024-01-16T02:29", 719),
        ("2024-01-16T02:30", -720),
    ],
)
def test_the_nearest_open_is_nearest_in_the_nights_when_clocks_change_too(
    utc: str, since: float
) -> None:
    moment = to_minute(datetime.fromisoformat(f"{utc}+00:00"))
    view = cast("View", SimpleNamespace(decision=np.array([moment])))

    assert minutes_from_new_york_open(view).tolist() == [since]


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12)


@given(
    minutes=st.sets(st.integers(0, 25), min_size=1, max_size=12),
    spans=SPANS,
    draw=st.randoms(use_true_random=False),
)
def test_any_spans_are_summed_as_one_bar_after_another(
    minutes: set[int], spans: list[tuple[int, int]], draw: Random
) -> None:
    # spans may overlap, be empty or reversed, and reach the very last bar of the tape
    rows: list[Row] = [
        (NINE + at, draw.randrange(9), draw.randrange(9), draw.randrange(9), draw.randrange(9), 3)
        for at in sorted(minutes)
    ]
    schedule = build_schedule(mgc(), date(2024, 1, 16), date(2024, 1, 16))
    tape = join(bars_of(rows), schedule, "none")
    start, stop = (NINE + np.array(column) for column in zip(*spans, strict=True))

    summed = aggregate(tape, start, stop)

    for place, (begin, end) in enumerate(spans):
        inside = [row for row in rows if NINE + begin <= row[0] < NINE + end]
        actual = [
            getattr(summed, name)[place]
            for name in ("open", "high", "low", "close", "volume", "count")
        ]
        expected = [np.nan] * 4 + [0, 0]
        if inside:
            expected = [
                inside[0][1],
                max(row[2] for row in inside),
                min(row[3] for row in inside),
                inside[-1][4],
                3 * len(inside),
                len(inside),
            ]
        np.testing.assert_array_equal(actual, expected)


def test_a_market_whose_price_never_changes_has_no_usable_range_and_every_column() -> None:
    bars = walk(date(2024, 1, 3), date(2024, 3, 29), seed=1)
    price = np.full_like(bars.open, 20_000)
    still = replace(bars, open=price, high=price, low=price, close=price)
    drawn = assemble(
        still, mgc(), LabelSpec(), first=date(2024, 2, 1), last=date(2024, 3, 1)
    ).dataset
    assert drawn.features.shape == (0, len(drawn.feature_names))
    assert len(drawn.feature_names) > 50
