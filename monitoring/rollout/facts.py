"""The facts by which the rollout's gates are judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from monitoring.sequential_monitors import JudgedRows


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecord:
    """The champion's live predictions that count: those of its current recipe.

    Attributes
    ----------
    begun
        Decision time of the first one; None if there is none yet.
    slots, unanswered
        Number of slots since then, and of those missing or late by Orbcast's fault.
    rows
        Its predictions in time, including those without a breakout.
    trade_day, r_net
        Shape (t,): day and net R, after costs, of each recommended trade that was taken.
    """

    begun: datetime | None
    slots: int
    unanswered: int
    rows: JudgedRows
    trade_day: NDArray[np.datetime64]
    r_net: NDArray[np.float64]

    @property
    def breaks(self) -> JudgedRows:
        """The rows with a breakout."""
        return self.rows.breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The latest run of a check: when, whether it could judge, and whether it found no trouble."""

    at: datetime
    judged: bool
    clean: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts that the gates are judged by.

    Attributes
    ----------
    version, recipe_hash, kind
        The serving version, its recipe and kind; None if nothing serves.
    fallback
        Why the champion itself does not serve, if so.
    record
        The live predictions.
    drift, parity
        The latest checks; None before the first.
    breaker
        ``closed``, ``open`` or ``half_open``; an unreadable breaker is open.
    record_faults
        Faults of the ledger, the rollout's events and the serving version; None if they
        could not be verified.
    """

    version: str | None
    recipe_hash: str | None
    kind: str | None
    fallback: str | None
    record: LiveRecord
    drift: Check | None
    parity: Check | None
    breaker: str
    record_faults: tuple[str, ...] | None
