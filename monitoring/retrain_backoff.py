"""When scheduled retrains are paused: after how many failures in a row, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ml_core.market_events import RetrainAttempt

LONGEST_DAYS = 8
"""Longest pause in days; a champion expires much later, so several tries remain before that."""

LATE = timedelta(hours=1)
"""Extra time of a pause, so that a run that starts late on its last night is skipped too."""


def failures(attempts: Sequence[RetrainAttempt]) -> tuple[RetrainAttempt, ...]:
    """Return the failures since the last success, oldest first.

    An attempt without an end was killed, which is a failure. An attempt started by a user counts
    if it succeeded, but never as a failure: a user who investigates a fault may fail repeatedly.

    Parameters
    ----------
    attempts
        All attempts, oldest first.
    """
    in_a_row: list[RetrainAttempt] = []
    for attempt in attempts:
        if attempt.end == "done":
            in_a_row = []
        elif attempt.by_itself and attempt.end in {"failed", None}:
            in_a_row.append(attempt)
    return tuple(in_a_row)


def paused_until(attempts: Sequence[RetrainAttempt], allowed: int) -> datetime | None:
    """Return until when no scheduled attempt is made; None if attempts may go on.

    The pause is one day from failure number ``allowed`` in a row, doubled with each further one,
    at most ``LONGEST_DAYS``, plus ``LATE``. So one day skips the next night's run even if that
    starts a little later than the failed one.
    """
    failed = failures(attempts)
    if len(failed) < allowed:
        return None
    days: int = 2 ** min(len(failed) - allowed, LONGEST_DAYS)
    return failed[-1].last_seen + timedelta(days=min(days, LONGEST_DAYS)) + LATE
