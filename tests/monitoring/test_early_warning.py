"""Estimates without outcomes match the realised figures if the probabilities are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_core.evidence.metrics import METRICS, NotScorableError
from ml_core.health.estimates import Estimate
from monitoring.early_warning import (
    WINDOW,
    Reference,
    expect,
    reconcile,
    warning,
)

ALWAYS = np.ones(WINDOW)
NAMES = (*(metric.name for metric in METRICS), "ece")


def draw_predictions(draw: np.random.Generator, rows: int = WINDOW) -> NDArray[np.float64]:
    p: NDArray[np.float64] = 0.05 + 0.9 * draw.beta(2.0, 2.0, rows)
    return p


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=9))
def test_the_expectation_is_that_over_every_way_it_can_come_out(p: list[float]) -> None:
    ways = np.array(np.meshgrid(*[[False, True]] * len(p))).reshape(len(p), -1).T
    predictions = np.array(p)
    chance = np.where(ways, predictions, 1.0 - predictions).prod(axis=1)
    expected = expect(predictions, np.ones(len(p)))
    for metric in METRICS:
        scores = np.array([metric(predictions, way) for way in ways])
        mean = chance @ scores
        spread = np.sqrt(chance @ (scores - mean) ** 2)
        estimate = expected[metric.name]
        assert estimate.value == pytest.approx(mean)
        assert estimate.high - estimate.value == pytest.approx(1.959964 * spread, abs=1e-7)


@pytest.mark.parametrize("p_break", [1.0, 0.8])
def test_the_interval_holds_the_truth_as_often_as_it_says(p_break: float) -> None:
    inside = dict.fromkeys(NAMES, 0)
    times = 400
    for seed in range(times):
        draw = np.random.default_rng(seed)
        p = draw_predictions(draw)
        chance = np.full(WINDOW, p_break)
        broke = draw.random(WINDOW) < chance
        up = draw.random(WINDOW) < p
        reconciled = reconcile(expect(p, chance), p[broke], up[broke])
        for name in NAMES:
            inside[name] += reconciled.inside[name]
    for name, count in inside.items():
        # 400 tries at 95 %: 380 give or take four standard errors of 4.4
        assert 362 <= count <= 397, (name, count)


def test_the_error_is_nought_on_average_and_shown_by_its_sign() -> None:
    draw = np.random.default_rng(1)
    errors = []
    for _ in range(300):
        p = draw_predictions(draw)
        errors.append(reconcile(expect(p, ALWAYS), p, draw.random(WINDOW) < p).error["log_loss"])
    assert abs(np.mean(errors)) < 4.0 * np.std(errors) / np.sqrt(300)
    p = np.full(WINDOW, 0.9)
    assert reconcile(expect(p, ALWAYS), p, np.zeros(WINDOW, bool)).error["log_loss"] > 1.0


def test_a_model_that_became_less_certain_raises_a_warning_before_any_outcome() -> None:
    draw = np.random.default_rng(2)
    p = draw_predictions(draw)
    reference = Reference(
        log_loss=expect(draw_predictions(draw, 2000), np.ones(2000))["log_loss"].value, error=0.01
    )
    assert warning(expect(p, ALWAYS)["log_loss"], reference) is None
    timid = warning(expect(0.5 + 0.1 * (p - 0.5), ALWAYS)["log_loss"], reference)
    assert timid is not None
    assert timid.startswith("less certain than on unseen days")
    bold = warning(expect(np.where(p > 0.5, 0.97, 0.03), ALWAYS)["log_loss"], reference)
    assert bold is not None
    assert bold.startswith("more certain than on unseen days")


def test_the_same_kind_of_ranges_seldom_raises_a_warning() -> None:
    raised = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        unseen = draw_predictions(draw, 600)
        up = draw.random(600) < unseen
        rows = METRICS[1].rows(unseen, up)
        reference = Reference(log_loss=float(rows.mean()), error=float(rows.std() / 600**0.5))
        raised += (
            warning(expect(draw_predictions(draw), ALWAYS)["log_loss"], reference) is not None
        )
    assert raised <= 3


def test_a_changed_market_with_equal_probabilities_is_seen_only_in_the_outcomes() -> None:
    """A limit of the method: with the same probabilities, nothing changes, whatever is true."""
    draw = np.random.default_rng(3)
    p = draw_predictions(draw)
    reference = Reference(
        log_loss=expect(draw_predictions(draw, 2000), np.ones(2000))["log_loss"].value, error=0.01
    )
    before = expect(p, ALWAYS)
    turned = draw.random(WINDOW) < 1.0 - p  # every outcome the other way round
    assert warning(before["log_loss"], reference) is None
    truth = reconcile(before, p, turned)
    assert not truth.inside["log_loss"]
    assert truth.error["log_loss"] > 0.1


def test_nothing_that_broke_is_nothing_to_reconcile() -> None:
    none = np.array([], np.float64)
    with pytest.raises(NotScorableError):
        reconcile(expect(np.full(3, 0.6), np.ones(3)), none, none.astype(bool))


def test_a_certain_spread_of_nothing_never_divides_by_it() -> None:
    flat = Estimate(value=0.6, low=0.5, high=0.7, of_mix=0.0)
    assert warning(flat, Reference(log_loss=0.6, error=0.0)) is None


@pytest.mark.parametrize(("error", "mix"), [(0.03, 0.04), (0.05, 0.0), (0.0, 0.05)])
@pytest.mark.parametrize("way", [1, -1], ids=["less certain", "more certain"])
def test_a_warning_begins_beyond_three_standard_errors_of_both_together(
    way: int, error: float, mix: float
) -> None:
    def raised(away: float) -> str | None:
        value = 0.6 + way * away
        estimate = Estimate(value=value, low=0.0, high=1.0, of_mix=mix)
        return warning(estimate, Reference(log_loss=0.6, error=error))

    assert raised(0.15 - 1e-9) is None
    words = raised(0.15 + 1e-9)
    assert words is not None
    assert words.startswith("less certain" if way == 1 else "more certain")
    assert words.endswith("3.0 standard errors away")


@pytest.mark.parametrize(
    ("figure", "inside"), [(0.5, True), (0.7, True), (0.4999, False), (0.7001, False)]
)
def test_an_estimate_holds_both_its_ends_and_nothing_beyond(figure: float, inside: bool) -> None:
    assert Estimate(value=0.6, low=0.5, high=0.7, of_mix=0.0).holds(figure) is inside
