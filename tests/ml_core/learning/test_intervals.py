"""Intervals of net R: by opening range, and only where R has more than two values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml_core.evidence.evaluate import evaluate
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import Fitted, fit
from ml_core.learning.inference import Predictor
from ml_core.learning.predictions.intervals import NetRIntervals, fit_intervals
from ml_core.learning.predictions.prediction import SideView
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle, write_bundle
from ml_core.ranges.labels import LOSS, TIMEOUT, WIN
from tests.ml_core.learning.synthetic import dataset

RESIDUAL = Recipe(name="r", kind="residual")
NAMES = np.array(["0900", "1000", "1100"])


@pytest.fixture(scope="module")
def market() -> Dataset:
    """Trades of 09:00 win or lose; four in five of the others time out, wider at 11:00."""
    data = dataset(900, seed=8)
    draw = np.random.default_rng(8)
    by_time = (data.opening_range != "0900") & (draw.random(len(data)) < 0.8)
    spread = draw.normal(0.0, np.where(data.opening_range == "1100", 0.6, 0.2))
    gross = np.where(by_time, spread, data.r_gross)
    outcome = np.where(by_time, TIMEOUT, np.where(data.r_gross > 0, WIN, LOSS))
    return replace(
        data,
        outcome=outcome.astype(np.int16),
        r_gross=gross,
        r_net=gross - data.cost_ticks / data.risk_ticks,
    )


@pytest.fixture(scope="module")
def fitted(market: Dataset) -> Fitted:
    return fit(market, RESIDUAL, "x")


def test_no_interval_is_stated_where_a_trade_is_won_or_lost(fitted: Fitted) -> None:
    assert fitted.bundle.intervals is not None
    assert set(fitted.bundle.intervals.by_range) == {"1000", "1100"}


def test_each_range_s_interval_covers_what_it_states(market: Dataset, fitted: Fitted) -> None:
    test = market.rows(fitted.split.test)
    for name in ("1000", "1100"):
        scores = evaluate(fitted.bundle, test.rows(test.opening_range == name)).net_r
        assert scores.interval_coverage == pytest.approx(0.8, abs=0.07)
    at_nine = evaluate(fitted.bundle, test.rows(test.opening_range == "0900")).net_r
    assert at_nine.interval_coverage is None


def test_the_chances_of_a_trade_are_stated_and_add_to_one(market: Dataset, fitted: Fitted) -> None:
    predictor = Predictor(fitted.bundle)
    views = {
        str(market.opening_range[row]): predictor.predict(market.rows(np.array([row])), 0.0).long
        for row in (300, 301, 302)
    }
    for view in views.values():
        assert view.p_loss is not None
        assert view.p_timeout is not None
        assert view.p_win + view.p_loss + view.p_timeout == pytest.approx(1.0)
    assert views["0900"].p_timeout == pytest.approx(0.0, abs=0.05)
    assert views["1100"].p_timeout == pytest.approx(0.8, abs=0.1)
    assert (views["0900"].net_r_low, views["0900"].net_r_high) == (None, None)
    low, high = views["1100"].net_r_low, views["1100"].net_r_high
    assert low is not None
    assert high is not None
    assert low < views["1100"].net_r < high


@pytest.mark.parametrize(("count", "stated"), [(50, True), (49, False)])
def test_a_range_needs_fifty_trades_for_an_interval(count: int, stated: bool) -> None:
    fitted = fit_intervals(
        np.linspace(-1, 1, count), np.full(count, "0900"), np.ones(count, bool), 0.8
    )
    assert ("0900" in fitted.by_range) is stated


@pytest.mark.parametrize(("by_time", "stated"), [(30, True), (29, False)])
def test_half_of_the_trades_at_least_must_end_by_time(by_time: int, stated: bool) -> None:
    timed_out = np.arange(60) < by_time
    fitted = fit_intervals(np.linspace(-1, 1, 60), np.full(60, "0900"), timed_out, 0.8)
    assert ("0900" in fitted.by_range) is stated


def _read_back(bundle: Bundle, market: Dataset, folder: Path) -> Bundle:
    folder.mkdir()
    write_bundle(bundle, folder, metrics={}, card="", reference=market)
    return load_bundle(folder)


def test_intervals_are_read_back_and_old_ones_hold_for_every_range(
    market: Dataset, fitted: Fitted, tmp_path: Path
) -> None:
    now = fitted.bundle
    before = replace(now, intervals=NetRIntervals(by_range={}, every=(-1.0, 1.5)))
    for name, bundle in (("now", now), ("before", before)):
        again = _read_back(bundle, market, tmp_path / name)
        assert again.intervals == bundle.intervals
        assert again.version == bundle.version
    predictions = before.predict(market)
    np.testing.assert_array_equal(predictions.net_r_low, predictions.net_r - 1.0)
    # exactly the earlier file, so that the version keeps its name
    text = (tmp_path / "before" / "calibrators.json").read_text(encoding="utf-8")
    assert "net_r_intervals" not in text


def test_a_row_written_before_the_chances_were_kept_has_none() -> None:
    view = SideView(
        p_win=0.4,
        net_r=-0.2,
        net_r_low=-1.0,
        net_r_high=1.0,
        expected_net_r=-0.2,
        baseline_p_win=0.4,
        baseline_net_r=-0.2,
    )
    assert (view.p_loss, view.p_timeout) == (None, None)
