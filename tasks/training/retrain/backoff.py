"""Retrain attempts: each is recorded, and repeated failures pause the scheduled retrains.

The old champion serves meanwhile, until it expires.
"""

from __future__ import annotations

import contextlib
from asyncio import CancelledError
from collections.abc import Iterator

from ml_core.market_events import RetrainAttempt
from monitoring.retrain_backoff import failures, paused_until
from registry.errors import UnknownVersionError
from registry.models.retrain_attempts import (
    begin_attempt,
    end_attempt,
)
from tasks.notices.error_words import scrubbed
from tasks.notices.notify import notify
from tasks.runs.recovery.restarts import by_itself
from tasks.settings import Settings, now
from tasks.training.retrain.attempts import attempts_of, resting

KIND = "retrain"


def retrain_pause(settings: Settings, symbol: str) -> str | None:
    """Return why this run skips the retrain, if it does; a run started by a user never does."""
    if not by_itself():
        return None
    attempts = attempts_of(settings, symbol)
    why = resting(settings, attempts, now())
    if why is None:
        return None
    _notify_of_rest(settings, symbol, attempts)
    return f"{symbol}: skipped, {why}"


@contextlib.contextmanager
def attempt(settings: Settings, symbol: str) -> Iterator[None]:
    """Record an attempt and its end; errors raised inside are passed on.

    A killed process leaves an attempt without an end, which counts as a failure from the next
    attempt on.
    """
    database, unasked = settings.database(), by_itself()
    number = begin_attempt(database, symbol, now(), by_itself=unasked)
    try:
        yield
    except (Exception, CancelledError) as error:
        detail = scrubbed(f"{type(error).__name__}: {error}")
        if isinstance(error, CancelledError):
            detail = "it did not end within its time limit"  # Prefect reports it this way
        end_attempt(database, number, "failed", now(), detail)
        if unasked:
            _notify_of_rest(settings, symbol, attempts_of(settings, symbol))
        raise
    except BaseException:
        end_attempt(database, number, "stopped", now())
        raise
    end_attempt(database, number, "done", now())


def _notify_of_rest(settings: Settings, symbol: str, attempts: tuple[RetrainAttempt, ...]) -> None:
    """Send one notice for each pause."""
    until, failed = paused_until(attempts, settings.retrain_failures), failures(attempts)
    if until is None:
        return
    notify(
        settings,
        KIND,
        symbol,
        f"{KIND} {symbol} {failed[-1].last_seen.isoformat()}",
        f"{symbol}: {len(failed)} retrains in a row failed",
        f"The last: {failed[-1].fault}\nScheduled ones are skipped until {until:%Y-%m-%d %H:%M} "
        f"UTC. {_serves(settings, symbol)} Once the cause is gone: orbcast run nightly-retrain "
        f"--market {symbol.lower()}",
    )


def _serves(settings: Settings, symbol: str) -> str:
    models = settings.models()
    try:
        record = models.serving(symbol, now()).record
    except UnknownVersionError:
        return "No version serves yet."
    return f"{record.version} keeps serving, until {models.expires_at(record):%Y-%m-%d}."
