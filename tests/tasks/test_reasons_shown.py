"""The plot of the reasons that pushed a prediction."""

from __future__ import annotations

from ml_core.learning.predictions.prediction import Reason
from tasks.prediction.explanation.artifact import reasons_plot


def test_an_answer_without_reasons_has_no_plot_and_one_with_them_has_one() -> None:
    assert reasons_plot([]) == []
    (drawn,) = reasons_plot([Reason("day_of_week", 2.0, -0.1, "day of the week (2): -0.10")])
    assert drawn.count("data:image/png;base64,") == 1
