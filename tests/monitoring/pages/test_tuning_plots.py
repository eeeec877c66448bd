"""The figures of a search show what was tried, and work without a score."""

from __future__ import annotations

from typing import Any

from monitoring.pages.figure_style import to_svg
from monitoring.pages.plots.tuning import tuning_charts


def tried(scores: list[float | None]) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "score": score,
            "values": {"num_leaves": 2 + number, "feature_fraction": 0.2 + number / 20},
        }
        for number, score in enumerate(scores)
    ]


def drawn() -> list[str]:
    charts = tuning_charts(tried([0.60, None, 0.59, 0.595]), 0.592, 0.593)
    return [to_svg(chart.figure) for chart in charts if chart.figure is not None]


def test_every_hyperparameter_is_drawn_and_what_it_is_compared_with() -> None:
    history, slices = drawn()
    assert "tuned from" in history
    assert "driftless" in history
    assert "num leaves" in slices
    assert "feature fraction" in slices
    assert drawn() == [history, slices]


def test_a_search_of_one_trial_is_drawn_too() -> None:
    assert len(tuning_charts(tried([0.6]), 0.6, 0.6)) == 2
