"""Notices: kept first, then brought to every channel; a dead channel stops nothing."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

from prefect import task
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from registry.notices import Delivery, Notice, Told, keep_notice, notices, record_delivery
from tasks.channels import Channel, channels, load_block
from tasks.retrying import RETRIED
from tasks.settings import Settings, now, settings

SECONDS = 10.0
"""A channel that does not answer by then is given up for this time."""

MOST_ATTEMPTS = 5
_WORTH_TELLING = timedelta(days=3)
_WAIT = timedelta(minutes=10)
_SECRETS = re.compile(r"[a-z+]+://\S+", re.IGNORECASE)


def notify(  # noqa: PLR0917 - what a notice is made of
    where: Settings, kind: str, market: str | None, key: str, subject: str, body: str
) -> bool:
    """Tell a person something, once: keep it, then try every channel.

    Nothing is raised, whatever happens to a channel or to the database: what called this has more
    important things to do.

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
        if not keep_notice(where.database(), notice):
            return False
        bring(where)
    except Exception:  # noqa: BLE001 - a notice never stops a run
        return False
    return True


def bring(where: Settings) -> int:
    """Bring every recent notice to the channels it has not reached; give how many got there.

    A channel that fails is left alone until the next occasion.
    """
    reached = 0
    for channel in channels(where.channels_file):
        for told in notices(where.database()):
            if not _is_due(told, channel):
                continue
            if not _send(where, channel, told.notice):
                break
            reached += 1
    return reached


@task(name="bring what did not arrive", **RETRIED)
def bring_waiting() -> int:
    """Try the channels again; give how many notices got there. A dead one stops nothing."""
    try:
        return bring(settings())
    except Exception:  # noqa: BLE001 - a notice never stops a run
        return 0


def send_test(channel: Channel) -> Delivery:
    """Send a message that says it is a test; it is not kept."""
    at = now()
    notice = Notice(
        key="test", market=None, kind="test", subject="Orbcast: a test", body="It works.", at=at
    )
    fault = _fault(channel, notice)
    return Delivery(key="test", channel=channel.name, delivered=not fault, detail=fault, at=at)


def report_run(flow: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
    """Tell that a run failed or crashed; Prefect calls this."""
    where = settings()
    market = str(run.parameters.get("market") or "") or None
    words = _scrubbed(str(state.message or "no message"))
    notify(
        where,
        "run",
        market.upper() if market else None,
        f"run {run.id} {state.name}",
        f"Orbcast: {flow.name} {str(state.name).lower()}",
        f"Run {run.name} of {flow.name} ended {state.name}: {words}\n"
        "Look at the run in the Prefect UI; run it again from there once the cause is gone.",
    )


REPORTED: dict[str, Any] = {"on_failure": [report_run], "on_crashed": [report_run]}
"""Keyword arguments of every scheduled flow: a person hears of a run that failed."""


def _is_due(told: Told, channel: Channel) -> bool:
    attempts = [each.at for each in told.deliveries if each.channel == channel.name]
    if told.reached(channel.name) or len(attempts) >= MOST_ATTEMPTS:
        return False
    if attempts and now() - attempts[-1] < _WAIT * 2 ** (len(attempts) - 1):
        return False
    return now() - told.notice.at < _WORTH_TELLING


def _send(where: Settings, channel: Channel, notice: Notice) -> bool:
    fault = _fault(channel, notice)
    delivery = Delivery(
        key=notice.key, channel=channel.name, delivered=not fault, detail=fault, at=now()
    )
    record_delivery(where.database(), delivery)
    return delivery.delivered


def _fault(channel: Channel, notice: Notice) -> str:
    """Send, and give what went wrong, if anything, without secrets; never for long."""
    found: list[str] = []

    def send() -> None:
        try:
            block = load_block(channel)
            with block.raise_on_failure():
                block.notify(notice.body, notice.subject)
            found.append("")
        except Exception as error:  # noqa: BLE001 - whatever a channel does
            found.append(_scrubbed(f"{type(error).__name__}: {error}") or type(error).__name__)

    # a thread of its own can be left behind when a channel hangs
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else f"no answer within {SECONDS:g} s"


def _scrubbed(text: str) -> str:
    """Leave out every URL, since a webhook's is its password."""
    return _SECRETS.sub("(url)", text)[:500]
