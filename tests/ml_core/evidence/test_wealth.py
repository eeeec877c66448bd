"""A bettor's wealth equals a slow computation, and no day loses more than nine tenths of it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.evidence.sequential import e_process, latest, share_process
from tests.ml_core.evidence.slow_wealth import challenger_wealth, rows_of, share_wealth

ROWS = 400
BREAK = 0.9
"""Probability that a range breaks out."""


def days(draw: np.random.Generator, rows: int = ROWS) -> NDArray[np.datetime64]:
    """Draw days with one or several rows each."""
    return np.datetime64("2024-01-01") + np.sort(draw.integers(0, rows // 2, rows))


def between(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


@pytest.mark.parametrize(
    ("ours", "theirs", "truth"),
    [
        (between(0.3, 0.7), between(0.3, 0.7), "middle"),
        (between(0.0, 1.0), between(0.0, 1.0), "middle"),
        (between(0.0, 1.0), between(0.45, 0.55), "ours"),
        (between(0.45, 0.55), between(0.0, 1.0), "ours"),
        (between(0.1, 0.2), between(0.8, 0.9), "ours"),
        (between(0.1, 0.2), between(0.8, 0.9), "theirs"),
        (between(0.5, 0.52), between(0.48, 0.5), "up"),
    ],
    ids=["alike", "wild", "better", "timid", "sure and right", "sure and wrong", "never wrong"],
)
def test_the_evidence_of_a_challenger_is_that_of_a_slow_bettor(
    ours: dict[str, float], theirs: dict[str, float], truth: str
) -> None:
    draw = np.random.default_rng(1)
    p, q = (draw.uniform(size=ROWS, **bounds).round(2) for bounds in (ours, theirs))
    p[100:110] = q[100:110]  # days on which there is nothing to bet on
    day = days(draw)
    chance = {"ours": p, "theirs": q, "middle": (p + q) / 2, "up": np.ones(ROWS)}[truth]
    up, broke = draw.random(ROWS) < chance, draw.random(ROWS) < BREAK

    wealth = e_process(p, q, up, day, broke)

    expected = challenger_wealth(rows_of(p, q, up, day, broke))
    np.testing.assert_allclose(wealth, expected, rtol=1e-9)


@pytest.mark.parametrize(("share", "truth"), [(0.55, 0.55), (0.55, 0.75), (0.3, 0.9), (0.9, 0.2)])
def test_the_evidence_of_a_share_is_that_of_a_slow_bettor(share: float, truth: float) -> None:
    draw = np.random.default_rng(2)
    day = days(draw)
    happened, counted = draw.random(ROWS) < truth, draw.random(ROWS) < BREAK

    wealth = share_process(happened, day, share, counted)

    expected = share_wealth(happened.tolist(), day.tolist(), share, counted.tolist())
    np.testing.assert_allclose(wealth, expected, rtol=1e-9)


def test_the_worst_day_there_can_be_leaves_a_tenth_of_the_morning() -> None:
    right, wrong = 60, 6
    up = np.array([True] * right + [False] * wrong)
    day = np.concatenate([np.arange(right), np.full(wrong, right)]).astype("datetime64[D]")
    sure, even = np.full(right + wrong, 0.9), np.full(right + wrong, 0.5)

    for wealth in (e_process(sure, even, up, day, True), share_process(up, day, 0.5, True)):
        assert wealth[-1] / wealth[-2] == pytest.approx(0.1, rel=1e-9)
        assert wealth[-2] > 100


def test_a_challenger_with_the_same_predictions_neither_wins_nor_loses() -> None:
    p = np.full(12, 0.6)
    day = (np.arange(12) // 3).astype("datetime64[D]")
    wealth = e_process(p, p, np.arange(12) % 2 == 0, day, True)
    assert wealth.tolist() == [1.0] * 4
    assert latest(wealth) == 1.0


def test_the_evidence_now_is_that_after_the_last_day() -> None:
    assert latest(np.array([3.0, 2.0])) == 2.0
    assert latest(np.empty(0)) == 1.0


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("happened", [True, False])
def test_a_share_of_never_or_always_can_be_asked_about(share: float, happened: bool) -> None:
    day = np.arange(60).astype("datetime64[D]")
    wealth = share_process(np.full(60, happened), day, share, True)
    assert (wealth >= 0.1).all()
    # an event with probability 0 is detected at once; none is more frequent than always
    assert (wealth[-1] > 100) == (happened and share == 0.0)
