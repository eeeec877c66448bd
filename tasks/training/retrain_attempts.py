"""Retrain attempts as they are on record, and whether scheduled ones rest."""

from __future__ import annotations

from datetime import datetime

from monitoring.retrain_backoff import Attempt, failures, rests_until
from registry.retrain_attempts import RetrainAttempt, retrain_attempts
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
        f"failures in a row, the last: {failed[-1].detail}"
    )


def attempts_of(settings: Settings, symbol: str) -> tuple[Attempt, ...]:
    """Return the attempts there were, those without an end as killed.

    Of those that begin by themselves one runs at a time: the one that asks.
    """
    return tuple(_over(each) for each in retrain_attempts(settings.database(), symbol))


def _over(each: RetrainAttempt) -> Attempt:
    if each.end is None:
        words = f"its process was killed, begun {each.began_at:%Y-%m-%d %H:%M} UTC"
        return Attempt(at=each.began_at, by_itself=each.by_itself, end="killed", detail=words)
    return Attempt(
        at=each.ended_at or each.began_at,
        by_itself=each.by_itself,
        end=each.end,
        detail=each.detail,
    )
