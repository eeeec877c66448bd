"""When scheduled retraining is suspended: after how many failures in a row, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ml_core.market_events import RetrainAttempt

LONGEST_DAYS = 8
"""Days of rest at most: a champion expires long after it, so there are tries left before."""

LATE = timedelta(hours=1)
"""A rest lasts so long beyond its days: the run that begins late on its last night is left out."""


def failures(attempts: Sequence[RetrainAttempt]) -> tuple[RetrainAttempt, ...]:
    """Return the failures since the last success, oldest first.

    One without an end was killed, which is a failure. What a person began counts as a success, if
    it was one, and never as a failure: who looks at a fault may fail as often as it takes.

    Parameters
    ----------
    attempts
        Oldest first.
    """
    in_a_row: list[RetrainAttempt] = []
    for attempt in attempts:
        if attempt.end == "done":
            in_a_row = []
        elif attempt.by_itself and attempt.end in {"failed", None}:
            in_a_row.append(attempt)
    return tuple(in_a_row)


def rests_until(attempts: Sequence[RetrainAttempt], allowed: int) -> datetime | None:
    """Return until when no scheduled attempt is made; None if attempts may go on.

    A day after the failure that makes ``allowed`` in a row, doubled with each one more,
    ``LONGEST_DAYS`` at most, and ``LATE``: a day leaves out the next night, however many seconds
    earlier than then the failure came.
    """
    failed = failures(attempts)
    if len(failed) < allowed:
        return None
    days: int = 2 ** min(len(failed) - allowed, LONGEST_DAYS)
    return failed[-1].last_seen + timedelta(days=min(days, LONGEST_DAYS)) + LATE
