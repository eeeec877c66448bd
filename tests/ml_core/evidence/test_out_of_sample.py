"""Predictions are stored bit for bit, and none is of a row that its version had seen."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml_core.evidence.comparison import NoCommonRowsError, compare
from ml_core.evidence.evaluate import evaluate_predictions
from ml_core.evidence.out_of_sample import SeenRowsError, read_predictions
from ml_core.json_values import json_values
from ml_core.learning.predictions.predict import Predictions
from ml_core.ranges.labels import DOWN, NONE, UP
from tests.ml_core.evidence.slow_wealth import challenger_wealth, rows_of
from tests.ml_core.evidence.walks import walk_predictions


def test_predictions_survive_parquet_to_the_bit(tmp_path: Path) -> None:
    made = walk_predictions(0.8)
    pq.write_table(made.to_table(), tmp_path / "a.parquet")
    read = read_predictions(pq.read_table(tmp_path / "a.parquet"))
    assert (read.recipe_hash, read.seed) == (made.recipe_hash, made.seed)
    for field in fields(Predictions):
        np.testing.assert_array_equal(
            getattr(read.predictions, field.name), getattr(made.predictions, field.name)
        )
    for name in ("trading_day", "opening_range", "direction", "r_net", "close_position"):
        np.testing.assert_array_equal(getattr(read.test, name), getattr(made.test, name))
    assert read.test.label_spec == made.test.label_spec
    assert json_values(evaluate_predictions(read, "m", "v")) == json_values(
        evaluate_predictions(made, "m", "v")
    )


def test_a_prediction_for_a_training_row_is_refused_and_the_day_named() -> None:
    made = walk_predictions(0.0)
    late = made.seen_until.copy()
    late[10] = made.test.decision_minute[10] + 1
    seen = replace(made, seen_until=late)
    with pytest.raises(SeenRowsError, match=str(made.test.trading_day[10])):
        compare((seen,), None, "corridor")
    with pytest.raises(SeenRowsError, match="overlap"):
        compare((made,), seen, "champion")


def test_studies_without_a_common_break_are_no_comparison() -> None:
    made = walk_predictions(0.0)
    half = len(made) // 2
    first, second = made.rows(np.arange(half)), made.rows(np.arange(half, len(made)))
    with pytest.raises(NoCommonRowsError, match="same period"):
        compare((first,), second, "champion")


def test_a_comparison_takes_common_breaks_only_and_itself_is_no_better() -> None:
    made = walk_predictions(0.8)
    quiet = made.test.direction.copy()
    quiet[::5] = NONE
    fewer = replace(made, test=replace(made.test, direction=quiet))
    same = compare((fewer,), made, "champion")
    assert same.rows == (quiet != NONE).sum()
    assert [change.interval.estimate for change in same.changes] == [0.0, 0.0]
    assert [change.better for change in same.changes] == [False, False]
    assert same.e_value == same.e_worse == 1.0


def test_groups_add_up_to_the_whole() -> None:
    figures = json_values(evaluate_predictions(walk_predictions(0.8), "m", "v"))
    for part in ("by_range", "by_year", "by_side", "by_fold"):
        assert sum(group["rows"] for group in figures[part]) == figures["summary"]["breaks"]
        total = sum(group["rows"] * group["model"]["log_loss"] for group in figures[part])
        mean = total / figures["summary"]["breaks"]
        assert mean == pytest.approx(figures["directional"]["model"]["log_loss"])
        assert all(
            group["difference"]["corridor"]["log_loss"]["low"] is not None
            for group in figures[part]
        )


def test_the_evidence_of_a_comparison_is_a_slow_bettor_s_over_every_row() -> None:
    made = walk_predictions(0.6)
    quiet = made.test.direction.copy()
    quiet[::7] = NONE
    unseen = replace(made, test=replace(made.test, direction=quiet))
    test, predictions = unseen.test, unseen.predictions
    broke = np.isin(test.direction, (UP, DOWN))
    assert 0 < broke.sum() < len(unseen)

    comparison = compare((unseen,), None, "corridor")

    forecasts = predictions.p_up, predictions.baseline_p_up
    rest = test.direction == UP, test.trading_day, broke
    for evidence, pair in (
        (comparison.e_value, forecasts),
        (comparison.e_worse, forecasts[::-1]),
    ):
        expected = challenger_wealth(rows_of(*pair, *rest))[-1]
        assert evidence == pytest.approx(expected, rel=1e-9)
