"""Every option of a recipe works: plain trees, class weights, selection, calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.evidence.metrics import expected_calibration_error
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.splits import Split, TooFewSamplesError
from ml_core.learning.fit import fit
from ml_core.learning.models.baselines import fit_baselines
from ml_core.learning.models.calibration import Method, expit, fit_calibrator, logit
from ml_core.learning.models.lightgbm_models import train
from ml_core.learning.recipe import BoosterSpec, Recipe
from ml_core.ranges.labels import DOWN, UP
from tests.ml_core.learning.synthetic import dataset

QUICK = BoosterSpec(max_rounds=60, early_stopping_rounds=15)


def recipe(**given: object) -> Recipe:
    values = {"name": "test", "kind": "residual", "directional": QUICK, **given}
    return Recipe.model_validate(values)


def test_a_plain_model_does_not_start_from_the_corridor() -> None:
    data = dataset(900, effect=0.8)
    bare = fit(data, recipe(kind="plain"), "d", questions=("directional",))
    # the close position is not among the features, so that a plain model cannot use it
    predictions = bare.bundle.predict(data.rows(bare.split.test))
    corridor = predictions.baseline_p_up
    assert abs(np.corrcoef(predictions.p_up, corridor)[0, 1]) < 0.2
    residual = fit(data, recipe(), "d", questions=("directional",))
    on_top = residual.bundle.predict(data.rows(residual.split.test))
    assert np.corrcoef(on_top.p_up, corridor)[0, 1] > 0.7
    assert not bare.bundle.residual
    assert residual.bundle.residual


def test_class_weights_are_recalibrated() -> None:
    data = dataset(1500, effect=0.8)
    rare = np.where(np.arange(len(data)) % 3 == 0, data.direction, DOWN).astype(np.int16)
    data = replace(data, direction=rare)
    fitted = fit(data, recipe(kind="plain", class_weights=True), "d", questions=("directional",))
    test = data.rows(fitted.split.test)
    p_up = fitted.bundle.predict(test).p_up
    assert fitted.bundle.calibrators["directional"].method != "identity"
    assert p_up.mean() == pytest.approx((test.direction == UP).mean(), abs=0.05)
    assert expected_calibration_error(p_up, test.direction == UP) < 0.08
    unweighted = fit(data, recipe(kind="plain"), "d", questions=("directional",))
    assert unweighted.bundle.texts["directional"] != fitted.bundle.texts["directional"]


def test_selection_keeps_the_features_that_tell_and_looks_at_training_rows_alone() -> None:
    data = dataset(900, effect=0.8, features=12)
    chosen = fit(data, recipe(select_features=2), "d", questions=("directional",))
    used = set(chosen.bundle.importance["directional"])
    assert "f0" in used
    assert len(used) <= 2
    # other labels outside the training part choose nothing else
    later = np.arange(len(data)) > chosen.split.train.max()
    turned = replace(
        data, direction=np.where(later, -data.direction, data.direction).astype(np.int16)
    )
    again = fit(turned, recipe(select_features=2), "d", questions=("directional",))
    assert set(again.bundle.importance["directional"]) == used


def _effect_of_f1_on(data: Dataset, days: slice, effect: float, seed: int = 5) -> Dataset:
    """Return the data with some days' breakouts decided by the sign of ``f1``."""
    draw = np.random.default_rng(seed)
    chosen = np.isin(data.trading_day, np.unique(data.trading_day)[days])
    up = draw.random(len(data)) < expit(effect * np.sign(data.features[:, 1]))
    direction = np.where(chosen, np.where(up, UP, DOWN), data.direction).astype(np.int16)
    return replace(data, direction=direction)


@pytest.mark.parametrize(
    ("days", "embargo"),
    [(slice(450, 600), 1), (slice(391, 450), 60)],
    ids=["stopping days", "embargo before them"],
)
def test_features_are_not_chosen_by_the_days_that_stop_the_boosting(
    days: slice, embargo: int
) -> None:
    # of 1,000 days the first 600 train, the last 150 of those stop
    data = _effect_of_f1_on(dataset(1000, effect=0.3, seed=2), days, 5.0)
    selecting = recipe(kind="plain", select_features=1, embargo_days=embargo)

    chosen = fit(data, selecting, "d", questions=("directional",), split=_first_600_days(data))

    assert set(chosen.bundle.importance["directional"]) == {"f0"}


def test_an_embargo_that_leaves_nothing_before_the_stopping_days_is_refused() -> None:
    data = dataset(300)
    with pytest.raises(
        TooFewSamplesError, match="the feature selection part has 0 opening ranges"
    ):
        train(
            data,
            np.arange(60),
            fit_baselines(data.rows(np.arange(60))),
            recipe(embargo_days=20, select_features=2),
            questions=("directional",),
        )


def _first_600_days(data: Dataset) -> Split:
    """Cut without purging, so that the training days are the same for every embargo."""
    day = np.unique(data.trading_day, return_inverse=True)[1]
    train, calibrate, test = (
        np.flatnonzero((day >= first) & (day < stop))
        for first, stop in ((0, 600), (600, 800), (800, 1000))
    )
    return Split(train, calibrate, test, np.concatenate([train, calibrate]))


@pytest.mark.parametrize(
    ("slope", "shift", "expected"), [(1.0, 0.0, "identity"), (2.5, 0.6, "platt")]
)
def test_calibration_takes_what_does_best_on_unseen_folds(
    slope: float, shift: float, expected: Method
) -> None:
    draw = np.random.default_rng(1)
    day = np.datetime64("2021-01-01") + np.repeat(np.arange(500), 4)
    truth = draw.normal(size=2000)
    label = draw.random(2000) < expit(truth)
    margin = slope * truth + shift
    chosen = fit_calibrator(margin, label, day)
    assert chosen.method == expected
    before = expected_calibration_error(expit(margin), label)
    assert expected_calibration_error(chosen(margin), label) <= before + 1e-12


def test_a_crooked_map_is_taken_where_a_line_cannot_do() -> None:
    draw = np.random.default_rng(2)
    day = np.datetime64("2021-01-01") + np.repeat(np.arange(1500), 4)
    margin = draw.normal(size=6000)
    label = draw.random(6000) < np.where(margin > 0.5, 0.85, 0.2)  # a step
    chosen = fit_calibrator(margin, label, day)
    assert chosen.method == "isotonic"
    assert chosen(np.array([2.0]))[0] == pytest.approx(0.85, abs=0.05)
    assert chosen(np.array([-2.0]))[0] == pytest.approx(0.2, abs=0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["identity", "platt", "isotonic"]))
def test_every_calibrator_keeps_the_order_and_gives_probabilities(
    seed: int, method: Method
) -> None:
    draw = np.random.default_rng(seed)
    day = np.datetime64("2021-01-01") + np.repeat(np.arange(300), 4)
    margin = draw.normal(size=1200)
    label = draw.random(1200) < expit(margin)
    made = fit_calibrator(margin, label, day, (method,))
    p = made(np.linspace(-6, 6, 50))
    assert made.method == method
    assert (np.diff(p) >= 0).all()
    assert ((p > 0) & (p < 1)).all()
    assert np.isfinite(logit(p)).all()


@pytest.mark.parametrize("window", ["rolling", "rolling:0", "rolling:x", "all", ""])
def test_a_window_there_is_not_is_refused_with_one_there_is(window: str) -> None:
    with pytest.raises(ValueError, match="rolling:24"):
        recipe(window=window)


def test_neither_a_default_field_nor_a_description_changes_the_hash() -> None:
    default = recipe()
    assert recipe(about="something else", seeds=3, window="expanding").hash == default.hash
    assert recipe(window="rolling:24").hash != default.hash
    assert recipe(seed=8).hash != default.hash
    assert recipe(window="rolling:24").rolling_months == 24
