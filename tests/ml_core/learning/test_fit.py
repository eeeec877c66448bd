"""Training: real effects are found, absent ones are not, and the bytes are reproducible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.evidence.evaluate import NothingToJudgeError, evaluate
from ml_core.evidence.evaluation import Evaluation
from ml_core.json_values import json_values
from ml_core.learning.bundle import SchemaMismatchError
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import Fitted, fit
from ml_core.learning.models.baselines import corridor_probability
from ml_core.learning.models.calibration import expit, logit
from ml_core.learning.models.lightgbm_models import BadLabelsError, NothingVariesError
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle, write_bundle
from ml_core.learning.version_folder import BundleCorruptError, damage
from tests.ml_core.learning.synthetic import dataset

RESIDUAL = Recipe(name="test-residual", kind="residual")
BASELINE = Recipe(name="test-baseline", kind="baseline")


@pytest.fixture(scope="module")
def planted() -> tuple[Dataset, Fitted, Evaluation]:
    data = dataset(700, effect=0.8, seed=4)
    fitted = fit(data, RESIDUAL, "fingerprint")
    return data, fitted, evaluate(fitted.bundle, data.rows(fitted.split.test))


@pytest.fixture(scope="module")
def nothing() -> tuple[Dataset, Fitted, Evaluation]:
    data = dataset(700, effect=0.0, seed=5)
    fitted = fit(data, RESIDUAL, "fingerprint")
    return data, fitted, evaluate(fitted.bundle, data.rows(fitted.split.test))


def test_a_planted_effect_is_found(planted: tuple[Dataset, Fitted, Evaluation]) -> None:
    _, fitted, evaluation = planted

    change = evaluation.directional.difference["corridor"].log_loss
    assert change.below_zero
    assert evaluation.verdict.startswith("Better than the corridor baseline")
    assert next(iter(fitted.bundle.importance["directional"])) == "f0"


def test_most_of_what_can_be_gained_is_gained(
    planted: tuple[Dataset, Fitted, Evaluation],
) -> None:
    data, fitted, _ = planted
    test = data.rows(fitted.split.test)
    predictions = fitted.bundle.predict(test)
    corridor = logit(corridor_probability(test.close_position, np.full(len(test), 0.25)))
    true = expit(corridor + 0.8 * np.sign(test.features[:, 0]))

    def expected_loss(p: NDArray[np.float64]) -> float:
        return float(-np.mean(true * np.log(p) + (1 - true) * np.log1p(-p)))

    gained = expected_loss(predictions.baseline_p_up) - expected_loss(predictions.p_up)
    assert gained > 0.6 * (expected_loss(predictions.baseline_p_up) - expected_loss(true))


def test_without_an_effect_no_skill_is_claimed(
    nothing: tuple[Dataset, Fitted, Evaluation],
) -> None:
    _, _, evaluation = nothing

    assert not evaluation.directional.difference["corridor"].log_loss.below_zero
    assert not evaluation.verdict.startswith("Better")


def test_the_baseline_recipe_is_its_baseline_to_the_bit() -> None:
    data = dataset(300)

    fitted = fit(data, BASELINE, "fingerprint")
    predictions = fitted.bundle.predict(data)

    np.testing.assert_array_equal(predictions.p_up, predictions.baseline_p_up)
    np.testing.assert_array_equal(predictions.p_win[:, 0], predictions.baseline_p_win)
    assert (predictions.recommendation == 0).all()  # costs are certain, an edge is not
    evaluation = evaluate(fitted.bundle, data.rows(fitted.split.test))
    assert evaluation.directional.difference["corridor"].log_loss.estimate == 0.0
    assert "learned nothing" in evaluation.verdict


def test_probabilities_are_probabilities(planted: tuple[Dataset, Fitted, Evaluation]) -> None:
    data, fitted, _ = planted

    predictions = fitted.bundle.predict(data)

    for values in (
        predictions.p_up,
        predictions.p_none,
        predictions.p_win,
        predictions.p_timeout,
        predictions.p_win + predictions.p_timeout,
    ):
        assert ((values >= 0) & (values <= 1)).all()


def _written(fitted: Fitted, data: Dataset, folder: Path) -> Path:
    folder.mkdir()
    metrics = json_values(evaluate(fitted.bundle, data.rows(fitted.split.test)))
    reference = data.rows(fitted.split.train)
    write_bundle(fitted.bundle, folder, metrics=metrics, card="# A card", reference=reference)
    return folder


def test_the_same_inputs_give_byte_identical_folders(tmp_path: Path) -> None:
    folders = []
    for name in ("one", "other"):
        data = dataset(400, effect=0.5, seed=9)
        folders.append(_written(fit(data, RESIDUAL, "same"), data, tmp_path / name))

    one, other = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert one == other
    assert {"directional.txt", "model_card.md", "reference.parquet", "SHA256SUMS"} <= set(one)
    assert load_bundle(folders[0]).version == load_bundle(folders[1]).version


def test_a_loaded_version_predicts_what_the_trained_one_did(
    planted: tuple[Dataset, Fitted, Evaluation], tmp_path: Path
) -> None:
    data, fitted, _ = planted

    loaded = load_bundle(_written(fitted, data, tmp_path / "v"))

    assert loaded.version == fitted.bundle.version
    for name in ("p_up", "p_win", "net_r", "net_r_low", "expected_net_r"):
        mine, its = (getattr(bundle.predict(data), name) for bundle in (fitted.bundle, loaded))
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (
            lambda folder: (folder / "baselines.json").write_text("{}"),
            "baselines.json was changed",
        ),
        (lambda folder: (folder / "metrics.json").unlink(), "metrics.json is missing"),
        (lambda folder: (folder / "more.txt").write_text("x"), "more.txt is not listed"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
    ],
    ids=["edited", "deleted", "added", "no sums"],
)
def test_a_folder_that_was_touched_is_not_loaded(
    tmp_path: Path, spoil: object, fault: str
) -> None:
    data = dataset(300)
    folder = _written(fit(data, BASELINE, "x"), data, tmp_path / "v")
    assert damage(folder) == []

    spoil(folder)  # type: ignore[operator]

    assert any(message.startswith(fault) for message in damage(folder))
    with pytest.raises(BundleCorruptError, match=fault.split(maxsplit=1)[0]):
        load_bundle(folder)


def test_other_columns_than_the_models_are_refused(
    planted: tuple[Dataset, Fitted, Evaluation],
) -> None:
    data, fitted, _ = planted
    renamed = replace(data, feature_names=("other", *data.feature_names[1:]))

    with pytest.raises(SchemaMismatchError, match=r"missing \('f0',\), unknown \('other',\)"):
        fitted.bundle.predict(renamed)


def test_constant_features_are_noted_and_all_of_them_are_refused() -> None:
    data = dataset(400, effect=0.5)
    some, every = data.features.copy(), np.zeros_like(data.features)
    some[:, 1] = 7.0

    fitted = fit(replace(data, features=some), RESIDUAL, "x")

    assert fitted.bundle.trained["models"]["directional"]["constant_features"] == ["f1"]
    with pytest.raises(NothingVariesError, match="all 6 features are constant"):
        fit(replace(data, features=every), RESIDUAL, "x")


def test_labels_that_are_not_numbers_are_refused() -> None:
    data = dataset(400)
    net = data.r_net.copy()
    net[3] = np.inf

    with pytest.raises(BadLabelsError, match="1 training labels are not finite"):
        fit(replace(data, r_net=net), RESIDUAL, "x")


def test_too_few_unseen_breaks_are_not_judged() -> None:
    data = dataset(300)
    fitted = fit(data, BASELINE, "x")

    with pytest.raises(NothingToJudgeError, match="has 30 settled breaks, at least 50"):
        evaluate(fitted.bundle, data.rows(slice(0, 30)))
