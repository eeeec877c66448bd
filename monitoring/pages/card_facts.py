"""The facts of a model card, collected once and written as a page or as markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ml_core.evidence.evaluation import Evaluation
from monitoring.pages.findings import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """All facts on a model card, as plain values.

    Attributes
    ----------
    market, version, model, kind, about
        Which; ``model`` is the recipe's name, ``about`` its sentence.
    standing
        Sentences on what it is now: serving, challenger, expired.
    evaluation
        What it did on its unseen days, ``metrics.json``.
    trained, importance, recipe
        ``metadata.json``, ``feature_importance.json``, ``recipe.json``.
    hashes
        Name -> hash or version, to be copied.
    created_at, expires_at
        Aware times; None of a version that is not registered yet, whose card is sealed with its
        files and tells only what they hold.
    bars
        On the days trained on, label -> words: excluded ranges, contract rolls. Empty where the
        bars are not there.
    power
        ``rows``, ``needed`` for a ``gain`` in log loss found with the chance ``power``, and
        ``findable``, the gain that so many rows find.
    study
        The latest walk-forward study of its recipe: ``verdict``, ``at``, ``counts``, ``current``,
        ``summary``, ``directional``; None without one.
    live
        Role -> :meth:`monitoring.performance.Period.to_json` of its live days.
    decisions
        ``at``, ``kind``, ``verdict`` of what was decided about it, oldest first.
    recent
        The champion's latest predictions in the ledger with their outcomes: ``day``,
        ``opening_range``, ``mode``, ``status``, ``reason``, ``p_up``, ``baseline_p_up``,
        ``recommendation``, ``direction``, ``r_net``.
    novelty
        Whether it abstains from rows unlike its training data; None where that is not known yet.
    simulated
        Whether the market's bars are simulated.
    truth
        Of a simulated market: its ``Truth.summary()``, and ``edge`` in accuracy points.
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
    power: Figures | None = None
    study: Figures | None = None
    live: Mapping[str, Figures] = field(default_factory=dict)
    decisions: Sequence[Figures] = ()
    recent: Sequence[Figures] = ()
    novelty: bool | None = False
    simulated: bool = False
    truth: Figures | None = None
