"""What is known of a slot when it is decided: read once, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ml_core.decision.entry import Mode, PredictionEntry, Role
from ml_core.decision.plan_record import StrategyRecord
from ml_core.decision.slot import Slot
from ml_core.market.news import NewsEvent
from ml_core.market_events import Stage

if TYPE_CHECKING:  # code that needs only a stage loads neither bars nor models
    from ml_core.bars.arrays import Bars
    from ml_core.features.catalogue import Catalogue
    from ml_core.learning.inference import Predictor
    from ml_core.market.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleVersion:
    """A model version in a role, and the reasons against using it.

    Attributes
    ----------
    role
        The role in which it predicts.
    model, version, recipe_hash, kind
        The version as registered; ``kind`` is ``baseline`` for one without trees.
    folder, sums_hash
        Folder of its files, and the hash of their hashes.
    label
        Key of the label specification it was trained on; None if its row does not have it.
    fallback
        Why it replaces the champion, if it does.
    other_market, expired, damaged, unreadable
        Text if it was trained on another market definition, is too old, has files that are not
        those registered, or has intact files that this release cannot read.
    predictor
        The loaded version; None if it was not needed or could not be loaded.
    """

    role: Role
    model: str
    version: str
    recipe_hash: str
    kind: str
    folder: Path
    sums_hash: str
    label: str | None = None
    fallback: str | None = None
    other_market: str | None = None
    expired: str | None = None
    damaged: str | None = None
    unreadable: str | None = None
    predictor: Predictor | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotContext:
    """Everything that the decision on a slot depends on.

    The trader's rules are not part of it: an error in their file must not cost the prediction.

    Attributes
    ----------
    market, market_hash, slot
        The market by its current file, the hash of its definition, and the slot.
    mode
        Whether the prediction is live or a replay; a replay is never late, missed or held back.
    made_at
        Aware time of the prediction.
    late_after, missed_after
        Latency budget of a live prediction, and the delay after which none is made.
    stage, approval
        The rollout's stage, and the hash that its approval was bound to.
    breaker, breaker_cause
        ``closed``, ``open`` or ``half_open``, and the cause; closed for a replay.
    versions
        The champion or its replacement first; empty if no version is registered.
    silenced
        By role: whether each earlier slot, oldest first, was silenced as novel.
    bars
        Weeks of bars closed by the decision; None if none were needed.
    awaited
        Whether bars of the window may still arrive.
    recorded, plans
        The ledger's entries for the slot; the plans of its day and of earlier days whose trades
        may still be open.
    news
        Recorded scheduled news of the market; events not known at the decision are filtered out
        where the news is used.
    seconds
        Reading of a monotonic clock, by which a predictor measures the age of remembered
        predictions.
    code
        Hash of the code that computes features and models.
    catalogue
        All features, including own ones; None for the shipped ones.
    """

    market: Market
    market_hash: str
    slot: Slot
    mode: Mode
    made_at: datetime
    late_after: timedelta
    missed_after: timedelta
    stage: Stage = "shadow"
    approval: str | None = None
    breaker: str = "closed"
    breaker_cause: str = ""
    versions: tuple[RoleVersion, ...] = ()
    silenced: Mapping[Role, tuple[bool, ...]] = field(default_factory=dict)
    bars: Bars | None = field(default=None, repr=False)
    awaited: bool = False
    recorded: tuple[PredictionEntry, ...] = ()
    plans: tuple[StrategyRecord, ...] = ()
    news: tuple[NewsEvent, ...] = ()
    seconds: float = 0.0
    code: str = ""
    catalogue: Catalogue | None = field(default=None, repr=False)

    @property
    def late(self) -> bool:
        """Whether a live prediction made now exceeds its latency budget."""
        return self.mode == "live" and self.made_at - self.slot.decision > self.late_after
