"""Notices: each is stored, then delivered to every channel, even if one channel fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prefect import task
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from monitoring.notices import EndedRun
from registry.notices import Notice, record_notice
from tasks.notices.delivery import (
    deliver,
    in_reach,
    quietly,
    run_log,
    send_unkept,
)
from tasks.notices.error_words import error_without_urls, scrubbed
from tasks.notices.pictures import save_picture
from tasks.runs.process_mark import mark_run
from tasks.runs.recovery.ended_runs import ended_run
from tasks.runs.recovery.restarts import restart_crashed
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings, now


def notify(
    settings: Settings,
    kind: str,
    market: str | None,
    key: str,
    subject: str,
    body: str,
    *,
    draw: Callable[[], bytes | None] | None = None,
) -> bool:
    """Send a notice once: store it, then try every channel.

    Nothing is raised when a channel or the database fails, since the caller has more important
    work. A notice that cannot be stored is logged and still sent. Without access to the home's
    Prefect, as in a plain command, the notice is stored, and the next log-outcomes delivers it.

    Parameters
    ----------
    settings
        Where notices are stored and channels listed.
    kind
        Such as ``breaker``, ``drift``, ``run``, ``missed``, ``gate``, ``rollout``.
    market, key, subject, body
        Symbol or None; the notice's unique key; the text.
    draw
        Draws the picture, a PNG, if a channel accepts one; None if there is no picture.

    Returns
    -------
    bool
        Whether the notice was new and stored.
    """
    with quietly(f"no notice: {subject}", logging.ERROR):
        notice = Notice(key=key, market=market, kind=kind, subject=subject, body=body, at=now())
        if draw is not None:
            with quietly(f"no picture: {subject}"):
                save_picture(settings, key, draw)
        try:
            if not record_notice(settings.database(), notice):
                return False
        except Exception as error:  # noqa: BLE001 - a notice never stops a run
            run_log().error(
                "not kept (%s): %s: %s", error_without_urls(error), subject, scrubbed(body)
            )
            send_unkept(settings, notice)
            return False
        if in_reach(settings):
            _deliver_quietly(settings)
        return True
    return False


@task(name="send undelivered notices", task_run_name="send undelivered notices", **RETRIED)
def send_waiting() -> int:
    """Try the channels again and return how many notices arrived; nothing is raised."""
    return _deliver_quietly(current_settings())


def report_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send a notice that a run failed or crashed.

    Prefect calls this hook: with positional arguments in the run's own process, and with these
    keyword arguments in the runner when the process was killed.
    """
    report_ended(ended_run(flow.name, flow_run, state))


def report_ended(ended: EndedRun) -> None:
    """Send a notice about a run that ended badly."""
    settings = current_settings()
    symbol = _symbol(settings, ended.market)
    notify(settings, "run", symbol, ended.key(now()), ended.subject, ended.body)


REPORTED: dict[str, Any] = {
    "on_running": [mark_run],
    "on_failure": [report_run],
    "on_crashed": [report_run, restart_crashed],
}
"""Keyword arguments of every scheduled flow: its process can be found, a failed run causes a
notice, and a crashed run is started again."""


def _deliver_quietly(settings: Settings) -> int:
    with quietly("notices wait"):
        return deliver(settings)
    return 0


def _symbol(settings: Settings, market: str | None) -> str | None:
    if market is None:
        return None
    with suppress(Exception):  # a wrong name may be why the run failed
        return settings.market(market).symbol
    return market.upper()
