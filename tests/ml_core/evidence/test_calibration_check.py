"""The limit of the calibration error keeps its level at every n, and detects overconfidence."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from benchmarks.calibration import FORECASTERS, refused
from ml_core.evidence.calibration_check import (
    CALIBRATION_LEVEL,
    MATERIAL_ECE,
    check_calibration,
)
from ml_core.evidence.metrics import NotScorableError, expected_calibration_error

TRIES = 800
OVERCONFIDENT = FORECASTERS["overconfident, log-odds times 1.5"]


def forecasts(rows: int, seed: int = 3) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    draw = np.random.default_rng(seed)
    p = draw.uniform(0.1, 0.9, rows)
    return p, draw.random(rows) < p


@pytest.mark.parametrize("rows", [300, 742, 1570])
def test_a_perfect_forecaster_is_refused_at_the_stated_level(rows: int) -> None:
    by_limit, by_former = refused(FORECASTERS["perfect"], rows, TRIES, seed=11)

    low, high = binom.ppf([0.001, 0.999], TRIES, CALIBRATION_LEVEL) / TRIES
    assert low <= by_limit <= high
    assert by_former > 2 * high  # one limit for any number of rows kept no level


@pytest.mark.parametrize(("rows", "share"), [(300, 0.4), (742, 0.8), (1570, 0.97)])
def test_an_overconfident_forecaster_is_found(rows: int, share: float) -> None:
    assert refused(OVERCONFIDENT, rows, 200, seed=12)[0] >= share


def test_with_many_rows_the_limit_is_an_error_that_matters() -> None:
    check = check_calibration(*forecasts(20_000))
    assert check.ece < check.at_most == MATERIAL_ECE == 0.03
    assert check_calibration(*forecasts(700)).at_most > MATERIAL_ECE
    assert refused(OVERCONFIDENT, 20_000, 5, seed=14)[0] == 1.0


def test_the_same_rows_have_the_same_limit() -> None:
    p, happened = forecasts(500)
    assert check_calibration(p, happened) == check_calibration(p, happened)


def test_no_rows_are_refused() -> None:
    p, happened = forecasts(10)
    with pytest.raises(NotScorableError):
        check_calibration(p[:0], happened[:0])


@pytest.mark.parametrize("rows", [300, 3000])
def test_the_calibration_error_of_chance_is_what_perfect_forecasters_show(rows: int) -> None:
    draw = np.random.default_rng(5)
    p = draw.uniform(0.1, 0.9, rows)
    errors = [expected_calibration_error(p, draw.random(rows) < p) for _ in range(200)]
    assert check_calibration(p, draw.random(rows) < p).by_chance == pytest.approx(
        np.mean(errors), rel=0.1
    )
