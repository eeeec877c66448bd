"""Breakouts, entries, stops, targets and outcomes on hand-made bars."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.features.history import History, read_history
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, LOSS, NONE, NOT_RESOLVED, TIMEOUT, UNKNOWN, UP, WIN
from ml_core.ranges.opening_range import Exclusion
from tests.ml_core.builders import Row, bars_of, flat_day, mgc, minute, walk

DAY = "2024-01-16"
NINE = minute(DAY, "09:00")
WINDOW: list[Row] = [
    (NINE, 20000, 20010, 20000, 20005, 5),
    (NINE + 1, 20005, 20008, 20002, 20004, 5),
    (NINE + 4, 20004, 20009, 20003, 20006, 5),
]
"""High 20010, low 20000, close 20006; no trades in minutes 2 and 3."""


def _history(
    rows: list[Row], spec: LabelSpec | None = None, horizon: int | None = None
) -> History:
    market = mgc()
    schedule = build_schedule(market, date(2024, 1, 15), date(2024, 1, 16))
    bars = bars_of([flat_day("2024-01-15"), *rows])
    return read_history(bars, market, spec or LabelSpec(), schedule, horizon)


SLOT = 6  # the 09:00 range of the second day


def test_a_window_is_cut_by_the_clock_not_by_counting_bars() -> None:
    history = _history([*WINDOW, (NINE + 5, 20006, 20030, 20006, 20030, 5)])

    ranges = history.ranges
    assert (ranges.high[SLOT], ranges.low[SLOT], ranges.close[SLOT]) == (20010, 20000, 20006)
    assert ranges.stop_bar[SLOT] - ranges.first_bar[SLOT] == 3
    assert ranges.volume[SLOT] == 15


def test_a_break_needs_a_close_strictly_outside() -> None:
    touches = (NINE + 6, 20006, 20015, 20001, 20010, 5)
    breaks = (NINE + 8, 20010, 20013, 20009, 20012, 5)

    labels = _history([*WINDOW, touches, breaks]).labels

    assert labels.direction[SLOT] == UP
    assert labels.break_minute[SLOT] == NINE + 9
    assert (labels.entry[SLOT], labels.stop[SLOT], labels.target[SLOT]) == (20012, 20000, 20024)
    assert labels.outcome[SLOT] == UNKNOWN
    assert labels.resolved_minute[SLOT] == NOT_RESOLVED


@pytest.mark.parametrize("up", [True, False], ids=["long", "short"])
@pytest.mark.parametrize(
    ("reached", "target", "outcome"),
    [(12, "touch", WIN), (12, "through", UNKNOWN), (13, "through", WIN), (13, "touch", WIN)],
)
def test_a_target_that_must_be_traded_through_is_not_reached_by_an_exact_touch(
    up: bool, reached: int, target: str, outcome: int
) -> None:
    # entry at 20012 or 19998, twelve ticks from the stop: the target is twelve beyond
    side, entry = (1, 20012) if up else (-1, 19998)
    far = entry + side * reached
    rows = [
        (NINE + 8, 20006, max(20010, entry), min(20003, entry), entry, 5),
        (NINE + 20, entry, max(entry, far), min(entry, far), entry, 5),
    ]

    labels = _history([*WINDOW, *rows], LabelSpec.model_validate({"target": target})).labels

    assert (labels.entry[SLOT], labels.target[SLOT]) == (entry, entry + side * 12)
    assert labels.outcome[SLOT] == outcome
    if outcome == WIN:
        assert labels.r_gross[SLOT] == 1.0


@pytest.mark.parametrize(
    ("after", "outcome", "gross"),
    [
        ((20012, 20024, 20005, 20020), WIN, 1.0),
        ((20012, 20020, 20000, 20005), LOSS, -1.0),
        ((20012, 20024, 20000, 20020), LOSS, -1.0),
    ],
    ids=["target touched to the tick", "stop touched to the tick", "both in one bar is a loss"],
)
def test_the_first_touch_after_the_entry_bar_settles_the_trade(
    after: tuple[int, int, int, int], outcome: int, gross: float
) -> None:
    # the entry bar itself reaches far beyond the target: it closed before the trade began
    entry = (NINE + 8, 20010, 20090, 20005, 20012, 5)

    labels = _history([*WINDOW, entry, (NINE + 20, *after, 5)]).labels

    assert labels.outcome[SLOT] == outcome
    assert labels.r_gross[SLOT] == gross
    assert labels.r_net[SLOT] == pytest.approx(gross - 4.48 / 12)
    assert labels.resolved_minute[SLOT] == NINE + 21


def test_an_unfinished_trade_is_marked_to_the_last_close_before_the_session_ends() -> None:
    entry = (NINE + 8, 20010, 20013, 20009, 20012, 5)
    last = (minute(DAY, "16:59"), 20012, 20016, 20012, 20015, 5)
    later = (minute(DAY, "17:00"), 20015, 20100, 20015, 20100, 5)

    labels = _history([*WINDOW, entry, last, later]).labels

    assert labels.outcome[SLOT] == TIMEOUT
    assert labels.r_gross[SLOT] == pytest.approx(3 / 12)
    assert labels.resolved_minute[SLOT] == minute(DAY, "17:00")


def test_no_break_by_the_session_end_is_none_and_only_then() -> None:
    inside = (minute(DAY, "16:58"), 20006, 20008, 20004, 20005, 5)

    open_still = _history([*WINDOW, inside]).labels
    settled = _history([*WINDOW, inside, (minute(DAY, "17:30"), 20005, 20900, 20005, 20900, 5)])

    assert open_still.direction[SLOT] == UNKNOWN
    assert settled.labels.direction[SLOT] == NONE
    assert np.isnan(settled.labels.r_net[SLOT])
    assert settled.labels.resolved_minute[SLOT] == minute(DAY, "17:00")


def test_a_half_stop_lies_at_the_midpoint_rounded_away_from_the_entry() -> None:
    odd = [(NINE, 20000, 20011, 20000, 20006, 5)]
    down = (NINE + 6, 20006, 20006, 19996, 19997, 5)

    labels = _history([*odd, down], LabelSpec(stop="half", rr=1.5)).labels

    assert labels.direction[SLOT] == DOWN
    assert labels.stop[SLOT] == 20006  # 20000 + 5.5 up to a whole tick
    assert labels.target[SLOT] == 19997 - 14  # 1.5 x 9 = 13.5 up to a whole tick


def test_the_edge_anchor_counts_from_the_broken_edge() -> None:
    labels = _history(
        [*WINDOW, (NINE + 6, 20006, 20013, 20006, 20012, 5)], LabelSpec(anchor="edge")
    )

    assert labels.labels.target[SLOT] == 20020


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(NINE + 30, 20000, 20001, 20000, 20000, 1)], Exclusion.NO_BARS),
        ([(NINE, 20000, 20000, 20000, 20000, 1), (NINE + 9, 20001, 20001, 20001, 20001, 1)],
         Exclusion.ZERO_SIZE),
        ([(NINE, 20000, 20001, 20000, 20000, 1)], Exclusion.NOT_CLOSED_YET),
    ],
    ids=["no bars", "zero size", "window still open"],
)  # fmt: skip
def test_a_slot_without_a_usable_range_states_why(rows: list[Row], why: Exclusion) -> None:
    ranges = _history(rows).ranges
    assert ranges.exclusion[SLOT] == why
    assert not ranges.usable[SLOT]
    assert ranges.formed[SLOT] == (why == Exclusion.ZERO_SIZE)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1930, 4200))
def test_later_bars_never_change_what_was_already_settled(seed: int, cut: int) -> None:
    # Arrange
    market = mgc()
    bars = walk(date(2024, 1, 15), date(2024, 1, 17), seed=seed)
    schedule = build_schedule(market, date(2024, 1, 15), date(2024, 1, 17))
    horizon = int(bars.minute[0]) + cut

    # Act
    early = read_history(bars, market, LabelSpec(), schedule, horizon).labels
    full = read_history(bars, market, LabelSpec(), schedule).labels

    # Assert
    done = early.resolved_minute <= horizon
    assert done.any()
    for name in ("direction", "outcome", "entry", "r_net", "resolved_minute"):
        np.testing.assert_array_equal(getattr(early, name)[done], getattr(full, name)[done])
    settled = early.break_minute <= horizon
    np.testing.assert_array_equal(early.direction[settled], full.direction[settled])
    assert (full.resolved_minute[~done] > horizon).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rr=st.sampled_from([1.0, 1.5, 2.0]),
    stop=st.sampled_from(["full", "half"]),
)
def test_gross_r_lies_between_the_stop_and_the_target(seed: int, rr: float, stop: str) -> None:
    market = mgc()
    bars = walk(date(2024, 1, 15), date(2024, 1, 19), seed=seed)
    schedule = build_schedule(market, date(2024, 1, 15), date(2024, 1, 19))
    spec = LabelSpec.model_validate({"rr": rr, "stop": stop})

    labels = read_history(bars, market, spec, schedule).labels

    won, lost = labels.outcome == WIN, labels.outcome == LOSS
    assert (labels.r_gross[lost] == -1).all()
    assert (labels.r_gross[won] >= rr - 1e-9).all()
    timed_out = labels.r_gross[labels.outcome == TIMEOUT]
    assert (timed_out > -1).all()
    finished = np.isfinite(labels.r_gross)
    assert finished.sum() >= 12
    cost = labels.r_gross[finished] - labels.r_net[finished]
    np.testing.assert_allclose(cost, 4.48 / labels.risk[finished])
