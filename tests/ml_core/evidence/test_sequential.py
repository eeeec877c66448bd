"""The e-process keeps its error rate however often it is checked, and detects real effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_core.evidence.sequential import e_process, latest, share_process
from ml_core.learning.models.calibration import expit, logit

DAYS, A_DAY = 250, 6


def world(
    draw: np.random.Generator, effect: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.datetime64]]:
    """Return a challenger that adds 0.6 log-odds to the baseline; the truth adds ``effect``."""
    rows = DAYS * A_DAY
    baseline = draw.uniform(0.2, 0.8, rows)
    sign = draw.choice([-1.0, 1.0], rows)
    truth = expit(logit(baseline) + effect * sign)
    # rows of a day share half of their luck
    shared = np.repeat(draw.random(DAYS), A_DAY)
    luck = np.where(draw.random(rows) < 0.5, shared, draw.random(rows))
    day = np.datetime64("2024-01-01") + np.repeat(np.arange(DAYS), A_DAY)
    return expit(logit(baseline) + 0.6 * sign), baseline, luck < truth, day


def test_looking_every_night_keeps_the_stated_error() -> None:
    # the least favourable null: the challenger is exactly as good as the other in expectation
    draw = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        challenger, baseline, happened, day = world(draw, 0.3)
        alarms += bool((e_process(challenger, baseline, happened, day, True) >= 20).any())
    assert alarms <= 300 * 0.05


def test_the_wealth_has_mean_one_at_most_under_the_null() -> None:
    draw = np.random.default_rng(2)
    final = [latest(e_process(*world(draw, 0.28), True)) for _ in range(400)]
    assert np.mean(np.minimum(final, 50.0)) <= 1.1


def test_a_better_challenger_is_found_and_a_worse_one_is_not() -> None:
    draw = np.random.default_rng(3)
    better = worse = 0
    for _ in range(40):
        challenger, baseline, happened, day = world(draw, 0.6)
        better += latest(e_process(challenger, baseline, happened, day, True)) >= 20
        worse += latest(e_process(baseline, challenger, happened, day, True)) >= 20
    assert better >= 32  # eight in ten
    assert worse == 0


def luck_of(draw: np.random.Generator, share: float) -> NDArray[np.bool_]:
    """Draw rows that share half of their day's luck; each happens with probability ``share``."""
    shared = np.repeat(draw.random(DAYS), A_DAY)
    own = draw.random(DAYS * A_DAY)
    return np.where(draw.random(len(own)) < 0.5, shared, own) < share


def test_a_share_not_above_a_limit_seldom_raises_a_false_alarm() -> None:
    draw = np.random.default_rng(4)
    day = np.datetime64("2024-01-01") + np.repeat(np.arange(DAYS), A_DAY)
    ever = [(share_process(luck_of(draw, 0.55), day, 0.55, True) >= 20).any() for _ in range(400)]
    assert sum(ever) <= 400 * 0.05
    promoted = [
        latest(share_process(luck_of(draw, 0.65), day, 0.55, True)) >= 20 for _ in range(40)
    ]
    assert sum(promoted) >= 32  # eight in ten


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), max_size=60))
def test_wealth_never_goes_below_zero_for_any_predictions(
    rows: list[tuple[float, float, bool]],
) -> None:
    ours, theirs = (np.array([row[index] for row in rows]) for index in (0, 1))
    happened = np.array([row[2] for row in rows], bool)
    day = np.datetime64("2024-01-01") + np.arange(len(rows)) // 5
    wealth = e_process(ours, theirs, happened, day, True)
    assert len(wealth) == len(np.unique(day))
    assert (wealth >= 0).all()
    assert np.isfinite(wealth).all()


def test_the_past_is_not_changed_by_what_comes_after() -> None:
    challenger, baseline, happened, day = world(np.random.default_rng(4), 0.4)
    whole = e_process(challenger, baseline, happened, day, True)
    part = slice(0, 100 * A_DAY)
    first = e_process(challenger[part], baseline[part], happened[part], day[part], True)
    np.testing.assert_array_equal(whole[:100], first)


def test_without_rows_there_is_no_evidence_either_way() -> None:
    nothing = np.empty(0)
    wealth = e_process(nothing, nothing, nothing.astype(bool), nothing.astype("M8[D]"), True)
    assert latest(wealth) == 1.0


def chased(draw: np.random.Generator, days: int) -> tuple[NDArray[Any], ...]:
    """Return two equally good forecasters; a day's last forecasts depend on its first result.

    That is legal: the first range has broken out when the last is predicted. A stake on the first
    that used the day's last forecasts would be large exactly where the first was won.
    """
    p, q, up, day = [], [], [], []
    for number in range(days):
        won = bool(draw.random() < 0.5)
        p += [0.7]
        q += [0.3]
        up += [won]
        apart = 0.45 if won else 0.0001
        for _ in range(5):
            p.append(0.5 + apart)
            q.append(0.5 - apart)
            up.append(bool(draw.random() < 0.5))
        day += [number] * 6
    arrays = (np.array(p), np.array(q), np.array(up, bool), np.array(day).astype("M8[D]"))
    return (*arrays, np.ones(len(up), bool))


def test_forecasts_that_depend_on_the_ranges_before_them_win_nothing() -> None:
    draw = np.random.default_rng(5)
    ever = [(e_process(*chased(draw, 120)) >= 20).any() for _ in range(200)]
    assert sum(ever) <= 200 * 0.05


def test_whether_a_range_breaks_does_not_affect_the_stakes_of_later_ranges() -> None:
    """Test two ranges a day, open at the same time, each equally likely to break UP or DOWN.

    The second goes the challenger's way exactly where the first does not break out. A larger stake
    on it there, because less is at risk, would use knowledge that nobody had.
    """
    draw = np.random.default_rng(6)
    day = np.repeat(np.arange(150), 2).astype("M8[D]")
    p, q = np.full(300, 0.999), np.full(300, 0.001)
    ever = 0
    for _ in range(200):
        broke = np.ones((150, 2), bool)
        broke[:, 0] = draw.random(150) < 0.5
        up = draw.random((150, 2)) < 0.5
        up[:, 1] = ~broke[:, 0]
        ever += bool((e_process(p, q, up.ravel(), day, broke.ravel()) >= 20).any())
    assert ever <= 200 * 0.05


Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]


def a_day(rows: list[tuple[float, float, bool, bool]]) -> Rows:
    p, q, up, broke = zip(*rows, strict=True)
    return np.array(p), np.array(q), np.array(up, bool), np.array(broke, bool)


decisions = st.lists(
    st.tuples(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.booleans(), st.booleans()),
    min_size=2,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(before=decisions, today=decisions, instead=decisions, at=st.integers(1, 5))
def test_a_stake_never_changes_with_later_rows(
    before: list[Any], today: list[Any], instead: list[Any], at: int
) -> None:
    """The day's factor is linear in the outcomes: flipping one outcome moves it by its stake."""
    at = min(at, len(today) - 1)
    other = [*today[:at], *instead]

    def stake(rows: list[Any], process: Callable[..., NDArray[np.float64]]) -> float:
        """Return the relative change of the wealth by the row before ``at``."""
        wealth = []
        for happened in (True, False):
            changed = [*before, *rows]
            p, q, _, _ = changed[len(before) + at - 1]
            changed[len(before) + at - 1] = (p, q, happened, True)
            day = np.repeat([0, 1], [len(before), len(rows)]).astype("M8[D]")
            wealth.append(process(*a_day(changed), day))
        return float((wealth[0][1] - wealth[1][1]) / wealth[0][0])

    def log_loss_wealth(p: Any, q: Any, up: Any, broke: Any, day: Any) -> NDArray[np.float64]:
        return e_process(p, q, up, day, broke)

    def share_wealth(_p: Any, _q: Any, up: Any, broke: Any, day: Any) -> NDArray[np.float64]:
        return share_process(up, day, 0.5, broke)

    for process in (log_loss_wealth, share_wealth):
        assert stake(today, process) == pytest.approx(stake(other, process), rel=1e-6, abs=1e-9)
