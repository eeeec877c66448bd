"""Recorded retrain attempts, and whether scheduled retrains are paused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ml_core.market_events import RetrainAttempt
from monitoring.retrain_backoff import failures, paused_until
from registry.models.retrain_attempts import retrain_attempts
from tasks.settings import Settings


def resting(settings: Settings, attempts: Sequence[RetrainAttempt], at: datetime) -> str | None:
    """Return why and until when a market's scheduled retrains are paused; None if they are not.

    Parameters
    ----------
    settings
        The installation.
    attempts
        The market's attempts, see :func:`attempts_of`.
    at
        Aware time, now.
    """
    until = paused_until(attempts, settings.retrain_failures)
    if until is None or at >= until:
        return None
    failed = failures(attempts)
    return (
        f"backing off until {until:%Y-%m-%d %H:%M} UTC after {len(failed)} "
        f"failures in a row, the last: {failed[-1].fault}"
    )


def attempts_of(settings: Settings, symbol: str) -> tuple[RetrainAttempt, ...]:
    """Return the recorded attempts; an attempt without an end was killed.

    Of the scheduled attempts, only one runs at a time: the caller's.
    """
    return retrain_attempts(settings.database(), symbol)
