"""Whether a model has a say: it must beat its own baseline on rows it was not trained on.

The direction is judged by the promotion rule, on every fold of a study, before a version with one
may serve. Entry quality and net R are judged here, each time they are trained, on held-back days.
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
"""Chance that a model no better than its baseline is given a say."""

MIN_DAYS = 30
"""Held-back days below which a mean over days is not taken for normal."""

JUDGED_HERE: tuple[Question, ...] = ("quality", "r_multiple")


def beats_baseline(gain: Gain, level: float = LEVEL) -> bool:
    """Return whether a gain on unseen rows is above 0 at a level: one-sided t test over days.

    Parameters
    ----------
    gain
        On rows that were not trained on.
    level
        Chance of True where the expected gain is 0 or less.

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
    """What came of training one of the three models, as a version's metadata keep it.

    Attributes
    ----------
    rounds, rows
        Trees kept by the stopping days, and training rows.
    serves
        Whether the trees answer; else the model's baseline does.
    stopping_loss_baseline, stopping_loss_model
        Loss on the stopping days without trees and with the best number of them.
    stopping_gain
        The difference; None of versions saved before it was kept.
    held_back_gain
        The same on the held-back days, calibrated as it is served; None without trees, and of
        versions saved before it was kept.
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
        """Whether any tree was kept."""
        return self.rounds > 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelRecord:
        """Read back what :meth:`to_json` wrote, or an earlier release.

        Of those every model with trees served.
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
