"""The JSON form of typed results: a round trip is lossless, and NaN is null."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from ml_core.evidence.evaluation import (
    Evaluation,
    NoEntryScores,
    NotAnEvaluationError,
    NoTrades,
    Scores,
    Trades,
)
from ml_core.evidence.intervals import Interval
from ml_core.evidence.metrics import ReliabilityBin
from ml_core.json_form import from_json
from ml_core.json_values import json_values
from tests.monitoring import figures, studies


@pytest.mark.parametrize("made", [figures.evaluation, studies.study], ids=["one", "walk"])
def test_an_evaluation_comes_back_from_its_json_to_the_byte(
    made: Callable[[], dict[str, object]],
) -> None:
    text = json.dumps(made(), allow_nan=False)
    assert json.dumps(json_values(Evaluation.from_json(json.loads(text)))) == text


def test_a_figure_that_is_missing_is_null_in_json_and_nan_in_memory() -> None:
    written = json_values(Scores(0.5, 0.6, 0.2, math.nan, 0.1))
    assert written["auc"] is None
    assert math.isnan(from_json(Scores, written).auc)
    nothing = Interval(math.nan, math.nan, math.nan, 0, 0)
    assert json_values(nothing)["error"] is None
    assert math.isnan(from_json(Interval, json_values(nothing)).low)


def test_an_evaluation_without_trades_and_targets_is_read_as_such() -> None:
    values = figures.evaluation()
    values["quality"] = {"rows": 0, "timeouts": 3}
    values["trading"]["followed"] = {"trades": 0}
    read = Evaluation.from_json(values)
    assert read.quality == NoEntryScores(rows=0, timeouts=3)
    assert read.trading.followed == NoTrades(trades=0)
    assert isinstance(read.trading.every_break, Trades)
    assert json_values(read) == values


def test_a_field_that_is_missing_or_of_another_kind_is_named() -> None:
    values = figures.evaluation()
    del values["directional"]["corridor"]["brier"]
    values["summary"]["rows"] = "many"
    with pytest.raises(NotAnEvaluationError) as refused:
        Evaluation.from_json(values)
    named = {fault.partition(":")[0] for fault in refused.value.faults}
    assert named == {"directional.corridor.brier", "summary.rows"}
    assert "retrain to write it again" in str(refused.value)


def test_scores_are_listed_by_forecaster_the_model_first() -> None:
    read = Evaluation.from_json(figures.evaluation())
    assert list(read.directional.scores) == ["model", "corridor", "majority"]
    assert list(read.by_range[0].scores) == ["model", "corridor", "majority"]
    assert read.directional.scores["corridor"] is read.directional.corridor


def test_a_bin_keeps_the_names_that_were_always_written() -> None:
    assert set(json_values(ReliabilityBin(0.7, 0.6, 20))) == {"said", "happened", "rows"}
