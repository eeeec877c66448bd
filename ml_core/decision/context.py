"""What is known of a slot when it is decided: read in one go, never changed, never read again."""

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

if TYPE_CHECKING:  # who only asks for a stage loads no bars and no models
    from ml_core.bars.arrays import Bars
    from ml_core.features.catalogue import Catalogue
    from ml_core.learning.inference import Predictor
    from ml_core.market.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleVersion:
    """A model version in a role, and what is known against it.

    Attributes
    ----------
    role
        As what it predicts.
    model, version, recipe_hash, kind
        Which version, as registered; ``kind`` is ``baseline`` for one without trees.
    folder, sums_hash
        Where its files are, and the hash of their hashes.
    label
        Key of the label specification that it was trained on; None where its row does not say.
    fallback
        Why it predicts in the champion's stead, if it does.
    other_market, expired, damaged, unreadable
        In words: that it was trained on another definition of the market, is too old, has files
        that are not those registered, or whole ones that this release cannot read.
    predictor
        The version, loaded; None where it need not, or could not, be.
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
    """Everything that the policy of a slot goes by.

    The trader's rules are not in it: a fault of their file must not cost the prediction.

    Attributes
    ----------
    market, market_hash, slot
        The market as its file is now, the hash of its definition, and the slot.
    mode
        Whether the prediction is live or a replay; a replay is never late, missed or held back.
    made_at
        Aware time of the prediction.
    late_after, missed_after
        Latency budget of a live prediction, and the time after which there is none.
    stage, approval
        The rollout's stage, and the hash that the step up to it was bound to.
    breaker, breaker_cause
        ``closed``, ``open`` or ``half_open``, and why; closed for a replay.
    versions
        The champion, or what serves in its stead, first; empty where nothing was registered.
    silenced
        By role: whether each earlier slot, oldest first, was silenced as novel.
    bars
        Weeks of bars closed by the decision; None where none were needed.
    awaited
        Whether bars of the window may still be to come.
    recorded, plans
        What the ledger holds of the slot; plans of its day and of the days before it whose
        trades may still be open.
    news
        Scheduled news on record for the market; what was not known yet at the decision is left
        out where it is used.
    seconds
        A monotonic clock's reading, on which a predictor counts the age of what it remembers.
    code
        Hash of the code that computes features and models.
    catalogue
        The features there are, the trader's own among them; None for those that are shipped.
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
        """Whether a live prediction made now is over its latency budget."""
        return self.mode == "live" and self.made_at - self.slot.decision > self.late_after
