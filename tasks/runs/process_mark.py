"""Which process a flow run lives in, written on the run itself, so that its death can be seen."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import psutil

import tasks

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun, State
    from prefect.flows import Flow

LABEL = "orbcast.process"
"""The label of a flow run that holds the mark."""

LIMIT_LABEL = "orbcast.time_limit"
"""The label of a flow run that says after how many seconds it is ended."""

_APART_SECONDS = 5.0
"""A process number is used again; two processes of one number begin further apart than this.

Not zero, since the time is worked out from the boot time, which a corrected clock moves.
"""


def mark(number: int | None = None) -> str:
    """Return a process's mark: machine, process number and when it began.

    This one's by default.
    """
    process = psutil.Process(number or os.getpid())
    return json.dumps([socket.gethostname(), process.pid, round(process.create_time(), 1)])


def is_gone(mark: str) -> bool | None:
    """Return whether the process of a mark has ended; None if it is another machine's.

    >>> is_gone(mark())
    False
    >>> is_gone('["another machine", 1, 0.0]') is None
    True
    """
    try:
        host, number, began = json.loads(mark)
    except (TypeError, ValueError):
        return None
    if host != socket.gethostname():
        return None
    try:
        process = psutil.Process(int(number))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return bool(abs(process.create_time() - float(began)) > _APART_SECONDS)
    except psutil.NoSuchProcess:
        return True


def kill_process(number: int) -> None:
    """Kill a process and all that it started, none of which gets to do anything more."""
    try:
        process = psutil.Process(number)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def process_number(mark_of_run: str) -> int:
    """Return the process number of a mark.

    >>> process_number('["a machine", 4711, 0.0]')
    4711
    """
    return int(json.loads(mark_of_run)[1])


def write_mark(run: UUID, time_limit: float | None) -> None:
    """Write this process's mark on a run, and after how many seconds the run is ended."""
    labels = {LABEL: mark()} | ({} if time_limit is None else {LIMIT_LABEL: time_limit})
    with tasks.prefect_api.get_client(sync_client=True) as client:
        client.update_flow_run_labels(run, labels)


def mark_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Write the mark on a run that begins, unless it is there; Prefect calls this in its process.

    The warm runner's child writes it before the run begins: killed in between, the run would look
    alive for ever.
    """
    del state
    if flow_run.labels.get(LABEL) != mark():
        write_mark(flow_run.id, flow.timeout_seconds)
