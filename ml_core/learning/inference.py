"""The live decision: load a version once, predict in one call, give the reasons."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from ml_core.errors import DefectError
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.own_baseline import JUDGED_HERE
from ml_core.learning.predictions.predict import LONG, SHORT, Predictions, predict
from ml_core.learning.predictions.prediction import Level, Prediction, Reason, SideView
from ml_core.learning.predictions.reasons import baseline_reason, model_reasons

CACHE_SECONDS = 300.0
CACHE_ENTRIES = 256
MOST_REASONS = 5

LEVELS: tuple[tuple[float, Level], ...] = ((0.5, "high"), (0.25, "medium"), (0.1, "low"))
"""Lowest confidence |p_up - p_down| among breakouts of each level: 75, 62.5, 55 %."""


class OneRowError(DefectError):
    """A predictor got a dataset that does not have exactly one row."""

    rows: int
    template = "a decision is one row, not {rows}"


class Predictor:
    """A version ready to predict, with a short memory of its predictions.

    Parameters
    ----------
    bundle
        A verified version.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.version = bundle.version
        self._boosters = bundle.boosters()
        self._calibrators = dict(bundle.calibrators)
        self._remembered: OrderedDict[bytes, tuple[float, Prediction]] = OrderedDict()

    def predict(self, row: Dataset, seconds: float, *, reasons: bool = True) -> Prediction:
        """Predict one decision; the same row within five minutes returns the same object.

        Parameters
        ----------
        row
            One row; its labels are ignored.
        seconds
            The caller's reading of a monotonic clock; the age of a remembered prediction is
            measured by it.
        reasons
            Whether to compute the reasons, which takes most of the time.

        Raises
        ------
        OneRowError
            Not one row.
        SchemaMismatchError
            The columns are not the model's.
        """
        if len(row) != 1:
            raise OneRowError(len(row))
        self.bundle.require_schema(row)
        key = b"|".join(
            (
                row.features.tobytes(),
                row.close_position.tobytes() + row.size_ticks.tobytes(),
                row.sigma_ticks.tobytes(),
                str(row.opening_range[0]).encode() + bytes([reasons]),
            )
        )
        remembered = self._remembered.get(key)
        if remembered is not None and 0 <= seconds - remembered[0] < CACHE_SECONDS:
            return remembered[1]
        answer = self._predict(row, reasons=reasons)
        self._remembered[key] = (seconds, answer)
        self._remembered.move_to_end(key)
        if len(self._remembered) > CACHE_ENTRIES:
            self._remembered.popitem(last=False)
        return answer

    def _predict(self, row: Dataset, *, reasons: bool) -> Prediction:
        bundle = self.bundle
        predictions = predict(
            row,
            bundle.baselines,
            self._boosters,
            self._calibrators,
            bundle.intervals,
            residual=bundle.residual,
            mirrored=bundle.recipe.mirrored,
        )
        p_up, p_none = float(predictions.p_up[0]), float(predictions.p_none[0])
        baseline = float(predictions.baseline_p_up[0])
        confidence = abs(2.0 * p_up - 1.0)
        choice = int(predictions.recommendation[0])
        why: tuple[Reason, ...] = ()
        if reasons:
            why = (
                baseline_reason(float(row.close_position[0]), baseline),
                *model_reasons(
                    self._boosters["directional"],
                    row,
                    MOST_REASONS,
                    mirrored=bundle.recipe.mirrored,
                ),
            )
        return Prediction(
            model=bundle.recipe.name,
            version=self.version,
            label=bundle.recipe.label.key,
            p_up=p_up * (1.0 - p_none),
            p_down=(1.0 - p_up) * (1.0 - p_none),
            p_none=p_none,
            p_up_given_break=p_up,
            baseline_p_up_given_break=baseline,
            confidence=confidence,
            level=level_of(confidence),
            long=_side(predictions, LONG),
            short=_side(predictions, SHORT),
            recommendation="long" if choice > 0 else "short" if choice < 0 else "skip",
            risk_adjustment=self._risk_adjustment(predictions, choice),
            reasons=why,
            novelty=bundle.novelty.judge(row.features[0]) if bundle.novelty else None,
            models=bundle.models,
        )

    def _risk_adjustment(self, predictions: Predictions, choice: int) -> float:
        """Return the size factor: 1 + expected net R, within 0.5..1.5, if a model gave it.

        It is 1 where baselines alone gave entry quality and net R, and for a skip.
        """
        if choice == 0 or not any(self._boosters[question] for question in JUDGED_HERE):
            return 1.0
        expected = float(predictions.expected_net_r[0, LONG if choice > 0 else SHORT])
        return float(np.clip(1.0 + expected, 0.5, 1.5))


def level_of(confidence: float) -> Level:
    """Return the level of a confidence.

    >>> level_of(0.6), level_of(0.3), level_of(0.12), level_of(0.0)
    ('high', 'medium', 'low', 'none')
    """
    for limit, name in LEVELS:
        if confidence >= limit:
            return name
    return "none"


def _side(predictions: Predictions, side: int) -> SideView:
    low, high = float(predictions.net_r_low[0, side]), float(predictions.net_r_high[0, side])
    p_win, p_timeout = (
        float(values[0, side]) for values in (predictions.p_win, predictions.p_timeout)
    )
    return SideView(
        p_win=p_win,
        p_loss=max(1.0 - p_win - p_timeout, 0.0),
        p_timeout=p_timeout,
        net_r=float(predictions.net_r[0, side]),
        net_r_low=None if np.isnan(low) else low,
        net_r_high=None if np.isnan(high) else high,
        expected_net_r=float(predictions.expected_net_r[0, side]),
        baseline_p_win=float(predictions.baseline_p_win[0]),
        baseline_net_r=float(predictions.baseline_net_r[0]),
        win_worth=float(predictions.win_worth[0]),
    )
