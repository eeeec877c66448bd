"""Mirrored prices: each feature changes as it declares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Feature
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc, walk
from tests.ml_core.features.reference.made_news import made_news

FIRST, LAST = date(2023, 12, 1), date(2024, 1, 31)
LEVEL = 10_000_000
"""Ticks, so high that features relative to the price do not change with the mirror."""


def features_of(bars: Bars) -> Dataset:
    return assemble(
        bars,
        mgc(),
        LabelSpec(),
        first=FIRST,
        last=LAST,
        features=CATALOGUE.every(),
        news=made_news(FIRST, LAST, 1),
    ).dataset


@pytest.fixture(scope="module")
def both() -> tuple[Dataset, Dataset]:
    """Return the features of a market, and of the same market mirrored."""
    bars = walk(date(2023, 10, 2), LAST, seed=3, contracts=("MGCG4", "MGCJ4"))
    middle = int(bars.close[0])
    up = {name: getattr(bars, name) - middle for name in ("open", "high", "low", "close")}
    down = {"open": -up["open"], "high": -up["low"], "low": -up["high"], "close": -up["close"]}
    usual, turned = (
        features_of(replace(bars, **{name: (LEVEL + way[name]).astype(np.int32) for name in way}))
        for way in (up, down)
    )
    return usual, turned


@pytest.mark.parametrize("feature", CATALOGUE.every(), ids=lambda feature: feature.name)
def test_a_feature_turns_into_what_it_is_declared_to(
    feature: Feature, both: tuple[Dataset, Dataset]
) -> None:
    usual, turned = both
    source = feature.name
    if feature.mirror is not None:
        source = feature.mirror.of or feature.name
    values = usual.features[:, usual.feature_names.index(source)]
    wanted = values if feature.mirror is None else feature.mirror(values)

    got = turned.features[:, turned.feature_names.index(feature.name)]

    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-6)
    assert np.isfinite(got).any(), "a column without a value shows nothing"


def test_the_rows_turn_too(both: tuple[Dataset, Dataset]) -> None:
    usual, turned = both
    np.testing.assert_array_equal(turned.direction, -usual.direction)
    np.testing.assert_array_equal(turned.outcome, usual.outcome)
