"""Retrain attempts as they are on record, and whether scheduled ones rest."""

from __future__ import annotations

from datetime import datetime

from ml_core.market_events import RetrainAttempt
from monitoring.retrain_backoff import failures, rests_until
from registry.models.retrain_attempts import retrain_attempts
from tasks.settings import Settings


def resting(settings: Settings, symbol: str, at: datetime) -> str | None:
    """Return until when scheduled retrains of a market rest, and why; None while they do not."""
    attempts = attempts_of(settings, symbol)
    until = rests_until(attempts, settings.retrain_failures)
    if until is None or at >= until:
        return None
    failed = failures(attempts)
    return (
        f"backing off until {until:%Y-%m-%d %H:%M} UTC after {len(failed)} "
        f"failures in a row, the last: {failed[-1].fault}"
    )


def attempts_of(settings: Settings, symbol: str) -> tuple[RetrainAttempt, ...]:
    """Return the attempts there were; one without an end was killed.

    Of those that begin by themselves one runs at a time: the one that asks.
    """
    return retrain_attempts(settings.database(), symbol)
