"""The dissimilarity index: the distance of a decision from the model's training data."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from benchmarks.control_worlds import bars_of
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.dbn import read_dbn
from ml_core.json_values import json_values
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.inference import Predictor
from ml_core.learning.predictions.novelty import (
    MAX_SILENCED_SHARE,
    SHARE,
    Novelty,
    fit_novelty,
    may_silence,
)
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle, write_bundle
from ml_core.learning.version_folder import SUMS
from ml_core.market.schedule import build_schedule, from_minute
from ml_core.market.simulation import simulate
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc
from tests.ml_core.learning.synthetic import dataset

NAMES = ("a", "b", "c", "kind")
ROWS, A_DAY = 240, 6
DAY = np.datetime64("2024-01-01") + np.repeat(np.arange(ROWS // A_DAY), A_DAY)


def rows_of(seed: int, *, missing: float = 0.0) -> NDArray[np.float64]:
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(ROWS, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 100.0, -3.0, 0.0]
    rows[:, 3] = draw.integers(0, 3, ROWS)
    rows[draw.random(rows.shape) < missing] = np.nan
    return rows


def fitted(rows: NDArray[np.float64], **importance: float) -> Novelty:
    novelty = fit_novelty(rows, DAY, NAMES, ("kind",), {"directional": importance})
    assert novelty is not None
    return novelty


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1]), st.integers(0, ROWS - 1))
def test_a_training_row_is_not_unlike_itself(seed: int, missing: float, which: int) -> None:
    rows = rows_of(seed, missing=missing)
    assert fitted(rows).judge(rows[which]).dissimilarity == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1000.0), st.floats(-1e3, 1e3))
def test_the_unit_and_the_zero_of_a_feature_do_not_matter(
    seed: int, unit: float, zero: float
) -> None:
    rows, row = rows_of(seed), rows_of(seed + 1)[0]
    change = np.array([unit, 1.0, 1.0, 1.0]), np.array([zero, 0.0, 0.0, 0.0])
    before = fitted(rows).judge(row)
    after = fitted(rows * change[0] + change[1]).judge(row * change[0] + change[1])
    assert after.dissimilarity == pytest.approx(before.dissimilarity, rel=1e-5)


def test_the_index_is_the_nearest_rows_distance_over_the_mean_one() -> None:
    rows, new = rows_of(1), rows_of(2)
    novelty = fitted(rows)
    numbers = ((rows - rows.mean(0)) / rows.std(0))[:, :3]
    kinds = np.eye(3)[rows[:, 3].astype(int)] / np.sqrt(2)
    other = ((new - rows.mean(0)) / rows.std(0))[:, :3]
    other_kinds = np.eye(3)[new[:, 3].astype(int)] / np.sqrt(2)
    space = np.hstack([numbers, kinds])
    nearest = NearestNeighbors(n_neighbors=1).fit(space)
    distance, _ = nearest.kneighbors(np.hstack([other, other_kinds]))
    between = np.linalg.norm(space[:, None] - space[None], axis=2)
    mean = between[DAY[:, None] != DAY[None]].mean()
    dissimilarities = [novelty.judge(row).dissimilarity for row in new]
    assert dissimilarities == pytest.approx(distance[:, 0] / mean, rel=1e-5)


def test_farther_along_a_ray_is_more_unlike_and_the_feature_is_named() -> None:
    rows = rows_of(3)
    novelty = fitted(rows)
    row = rows[0].copy()
    scores = []
    for step in (5.0, 10.0, 50.0):
        row[1] = 100.0 + 10.0 * step
        scores.append(novelty.judge(row))
    assert [score.novel for score in scores] == [True] * 3
    assert scores[0].dissimilarity < scores[1].dissimilarity < scores[2].dissimilarity
    assert scores[2].features[0][0] == "b"
    assert scores[2].features[0][1] > 0.9


def test_an_important_feature_counts_for_more() -> None:
    rows = rows_of(4)
    row = rows[0].copy()
    row[0] += 4.0
    assert (
        fitted(rows, a=0.9, b=0.1).judge(row).dissimilarity
        > fitted(rows, a=0.1, b=0.9).judge(row).dissimilarity
    )


def test_the_threshold_leaves_out_few_rows_of_the_same_kind() -> None:
    novelty = fitted(rows_of(5))
    new = [novelty.judge(row).novel for seed in range(100, 110) for row in rows_of(seed)]
    assert np.mean(new) <= 3 * SHARE


def test_a_missing_value_and_an_unheard_of_category_are_farther_than_a_known_one() -> None:
    rows = rows_of(6)
    novelty = fitted(rows)
    without, unheard = rows[0].copy(), rows[0].copy()
    without[0] = np.nan
    unheard[3] = 9.0
    assert novelty.judge(without).dissimilarity > 0
    assert novelty.judge(unheard).dissimilarity > 0


def test_a_missing_value_is_a_deviation_from_a_known_one_and_no_way_from_a_missing_one() -> None:
    rows = rows_of(9)
    rows[:, 1:] = rows[0, 1:]
    without = rows[0].copy()
    without[0] = np.nan
    novelty = fitted(rows)
    nearest = np.abs((rows[:, 0] - rows[:, 0].mean()) / rows[:, 0].std()).min()
    apart = novelty.judge(without).dissimilarity * novelty.mean_distance
    assert apart == pytest.approx(np.hypot(1.0, nearest), rel=1e-9)
    rows[::2, 0] = np.nan
    assert fitted(rows).judge(without).dissimilarity == 0.0


def test_a_feature_that_never_varied_keeps_its_unit_whatever_rounding_leaves_of_it() -> None:
    rows = rows_of(10)
    rows[:, 0] = 0.1
    novelty = fitted(rows)
    row = rows[0].copy()
    row[0] = 0.1 + 1e-12
    assert novelty.judge(row).dissimilarity == pytest.approx(0.0, abs=1e-9)
    row[0] = 0.1 + 3.0
    assert novelty.judge(row).dissimilarity * novelty.mean_distance == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize("wild", [1e9, 1e300, -1e300])
def test_a_wild_number_is_novel_and_can_be_written_down(wild: float) -> None:
    rows = rows_of(11)
    row = rows[0].copy()
    row[1] = wild
    judged = fitted(rows).judge(row)
    assert judged.novel
    assert np.isfinite(judged.dissimilarity)
    name, share = judged.features[0]
    assert (name, round(share, 6)) == ("b", 1.0)


def test_of_an_ordinary_unseen_year_few_ranges_are_novel_and_a_planted_one_is() -> None:
    first, last, cut = date(2021, 1, 4), date(2022, 12, 23), np.datetime64("2022-02-22")
    world = simulate(mgc(), build_schedule(mgc(), first, last), seed=1, with_truth=False)
    bars = bars_of(mgc(), world)
    data = assemble(bars, mgc(), LabelSpec(), first=date(2021, 2, 22), last=last).dataset
    past, year = (data.rows(np.flatnonzero(part)) for part in _parts(data, cut))
    novelty = fit_novelty(
        past.features, past.trading_day, past.feature_names, past.categorical, {}
    )
    assert novelty is not None
    assert np.mean([novelty.judge(row).novel for row in year.features]) <= MAX_SILENCED_SHARE / 2
    row = year.features[0].copy()
    row[year.feature_names.index("range_size_basis_points")] *= 50
    judged = novelty.judge(row)
    assert judged.novel
    assert judged.features[0][0] == "range_size_basis_points"


@pytest.mark.slow
def test_of_real_bars_few_are_novel_even_in_the_quarter_in_which_gold_began_to_leap(
    real_data_dir: Path, tmp_path: Path
) -> None:
    lake, market = Lake(tmp_path), mgc()
    files = [
        str(file)
        for file in sorted((real_data_dir / "mgc-ohlcv-1m").glob("*.dbn.zst"))
        if file.name.split("-")[2] >= "20221101"
    ]
    lake.ingest(read_dbn(files, market.contract_pattern), market, from_minute(30_000_000))
    first, last = date(2023, 1, 3), date(2025, 6, 30)
    data = assemble(lake.read(market), market, LabelSpec(), first=first, last=last).dataset

    share = {}
    for begin, end in (("2024-04-01", "2024-07-01"), ("2025-04-01", "2025-07-01")):
        past = data.rows(data.trading_day < np.datetime64(begin))
        quarter = data.rows(
            (data.trading_day >= np.datetime64(begin)) & (data.trading_day < np.datetime64(end))
        )
        novelty = fit_novelty(
            past.features, past.trading_day, past.feature_names, past.categorical, {}
        )
        assert novelty is not None
        share[begin] = float(np.mean([novelty.judge(row).novel for row in quarter.features]))

    # in ticks, the second quarter was 61 % novel
    assert share["2024-04-01"] < 0.05
    assert share["2025-04-01"] < 0.15


def _parts(data: Dataset, cut: np.datetime64) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return data.trading_day < cut, data.trading_day >= cut


def test_a_version_from_before_novelty_predicts_without_a_novelty_score(
    tmp_path: Path,
) -> None:
    data = dataset(260)
    bundle = fit(data, Recipe(name="old", kind="baseline"), "x").bundle
    write_bundle(bundle, tmp_path, metrics={}, card="", reference=data)
    (tmp_path / "novelty.json").unlink()
    lines = (tmp_path / SUMS).read_text().splitlines(keepends=True)
    (tmp_path / SUMS).write_text("".join(line for line in lines if "novelty.json" not in line))
    prediction = Predictor(load_bundle(tmp_path)).predict(data.rows(np.array([0])), 0.0)
    assert prediction.novelty is None
    assert json_values(prediction)["novelty"] is None
    assert prediction.p_up_given_break == bundle.predict(data).p_up[0]


def test_it_is_read_back_as_it_was_written_and_one_day_gives_none() -> None:
    rows = rows_of(7, missing=0.1)
    novelty = fitted(rows)
    again = Novelty.from_json(json.loads(novelty.to_json()), rows)
    new = rows_of(8, missing=0.1)
    assert [again.judge(row) for row in new] == [novelty.judge(row) for row in new]
    assert fit_novelty(rows, np.repeat(DAY[:1], ROWS), NAMES, ("kind",), {}) is None


@given(st.lists(st.booleans(), max_size=200))
def test_no_more_than_a_tenth_of_the_latest_slots_is_silenced(novel: list[bool]) -> None:
    silenced: list[bool] = []
    for is_novel in novel:
        silenced.append(is_novel and may_silence(silenced))
    for end in range(len(silenced)):
        assert sum(silenced[max(0, end - 59) : end + 1]) <= 6
