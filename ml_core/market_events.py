"""Events of a market: rollout, circuit breaker and retrains, as stored and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Stage = Literal["off", "shadow", "advisory", "hybrid", "auto"]
STAGES: tuple[Stage, ...] = ("off", "shadow", "advisory", "hybrid", "auto")
SHADOW: Stage = "shadow"

Kind = Literal["up", "down", "approved"]
BreakerChange = Literal["closed", "open"]
AttemptEnd = Literal["done", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEvent:
    """An approval of a step in a market's rollout, or a step up or down.

    Attributes
    ----------
    market, sequence
        The market, and the number of the event, from 0.
    at
        Aware time.
    kind
        ``approved``: a person allows a step up to ``stage``; ``up``, ``down``: the step itself.
    stage
        The target stage.
    by, reason
        The person, and the reason.
    bound_to
        Hash of the model, data and report that an approval or a step up is for.
    expires_at
        Expiry of an approval; aware time.
    details
        Plain values: ``recipe_hash``, ``restarts`` and ``gates`` (the texts of the gates by name).
    """

    market: str
    sequence: int
    at: datetime
    kind: Kind
    stage: Stage
    by: str
    reason: str
    bound_to: str | None = None
    expires_at: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def recipe_hash(self) -> str | None:
        """The recipe that served at a step up."""
        return self.details.get("recipe_hash")

    @property
    def restarts(self) -> bool:
        """Whether the record starts again after a step down."""
        return bool(self.details.get("restarts"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerEvent:
    """A change of a market's circuit breaker: opened or closed, with time, reason and person."""

    market: str
    at: datetime
    state: BreakerChange
    cause: str
    detail: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainAttempt:
    """An attempt to retrain; without an end it is running, or its process was killed.

    Attributes
    ----------
    market
        The market of the models.
    began_at, ended_at
        Aware times; ``ended_at`` is None without an end.
    by_itself
        Whether it was started by a schedule, a trigger or a restart, not by a person.
    end
        ``done``, ``failed``, or ``stopped`` by a person.
    detail
        The error, if any.
    """

    market: str
    began_at: datetime
    by_itself: bool
    end: AttemptEnd | None = None
    ended_at: datetime | None = None
    detail: str = ""

    @property
    def last_seen(self) -> datetime:
        """When it ended, or when it began if no end was recorded."""
        return self.ended_at or self.began_at

    @property
    def fault(self) -> str:
        """The error, as text."""
        if self.end is None:
            return f"its process was killed, started {self.began_at:%Y-%m-%d %H:%M} UTC"
        return self.detail
