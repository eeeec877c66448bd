"""Notices: kept first, then brought to every channel; a dead channel stops nothing."""

from __future__ import annotations

import contextvars
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock, Timeout
from prefect import get_run_logger, task
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import MissingContextError
from prefect.flows import Flow
from prefect.logging import get_logger
from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from monitoring.notices import (
    WORTH_TELLING,
    EndedRun,
    dated,
    is_wanted,
    rests_until,
)
from registry.notices import (
    Delivery,
    Notice,
    Told,
    failures_in_a_row,
    keep_notice,
    notices,
    record_delivery,
    waiting,
)
from tasks.artifacts import publish, table
from tasks.channels import Channel, ChannelError, channels, load_block, without_secrets
from tasks.retrying import RETRIED
from tasks.settings import Settings, now, settings

SECONDS = 10.0
"""A channel that does not answer by then is given up for this time."""

MOST_AT_ONCE = 20
"""Notices brought to a channel on one occasion; after an outage the rest follow on the next."""

_SECRETS = re.compile(r"[a-z][a-z0-9+.\-]*://\S+", re.IGNORECASE)
_SHOWN = {"at": "Time (UTC)", "market": "Market", "told": "What", "missed": "Not delivered to"}


def notify(  # noqa: PLR0917 - what a notice is made of
    where: Settings, kind: str, market: str | None, key: str, subject: str, body: str
) -> bool:
    """Tell a person something, once: keep it, then try every channel.

    Nothing is raised, whatever happens to a channel or to the database: what called this has more
    important things to do. One that cannot be kept is logged and sent all the same. Away from
    the home's Prefect, as in a plain command, it is kept, and brought by the next log-outcomes.

    Parameters
    ----------
    where
        Where notices are kept and channels named.
    kind
        Such as ``breaker``, ``drift``, ``run``, ``missed``, ``gate``, ``rollout``.
    market, key, subject, body
        Symbol or None; the notice's own name; the words.

    Returns
    -------
    bool
        Whether it was new and kept.
    """
    try:
        notice = Notice(key=key, market=market, kind=kind, subject=subject, body=body, at=now())
        try:
            if not keep_notice(where.database(), notice):
                return False
        except Exception as error:  # noqa: BLE001 - a notice never stops a run
            _log().error("not kept (%s): %s: %s", _named(error), subject, _scrubbed(body))
            _send_unkept(where, notice)
            return False
        if _in_reach(where):
            _bring_quietly(where)
    except Exception as error:  # noqa: BLE001 - the same
        _log().error("no notice: %s: %s", subject, _named(error))
        return False
    return True


def bring(where: Settings, *, at_once: bool = False) -> int:
    """Bring recent notices to the channels they have not reached; give how many got there.

    One process at a time does, so that nothing arrives twice; one that must wait for longer than
    a channel may take leaves it to the next occasion. A channel that failed is left alone for a
    while, but for what is new or when ``at_once``.

    Raises
    ------
    ChannelError
        The file of channels cannot be read.
    """
    found = channels(where.channels_file)
    with _alone(where) as alone:
        return sum(_bring_to(where, each, at_once) for each in found) if alone else 0


@task(name="bring what did not arrive", **RETRIED)
def bring_waiting() -> int:
    """Try the channels again; give how many notices got there. A dead one stops nothing."""
    where = settings()
    reached = _bring_quietly(where)
    try:
        _show(where)
    except Exception as error:  # noqa: BLE001 - a notice never stops a run
        _log().warning("notices are not shown: %s", _named(error))
    return reached


def missing_from(told: Told, found: tuple[Channel, ...]) -> tuple[str, ...]:
    """Name the channels that should have taken a notice and have not."""
    return tuple(
        each.name
        for each in found
        if told.notice.at >= each.since
        and is_wanted(told.notice.kind, each.least)
        and not told.reached(each.name)
    )


def send_test(channel: Channel) -> Delivery:
    """Send a message that says it is a test; it is not kept."""
    at = now()
    notice = Notice(
        key="test", market=None, kind="test", subject="Orbcast: a test", body="It works.", at=at
    )
    fault = _fault(channel, notice)
    return Delivery(key="test", channel=channel.name, delivered=not fault, detail=fault, at=at)


def report_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Tell that a run failed or crashed.

    Prefect calls this: a run's own process by position, the runner, of one that was killed, by
    these names.
    """
    given = {name: str(value) for name, value in flow_run.parameters.items() if value is not None}
    market = given.get("market")
    ended = EndedRun(
        flow=flow.name,
        run=flow_run.name,
        state=str(state.name),
        market=market,
        opening_range=given.get("opening_range"),
        words=_scrubbed(str(state.message or "no message")),
    )
    where = settings()
    notify(where, "run", _symbol(where, market), ended.key(now()), ended.subject, ended.body)


REPORTED: dict[str, Any] = {"on_failure": [report_run], "on_crashed": [report_run]}
"""Keyword arguments of every scheduled flow: a person hears of a run that failed."""


def _bring_quietly(where: Settings) -> int:
    try:
        return bring(where)
    except Exception as error:  # noqa: BLE001 - a notice never stops a run
        _log().warning("notices wait: %s", _named(error))
        return 0


def _bring_to(where: Settings, channel: Channel, at_once: bool) -> int:
    """Bring what waits for one channel, up to its first failure."""
    database, at = where.database(), now()
    since = max(at - WORTH_TELLING, channel.since)
    due = [
        each
        for each in waiting(database, channel.name, since)
        if is_wanted(each.notice.kind, channel.least)
    ]
    rests = rests_until([each.at for each in failures_in_a_row(database, channel.name)])
    fresh = any(not each.attempts(channel.name) for each in due)
    if rests is not None and at < rests and not fresh and not at_once:
        return 0
    reached = 0
    for told in due[:MOST_AT_ONCE]:
        if not _send(where, channel, told.notice):
            break
        reached += 1
    return reached


def _send(where: Settings, channel: Channel, notice: Notice) -> bool:
    fault = _fault(channel, notice)
    delivery = Delivery(
        key=notice.key, channel=channel.name, delivered=not fault, detail=fault, at=now()
    )
    record_delivery(where.database(), delivery)
    if fault:
        _log().warning("channel %s did not take %r: %s", channel.name, notice.subject, fault)
    return delivery.delivered


def _send_unkept(where: Settings, notice: Notice) -> None:
    """Send what the database would not keep: its failing is worth being told of."""
    if _in_reach(where):
        for channel in channels(where.channels_file):
            if is_wanted(notice.kind, channel.least):
                _fault(channel, notice)


def _fault(channel: Channel, notice: Notice) -> str:
    """Send, and give what went wrong, if anything, without secrets; never for long."""
    found: list[str] = []
    body = dated(notice.body, notice.at, now())

    def send() -> None:
        try:
            block = load_block(channel)
        except Exception as error:  # noqa: BLE001 - whatever Prefect's store does
            found.append(f"its block is not to be had: {_named(error)}")
            return
        try:
            with block.raise_on_failure():
                block.notify(body, notice.subject)
            found.append("")
        except Exception as error:  # noqa: BLE001 - whatever a channel does
            found.append(without_secrets(block, _named(error)))

    # a thread of its own can be left behind when a channel hangs; it must find the same Prefect
    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(send,),
        name=f"notice to {channel.name}",
        daemon=True,
    )
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else f"no answer within {SECONDS:g} s"


@contextmanager
def _alone(where: Settings) -> Iterator[bool]:
    """Be the only process that brings notices; gives False where another is at it."""
    where.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(where.home / "notices.lock")
    try:
        lock.acquire(timeout=SECONDS)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _in_reach(where: Settings) -> bool:
    """Tell whether this process talks to the Prefect that holds the channels' secrets.

    A plain command does not, and Prefect would start another server on another database.
    """
    return bool(PREFECT_API_URL.value()) or PREFECT_HOME.value() == where.prefect_dir


def _show(where: Settings) -> None:
    """Publish the artifact ``notices``, if there was anything to tell of late."""
    try:
        found = channels(where.channels_file)
    except ChannelError:
        found = ()
    recent = [told for told in notices(where.database()) if now() - told.notice.at < WORTH_TELLING]
    if not recent:
        return
    rows = [
        {
            "at": f"{told.notice.at:%Y-%m-%d %H:%M}",
            "market": told.notice.market,
            "told": f"{told.notice.subject}. {told.notice.body}",
            "missed": ", ".join(missing_from(told, found)) or None,
        }
        for told in reversed(recent)
    ]
    missed = sum(each["missed"] is not None for each in rows)
    publish("notices", f"{len(rows)} notices, {missed} not delivered", table(rows, _SHOWN))


def _symbol(where: Settings, market: str | None) -> str | None:
    if market is None:
        return None
    try:
        return where.market(market).symbol
    except Exception:  # noqa: BLE001 - a wrong name may be why the run failed
        return market.upper()


def _log() -> Any:
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("notices")


def _named(error: BaseException) -> str:
    """Say what went wrong, without secrets; Prefect's own error keeps its words in ``log``."""
    words = str(getattr(error, "log", "") or error)
    return _scrubbed(f"{type(error).__name__}: {' '.join(words.split())}")


def _scrubbed(text: str) -> str:
    """Leave out every URL, since a webhook's is its password."""
    return _SECRETS.sub("(url)", text)[:500]
