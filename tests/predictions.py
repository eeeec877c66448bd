"""A prediction with every value; tests replace the values they need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml_core.learning.predictions.prediction import NoveltyScore, Prediction, Reason, SideView

SIDE = SideView(
    p_win=0.5,
    net_r=0.1,
    net_r_low=-1.0,
    net_r_high=1.2,
    expected_net_r=0.1,
    baseline_p_win=0.5,
    baseline_net_r=-0.2,
)
LIKE = NoveltyScore(dissimilarity=0.1, threshold=0.7, features=())
NOVEL = NoveltyScore(
    dissimilarity=1.5,
    threshold=0.7,
    features=(("atr20", 0.9),),
    words=("20-day average true range (90%)",),
)
_PREDICTED = Prediction(
    model="residual",
    version="20240601-ab",
    label="entry-session",
    p_up=0.54,
    p_down=0.36,
    p_none=0.1,
    p_up_given_break=0.6,
    baseline_p_up_given_break=0.55,
    confidence=0.2,
    level="low",
    long=SIDE,
    short=replace(SIDE, expected_net_r=-0.1),
    recommendation="long",
    risk_adjustment=1.1,
    reasons=(Reason("day_of_week", 2.0, -0.1, "day of the week (2): -0.10"),),
    novelty=LIKE,
)


def predicted(**values: Any) -> Prediction:
    """Return a recommended long at a P(UP) of 60 %, with some values replaced."""
    return replace(_PREDICTED, **values)
