"""No feature that a model learns from depends on the level of prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import RetiredFeatureError
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.market.market import Market
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc, walk
from tests.ml_core.features.reference.made_news import made_news

FIRST, LAST = date(2023, 12, 1), date(2024, 1, 31)
RETIRED = ("range_size", "atr14", "atr20", "sigma_24h")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return walk(date(2023, 10, 2), LAST, seed=3, contracts=("MGCG4", "MGCJ4"))


def features_of(bars: Bars, market: Market) -> Dataset:
    return assemble(
        bars,
        market,
        LabelSpec(),
        first=FIRST,
        last=LAST,
        features=CATALOGUE.every(),
        news=made_news(FIRST, LAST, 1),
    ).dataset


def times(bars: Bars, market: Market, factor: int) -> Dataset:
    """Return the features of a market with prices, and costs, multiplied by a factor.

    A tick keeps its size, so that multiplied prices have as many times the ticks.
    """
    prices = {
        name: (getattr(bars, name) * factor).astype(np.int32)
        for name in ("open", "high", "low", "close")
    }
    costs = {
        name: getattr(market.instrument, name) * factor
        for name in ("commission_per_side", "slippage_ticks_per_side")
    }
    instrument = market.instrument.model_copy(update=costs)
    return features_of(
        replace(bars, **prices), market.model_copy(update={"instrument": instrument})
    )


@pytest.mark.parametrize("factor", [3, 10])
def test_a_market_of_higher_prices_has_the_same_features(bars: Bars, factor: int) -> None:
    usual, higher = features_of(bars, mgc()), times(bars, mgc(), factor)

    changed = {
        name
        for index, name in enumerate(usual.feature_names)
        if not np.allclose(
            usual.features[:, index], higher.features[:, index], rtol=1e-9, equal_nan=True
        )
    }

    assert len(usual) > 200
    assert changed == set(RETIRED)


def test_no_trained_feature_has_a_unit_of_prices() -> None:
    assert [one.name for one in CATALOGUE.select("all") if one.unit == "ticks"] == []
    assert set(CATALOGUE.retired()) == set(RETIRED)


def test_a_retired_feature_is_computed_for_older_versions_and_refused_to_a_recipe() -> None:
    assert [one.name for one in CATALOGUE.select(["atr20", "body"])] == ["atr20", "body"]

    with pytest.raises(RetiredFeatureError, match="name atr20_basis_points in the recipe instead"):
        CATALOGUE.to_learn(["body", "atr20"])
    assert CATALOGUE.to_learn("all") == CATALOGUE.select("all")


def test_the_replacement_of_a_retired_feature_can_be_trained_on() -> None:
    assert {one.instead for one in CATALOGUE.every() if one.instead} <= set(CATALOGUE.names())
