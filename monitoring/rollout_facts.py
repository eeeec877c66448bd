"""The facts that the gates of the ladder are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from monitoring.sequential_monitors import JudgedRows


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecord:
    """The champion's live predictions that count: those of its present recipe.

    Attributes
    ----------
    begun
        Decision time of the first; None before it.
    slots, unanswered
        Slots since then, and those without an answer or answered late, for reasons of ours.
    rows
        Its predictions in time, those without a break among them.
    trade_day, r_net
        Shape (t,): each recommended trade that was taken, net R after costs.
    """

    begun: datetime | None
    slots: int
    unanswered: int
    rows: JudgedRows
    trade_day: NDArray[np.datetime64]
    r_net: NDArray[np.float64]

    @property
    def breaks(self) -> JudgedRows:
        """The rows that broke."""
        return self.rows.breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The latest run of a check: when, whether it could judge, whether it found nothing wrong."""

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
        What serves; None where nothing does.
    fallback
        Why it is not the champion that serves, if so.
    record
        The live answers.
    drift, parity
        Latest checks; None before the first.
    breaker
        ``closed``, ``open`` or ``half_open``; unreadable is open.
    record_faults
        What is wrong with the ledger, the rollout's events and the serving version; None if they
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
