"""The facts of a model card, collected once and written as a page or as markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ml_core.evidence.evaluation import DirectionScores, Evaluation
from ml_core.evidence.rule_power import RowsNeeded
from ml_core.health.scored_prediction import ScoredPrediction
from monitoring.pages.findings import Figures
from monitoring.performance import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPower:
    """The power of the evaluation.

    Attributes
    ----------
    rows
        Number of judged breakouts.
    needed
        Number of breakouts with which the promotion rule finds the smallest gain worth having.
    findable
        The gain in log loss that it finds with the same power with ``rows`` breakouts.
    """

    rows: int
    needed: RowsNeeded
    findable: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStudy:
    """The latest walk-forward study of a recipe.

    Attributes
    ----------
    verdict, at
        The study's verdict, and its aware time.
    counts
        Whether it may count for a promotion.
    current
        Whether it is recent and was made by the current code.
    first_day, last_day, breaks
        First and last judged day, ISO dates, and the number of breakouts.
    directional
        Scores of the direction.
    """

    verdict: str
    at: datetime
    counts: bool
    current: bool
    first_day: str
    last_day: str
    breaks: int
    directional: DirectionScores


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDecision:
    """A decision about a version, with its aware time."""

    at: datetime
    kind: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """All facts on a model card.

    Attributes
    ----------
    market, version, model, kind, about
        The market and the version; ``model`` is the recipe's name, ``about`` its description.
    standing
        Sentences on its current status: serving, challenger, expired.
    evaluation
        Its evaluation on unseen days, ``metrics.json``.
    trained, importance, recipe
        ``metadata.json``, ``feature_importance.json``, ``recipe.json``.
    hashes
        Name -> hash or version, to copy.
    created_at, expires_at
        Aware times; None for a version that is not registered yet, whose card is stored with its
        files and contains only what they hold.
    bars
        Facts about the training days, label -> words: excluded ranges, contract rolls. Empty if
        the bars are missing.
    power
        What this number of rows could have found; None without rows.
    study
        The latest study of its recipe; None without one.
    live
        Role -> its live days.
    decisions
        The decisions about it, oldest first.
    recent
        The champion's latest predictions in the ledger with their outcomes, oldest first.
    novelty
        Whether it abstains from rows unlike its training data; None if not known yet.
    simulated
        Whether the market's bars are simulated.
    truth
        For a simulated market: its ``Truth.summary()``, and ``edge`` in accuracy points.
    """

    market: str
    version: str
    model: str
    kind: str
    about: str
    standing: tuple[str, ...]
    evaluation: Evaluation
    trained: Figures
    importance: Mapping[str, Mapping[str, float]]
    recipe: Figures
    hashes: Mapping[str, str]
    created_at: datetime | None
    expires_at: datetime | None
    bars: Mapping[str, str] = field(default_factory=dict)
    power: CardPower | None = None
    study: CardStudy | None = None
    live: Mapping[str, Period] = field(default_factory=dict)
    decisions: Sequence[CardDecision] = ()
    recent: Sequence[ScoredPrediction] = ()
    novelty: bool | None = False
    simulated: bool = False
    truth: Figures | None = None
