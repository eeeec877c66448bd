"""Delivery of notices to channels: one process at a time, each channel within a time limit."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import get_run_logger
from prefect.exceptions import MissingContextError
from prefect.logging import get_logger
from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from monitoring.messages.facts import Message
from monitoring.notices import NOTICE_LIFETIME, dated, paused_until
from registry.notices import (
    Delivery,
    Notice,
    failures_in_a_row,
    record_delivery,
    waiting,
)
from tasks.notices.channel_blocks import load_block, notify_block, without_secrets
from tasks.notices.channels import Channel, channels
from tasks.notices.error_words import error_text, error_without_urls, scrubbed
from tasks.notices.pictures import picture_of
from tasks.settings import Settings, now

SECONDS = 10.0
"""Time limit for a channel; if it does not respond, this attempt is given up."""

_LONGEST_HELD = timedelta(days=1)
"""The longest that quiet hours can hold a notice back."""

MOST_AT_ONCE = 20
"""Most notices delivered to a channel at once; after an outage, the rest follow next time."""


def deliver(settings: Settings, *, at_once: bool = False) -> int:
    """Deliver recent notices to the channels they have not reached; return how many arrived.

    One process delivers at a time, so that nothing arrives twice. A process that would have to
    wait longer than a channel's time limit leaves delivery to the next call. A channel that
    failed is not tried again for a while, unless there is a new notice or ``at_once`` is set.

    Raises
    ------
    ChannelError
        The file of channels cannot be read.
    """
    listed = channels(settings.channels_file)
    with _alone(settings) as is_alone:
        return (
            sum(_deliver_to(settings, channel, at_once) for channel in listed) if is_alone else 0
        )


def send_test(channel: Channel, message: Message, picture: Path | None) -> Delivery:
    """Send a test message, with a picture if the channel accepts one.

    The message is not recorded.
    """
    at = now()
    notice = Notice(
        key="test", market=None, kind="test", subject=message.subject, body=message.body, at=at
    )
    fault = _fault(channel, notice, picture)
    return Delivery(key="test", channel=channel.name, delivered=not fault, detail=fault, at=at)


def send_unkept(settings: Settings, notice: Notice) -> None:
    """Send a notice that could not be stored in the database, since that failure matters too."""
    if in_reach(settings):
        for channel in channels(settings.channels_file):
            # quiet hours are ignored: an unstored notice could not be delivered after them
            if channel.delivers_from(notice) is not None:
                _fault(channel, notice, picture_of(settings, notice.key))


def in_reach(settings: Settings) -> bool:
    """Return whether this process talks to the Prefect that holds the channels' secrets.

    A plain command does not: Prefect would start another server on another database.
    """
    return bool(PREFECT_API_URL.value()) or PREFECT_HOME.value() == settings.prefect_dir


def run_log() -> Any:
    """Return the logger of the current run, or a plain logger outside a run."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("notices")


@contextmanager
def quietly(words: str, level: int = logging.WARNING) -> Iterator[None]:
    """Log errors raised inside, without secrets, and continue: a notice never stops a run."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a notice never stops a run
        run_log().log(level, "%s: %s", words, error_without_urls(error))


def _deliver_to(settings: Settings, channel: Channel, at_once: bool) -> int:
    """Deliver one channel's waiting notices until one fails; return how many arrived."""
    database, at = settings.database(), now()
    oldest = at - NOTICE_LIFETIME - _LONGEST_HELD
    due = [
        kept
        for kept in waiting(database, channel.name, max(oldest, channel.since))
        if channel.is_due(kept.notice, at)
    ]
    resumes = paused_until([failure.at for failure in failures_in_a_row(database, channel.name)])
    is_fresh = any(not kept.attempts(channel.name) for kept in due)
    if resumes is not None and at < resumes and not is_fresh and not at_once:
        return 0
    reached = 0
    for kept in due[:MOST_AT_ONCE]:
        if not _send(settings, channel, kept.notice):
            break
        reached += 1
    return reached


def _send(settings: Settings, channel: Channel, notice: Notice) -> bool:
    fault = _fault(channel, notice, picture_of(settings, notice.key))
    delivery = Delivery(
        key=notice.key, channel=channel.name, delivered=not fault, detail=fault, at=now()
    )
    record_delivery(settings.database(), delivery)
    if fault:
        run_log().warning("channel %s did not take %r: %s", channel.name, notice.subject, fault)
    return delivery.delivered


def _fault(channel: Channel, notice: Notice, picture: Path | None = None) -> str:
    """Send a notice within the time limit; return the error, if any, without secrets."""
    outcome: list[str] = []
    at, held_until = now(), channel.rules.held_until(notice.kind, notice.at)
    was_held = held_until is not None and held_until <= at
    body = dated(notice.body, notice.at, at, held_until if was_held else None)

    def send() -> None:
        try:
            block = load_block(channel)
        except Exception as error:  # noqa: BLE001 - any error of Prefect's database
            outcome.append(f"its block cannot be loaded: {error_without_urls(error)}")
            return
        try:
            with block.raise_on_failure():
                notify_block(block, body, notice.subject, picture)
            outcome.append("")
        except Exception as error:  # noqa: BLE001 - any error of a channel
            outcome.append(scrubbed(without_secrets(block, error_text(error))))

    # a separate thread can be abandoned when a channel hangs; it must use the same Prefect
    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(send,),
        name=f"notice to {channel.name}",
        daemon=True,
    )
    thread.start()
    thread.join(SECONDS)
    return outcome[0] if outcome else f"no answer within {SECONDS:g} s"


@contextmanager
def _alone(settings: Settings) -> Iterator[bool]:
    """Hold the delivery lock; yield False if another process keeps it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.home / "notices.lock")
    try:
        lock.acquire(timeout=SECONDS)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
