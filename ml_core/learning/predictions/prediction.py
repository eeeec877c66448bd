"""One version's prediction of one decision: plain values, with their JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ml_core.json_values import OMIT_DEFAULT

Level = Literal["high", "medium", "low", "none"]
Recommendation = Literal["long", "short", "skip"]

QUESTION_WORDS = {
    "directional": "direction of the break",
    "quality": "target before stop",
    "r_multiple": "net R",
}
"""The question of each model, as text."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's contribution to the log-odds of an UP breakout.

    Attributes
    ----------
    feature
        Column name; ``corridor`` is the baseline itself.
    value
        The feature's value; None if missing.
    contribution
        SHAP value in log-odds, + toward UP, - toward DOWN (for trees: Lundberg et al., From
        local explanations to global understanding, 2020; LightGBM's pred_contrib).
    words
        The same as text.
    """

    feature: str
    value: float | None
    contribution: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyScore:
    """How unlike the training data one decision is.

    Attributes
    ----------
    dissimilarity, threshold
        The index, and the value above which a row is novel.
    features
        The features that differ most from the nearest training row, with their share of the
        squared distance.
    words
        The same as text.
    too_many_silenced
        Whether it was predicted although novel, because too many recent slots were silenced.
    """

    json_properties: ClassVar = ("novel",)

    dissimilarity: float
    threshold: float
    features: tuple[tuple[str, float], ...]
    words: tuple[str, ...] = ()
    too_many_silenced: bool = field(default=False, metadata=OMIT_DEFAULT)

    @property
    def novel(self) -> bool:
        """Whether the row lies outside what the model was trained on."""
        return not self.dissimilarity <= self.threshold

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NoveltyScore:
        """Read the output of :meth:`to_json`; rows written before ``words`` was kept have none."""
        features = tuple((name, share) for name, share in values["features"])
        words = values.get("words") or (f"{name} ({share:.0%})" for name, share in features)
        return cls(
            dissimilarity=values["dissimilarity"],
            threshold=values["threshold"],
            features=features,
            words=tuple(words),
            too_many_silenced=values.get("too_many_silenced", False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SideView:
    """One side of the decision: what is predicted if the range breaks that way and is traded.

    Attributes
    ----------
    p_win
        P(target before the stop and before the scan end).
    net_r, net_r_low, net_r_high
        E[net R] of the R model and its interval. The interval is None where none is stated, as
        where most trades end at stop or target, because R then has nearly only two values.
    expected_net_r
        The ensemble's figure, on which the recommendation is based.
    baseline_p_win, baseline_net_r
        The prediction of the driftless baseline.
    win_worth
        R of a win minus the expected R of a trade that does not win. None for rows written before
        it was kept, whose driftless price had no time limit.
    p_loss, p_timeout
        P(stop first) and P(neither in time), which add up to 1 with ``p_win``; None for rows
        written before they were kept.
    """

    p_win: float
    net_r: float
    net_r_low: float | None
    net_r_high: float | None
    expected_net_r: float
    baseline_p_win: float
    baseline_net_r: float
    win_worth: float | None = None
    p_loss: float | None = None
    p_timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One version's prediction of one decision; P(UP), P(DOWN) and P(NONE) add up to 1.

    Attributes
    ----------
    p_up, p_down, p_none
        Unconditional: the range breaks up, down, or not at all by the scan end.
    p_up_given_break, baseline_p_up_given_break
        Conditional on a breakout: by the model, and by the corridor.
    confidence, level
        |P(UP) - P(DOWN)| conditional on a breakout, and the name of its level.
    long, short
        The two sides.
    recommendation
        ``long``, ``short`` or ``skip``.
    risk_adjustment
        Suggested size relative to the usual, 0.5..1.5; 1 where no trade is recommended.
    reasons
        The baseline first, then the model's largest contributions to the log-odds of UP.
    novelty
        How unlike the training data the row is; None from a version that cannot measure it.
    models
        The questions that a model answered (``directional``, ``quality``, ``r_multiple``);
        driftless baselines answered the others. None for rows written before it was kept.
    """

    model: str
    version: str
    label: str
    p_up: float
    p_down: float
    p_none: float
    p_up_given_break: float
    baseline_p_up_given_break: float
    confidence: float
    level: Level
    long: SideView
    short: SideView
    recommendation: Recommendation
    risk_adjustment: float
    reasons: tuple[Reason, ...]
    novelty: NoveltyScore | None = None
    models: tuple[str, ...] | None = field(default=None, metadata=OMIT_DEFAULT)

    def side(self, name: Literal["long", "short"]) -> SideView:
        """Return one of the two sides."""
        return self.long if name == "long" else self.short

    @property
    def answered_by(self) -> str:
        """Which of the three predictions come from a model or a baseline; "" if not known."""
        if self.models is None:
            return ""
        parts = [
            f"{words} by {'its model' if question in self.models else 'its driftless baseline'}"
            for question, words in QUESTION_WORDS.items()
        ]
        return f"{parts[0][0].upper()}{parts[0][1:]}, {parts[1]}, {parts[2]}"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Prediction:
        """Read the output of :meth:`to_json`; unknown names are ignored.

        Raises
        ------
        KeyError
            A value is missing.
        """
        later = ("novelty", "models")
        own = {name: values[name] for name in cls.__slots__ if name not in later}
        novelty, models = values.get("novelty"), values.get("models")
        return cls(
            **{
                **own,
                "long": SideView(**own["long"]),
                "short": SideView(**own["short"]),
                "reasons": tuple(Reason(**reason) for reason in own["reasons"]),
            },
            novelty=NoveltyScore.from_json(novelty) if novelty else None,
            models=None if models is None else tuple(models),
        )
