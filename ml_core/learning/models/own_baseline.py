"""Decides whether a model is used: it must beat its baseline on rows it was not trained on.

The direction model is judged by the promotion rule, on every fold of a study, before a version
with it may serve. The entry-quality and net-R models are judged here on held-back days, each time
they are trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_core.learning.models.gain import Gain
from ml_core.learning.version_folder import Question
from ml_core.on_demand import library

special = library("scipy.special")

LEVEL = 0.05
"""Probability that a model no better than its baseline is used."""

MIN_DAYS = 30
"""Minimum number of held-back days for treating a mean over days as normal."""

JUDGED_HERE: tuple[Question, ...] = ("quality", "r_multiple")


def beats_baseline(gain: Gain, level: float = LEVEL) -> bool:
    """Return whether a gain is above 0 at a significance level: one-sided t test over days.

    Parameters
    ----------
    gain
        The gain on rows that were not trained on.
    level
        Probability of True if the expected gain is 0 or less.

    Examples
    --------
    >>> beats_baseline(Gain(0.02, 0.01, 600, 200)), beats_baseline(Gain(0.016, 0.01, 600, 200))
    (True, False)
    """
    if gain.days < MIN_DAYS or not gain.error > 0:
        return False
    return gain.mean > gain.error * float(special.stdtrit(gain.days - 1, 1.0 - level))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """Record of the training of one of the three models, as kept in a version's metadata.

    Attributes
    ----------
    rounds, rows
        Trees kept on the stopping days, and number of training rows.
    serves
        Whether the model is used; otherwise its baseline is.
    stopping_loss_baseline, stopping_loss_model
        Loss on the stopping days without trees and with the best number of trees.
    stopping_gain
        The difference; None for versions saved before it was recorded.
    held_back_gain
        The same on the held-back days, calibrated as it serves; None without trees, and for
        versions saved before it was recorded.
    constant_features
        Features that did not vary in training.
    """

    json_properties: ClassVar = ("learned",)

    rounds: int
    rows: int
    serves: bool
    stopping_loss_baseline: float | None
    stopping_loss_model: float | None
    stopping_gain: Gain | None
    held_back_gain: Gain | None
    constant_features: tuple[str, ...] = ()

    @property
    def learned(self) -> bool:
        """Whether any trees were kept."""
        return self.rounds > 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelRecord:
        """Read the output of :meth:`to_json`, of this or an earlier release.

        In earlier releases every model with trees served.
        """

        def gain(name: str) -> Gain | None:
            return Gain(**values[name]) if values.get(name) else None

        rounds = int(values["rounds"]) if values["learned"] else 0
        return cls(
            rounds=rounds,
            rows=int(values.get("rows", 0)),
            serves=bool(values.get("serves", rounds > 0)),
            stopping_loss_baseline=values.get("stopping_loss_baseline"),
            stopping_loss_model=values.get("stopping_loss_model"),
            stopping_gain=gain("stopping_gain"),
            held_back_gain=gain("held_back_gain"),
            constant_features=tuple(values.get("constant_features", ())),
        )
