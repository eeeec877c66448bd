"""Daily figures agree with scikit-learn, and count what is open or unsaid."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from monitoring.performance import ALL, daily_figures, figures

DAY = date(2024, 7, 1)


def row(**changed: Any) -> dict[str, Any]:
    return {
        "day": DAY,
        "opening_range": "0900",
        "mode": "live",
        "role": "champion",
        "version": "v1",
        "status": "predicted",
        "p_up": 0.7,
        "baseline_p_up": 0.6,
        "recommendation": "long",
        "direction": "UP",
        "r_gross": 1.0,
        "r_net": 0.8,
        **changed,
    }


said = st.tuples(
    st.floats(0.01, 0.99).filter(lambda p: p != 0.5),
    st.floats(0.01, 0.99).filter(lambda p: p != 0.5),
    st.sampled_from(["UP", "DOWN"]),
)


@given(st.lists(said, min_size=1, max_size=30))
def test_figures_agree_with_scikit_learn(rows: list[tuple[float, float, str]]) -> None:
    found = figures([row(p_up=p, baseline_p_up=q, direction=way) for p, q, way in rows])

    up = [way == "UP" for _, _, way in rows]
    for voice, place in (("model", 0), ("baseline", 1)):
        p = [each[place] for each in rows]
        assert found[f"{voice}_accuracy"] == pytest.approx(
            accuracy_score(up, [each > 0.5 for each in p])
        )
        assert found[f"{voice}_log_loss"] == pytest.approx(log_loss(up, p, labels=[False, True]))
        assert found[f"{voice}_brier"] == pytest.approx(brier_score_loss(up, p))


def test_a_day_has_a_row_for_each_range_and_one_for_all() -> None:
    found = daily_figures([row(), row(opening_range="1000")])

    assert [each["opening_range"] for each in found] == ["0900", "1000", ALL]
    assert found[-1]["figures"]["predicted"] == 2


@pytest.mark.parametrize(
    "other",
    [{"mode": "replay"}, {"role": "baseline"}, {"version": "v2"}, {"day": date(2024, 7, 2)}],
)
def test_modes_roles_versions_and_days_are_kept_apart(other: dict[str, Any]) -> None:
    found = daily_figures([row(), row(**other)])

    assert [each["figures"]["predicted"] for each in found] == [1, 1, 1, 1]


def test_open_slots_and_abstentions_are_counted_and_scored_for_nothing() -> None:
    found = figures(
        [
            row(),
            row(direction=None, r_gross=None, r_net=None),
            row(direction="NONE", r_gross=None, r_net=None),
            row(status="abstained", p_up=None, baseline_p_up=None, recommendation=None),
        ]
    )

    counted = [found[key] for key in ("predicted", "abstained", "open", "breaks", "taken")]
    assert counted == [3, 1, 1, 1, 1]
    assert found["model_accuracy"] == 1.0


def test_without_a_break_the_metrics_are_unknown_not_zero() -> None:
    found = figures([row(direction=None, r_gross=None, r_net=None)])

    assert found["model_log_loss"] is None
    assert found["baseline_accuracy"] is None


def test_only_a_recommended_side_that_broke_was_taken() -> None:
    found = figures(
        [
            row(r_gross=1.0, r_net=0.75),
            row(recommendation="short", r_net=-1.25),
            row(recommendation="skip", r_net=-1.25),
        ]
    )

    assert (found["taken"], found["taken_r_gross"], found["taken_r_net"]) == (1, 1.0, 0.75)
    assert found["every_break_r_net"] == pytest.approx(-1.75)


def test_an_entry_of_no_version_belongs_to_no_one() -> None:
    assert daily_figures([row(version=None, status="abstained")]) == []
