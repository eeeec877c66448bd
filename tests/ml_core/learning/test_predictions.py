"""A model that learned nothing equals its baseline, bit for bit."""

from __future__ import annotations

import numpy as np

from ml_core.learning.models.baselines import fit_baselines
from ml_core.learning.models.calibration import Calibrator
from ml_core.learning.predictions.predict import predict, recommend
from ml_core.learning.version_folder import Question
from tests.ml_core.learning.synthetic import dataset


def test_a_model_without_trees_left_alone_by_calibration_is_its_baseline() -> None:
    data = dataset(100)
    baselines = fit_baselines(data)
    questions: tuple[Question, ...] = ("directional", "quality")
    left_alone = {name: Calibrator("identity", 1.0, 0.0, 500) for name in questions}

    predictions = predict(data, baselines, dict.fromkeys(questions), dict(left_alone), None)

    np.testing.assert_array_equal(predictions.p_up, predictions.baseline_p_up)
    np.testing.assert_array_equal(predictions.p_win[:, 1], predictions.baseline_p_win)


def test_only_the_likelier_side_is_recommended_and_only_above_its_costs() -> None:
    expected = np.array([[0.1, -0.2], [0.1, -0.2], [-0.1, 0.3], [-0.1, -0.1]])
    p_up = np.array([0.7, 0.3, 0.3, 0.9])

    assert recommend(expected, p_up).tolist() == [1, 0, -1, 0]
