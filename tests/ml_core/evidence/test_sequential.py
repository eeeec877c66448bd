"""The e-process keeps its error however often it is looked at, and finds what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_core.evidence.sequential import e_process, latest, share_process
from ml_core.learning.calibration import expit, logit

DAYS, A_DAY = 250, 6


def world(
    draw: np.random.Generator, effect: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.datetime64]]:
    """A challenger that tilts the baseline by 0.6 in log-odds; the truth tilts by ``effect``."""
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
        alarms += bool((e_process(challenger, baseline, happened, day) >= 20).any())
    assert alarms <= 300 * 0.05


def test_the_wealth_has_mean_one_at_most_under_the_null() -> None:
    draw = np.random.default_rng(2)
    final = [latest(e_process(*world(draw, 0.28))) for _ in range(400)]
    assert np.mean(np.minimum(final, 50.0)) <= 1.1


def test_a_better_challenger_is_found_and_a_worse_one_is_not() -> None:
    draw = np.random.default_rng(3)
    found = worse = 0
    for _ in range(40):
        challenger, baseline, happened, day = world(draw, 0.6)
        found += latest(e_process(challenger, baseline, happened, day)) >= 20
        worse += latest(e_process(baseline, challenger, happened, day)) >= 20
    assert found >= 32  # eight in ten
    assert worse == 0


def luck_of(draw: np.random.Generator, share: float) -> NDArray[np.bool_]:
    """Rows of a day share half of their luck; each happens with a chance of ``share``."""
    shared = np.repeat(draw.random(DAYS), A_DAY)
    own = draw.random(DAYS * A_DAY)
    return np.where(draw.random(len(own)) < 0.5, shared, own) < share


def test_a_share_that_is_not_above_a_limit_is_seldom_ever_said_to_be() -> None:
    draw = np.random.default_rng(4)
    day = np.datetime64("2024-01-01") + np.repeat(np.arange(DAYS), A_DAY)
    ever = [(share_process(luck_of(draw, 0.55), day, 0.55) >= 20).any() for _ in range(400)]
    assert sum(ever) <= 400 * 0.05
    found = [latest(share_process(luck_of(draw, 0.65), day, 0.55)) >= 20 for _ in range(40)]
    assert sum(found) >= 32  # eight in ten


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), max_size=60))
def test_wealth_never_goes_below_zero_whatever_is_said(
    rows: list[tuple[float, float, bool]],
) -> None:
    ours, theirs = (np.array([row[index] for row in rows]) for index in (0, 1))
    happened = np.array([row[2] for row in rows], bool)
    day = np.datetime64("2024-01-01") + np.arange(len(rows)) // 5
    wealth = e_process(ours, theirs, happened, day)
    assert len(wealth) == len(np.unique(day))
    assert (wealth >= 0).all()
    assert np.isfinite(wealth).all()


def test_the_past_is_not_changed_by_what_comes_after() -> None:
    challenger, baseline, happened, day = world(np.random.default_rng(4), 0.4)
    whole = e_process(challenger, baseline, happened, day)
    part = slice(0, 100 * A_DAY)
    first = e_process(challenger[part], baseline[part], happened[part], day[part])
    np.testing.assert_array_equal(whole[:100], first)


def test_without_rows_there_is_no_evidence_either_way() -> None:
    nothing = np.empty(0)
    assert latest(e_process(nothing, nothing, nothing.astype(bool), nothing.astype("M8[D]"))) == (
        pytest.approx(1.0)
    )
