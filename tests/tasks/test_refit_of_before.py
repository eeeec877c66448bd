"""A refit is compared with its champion even if that one learned from older features."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from ml_core.evidence.evaluate import evaluate_predictions
from ml_core.evidence.out_of_sample import predict_unseen
from ml_core.evidence.promotion.rule import Decision
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Feature
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit, fit_to_serve
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import write_bundle
from ml_core.ranges.label_spec import LabelSpec
from registry.models.versions import VersionRecord
from tasks.settings import current_settings
from tasks.training import refit as refits
from tasks.training.train import TrainedVersion
from tests.ml_core.builders import mgc, walk

FIRST, LAST = date(2023, 1, 3), date(2023, 12, 22)
OF_BEFORE = ("close_position", "atr20", "range_size")


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    bars = walk(date(2022, 11, 21), LAST, seed=5)
    return assemble(bars, mgc(), LabelSpec(), first=FIRST, last=LAST)


def version(folder: Path, assembly: Assembly, features: tuple[Feature, ...]) -> VersionRecord:
    """Return a baseline version with these features, without a registry."""
    folder.mkdir()
    data = assembly.with_features(features)
    fitted = fit(data, Recipe(name="baseline", kind="baseline"), "x")
    write_bundle(
        fitted.bundle, folder, metrics={}, card="", reference=data.rows(fitted.split.learned)
    )
    return VersionRecord(
        market="MGC",
        model="baseline",
        kind="baseline",
        version=fitted.bundle.version,
        recipe_hash=fitted.bundle.recipe.hash,
        data_fingerprint="x",
        sums_hash="",
        path=folder,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        metrics={},
    )


def refit_of(data: Dataset) -> TrainedVersion:
    """Return the baseline trained on all rows and judged on the latest fifth."""
    recipe = Recipe(name="baseline", kind="baseline")
    judged = fit(data, recipe, "x")
    test = data.rows(judged.split.test)
    unseen = predict_unseen(judged.bundle, test)
    served = fit_to_serve(data, recipe, "x", judged_on=test)
    return TrainedVersion(served.bundle, unseen, evaluate_predictions(unseen, "baseline", "x"))


def weighed(
    assembly: Assembly, folder: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> Decision:
    old = tuple(
        replace(feature, name=name)
        for name, feature in zip(names, CATALOGUE.select(OF_BEFORE), strict=True)
    )
    champion = version(folder / "old", assembly, old)
    monkeypatch.setattr(refits, "present_champion", lambda *_: champion)
    at = champion.created_at
    return refits.judge_refit(current_settings(), refit_of(assembly.dataset), assembly, at)


def test_a_champion_of_retired_features_is_compared_with_its_refit(
    assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = weighed(assembly, tmp_path, monkeypatch, OF_BEFORE)

    # the same baseline on the same rows: a difference of exactly zero
    assert decision.promote, decision.verdict


def test_a_champion_of_features_that_nobody_knows_cannot_be_compared(
    assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = weighed(assembly, tmp_path, monkeypatch, ("close_position", "atr20", "moon"))

    assert not decision.promote
    assert "unknown" in decision.verdict


def test_a_champion_that_has_expired_is_not_compared_with(
    assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.models.model_store.ModelStore.expired", lambda *_: "expired")

    # its features prevent a comparison: only the corridor is left
    decision = weighed(assembly, tmp_path, monkeypatch, ("close_position", "atr20", "moon"))

    assert decision.promote, decision.verdict
    assert "champion" not in decision.verdict


def test_other_columns_are_those_that_an_assembly_of_them_has(assembly: Assembly) -> None:
    features = CATALOGUE.select(OF_BEFORE)
    bars = walk(date(2022, 11, 21), LAST, seed=5)
    again = assemble(bars, mgc(), LabelSpec(), first=FIRST, last=LAST, features=features).dataset

    other = assembly.with_features(features)

    assert other.feature_names == OF_BEFORE
    np.testing.assert_array_equal(other.features, again.features)
    assert assembly.with_features(CATALOGUE.select("all")) is assembly.dataset
