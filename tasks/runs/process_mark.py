"""A mark on a flow run that names its process, so that the process's death can be detected."""

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
"""The flow run's label that holds the mark."""

LIMIT_LABEL = "orbcast.time_limit"
"""The flow run's label that holds its time limit in seconds."""

_APART_SECONDS = 5.0
"""Process numbers are reused; two processes with one number start further apart than this.

Not zero, since the start time is computed from the boot time, which moves with clock corrections.
"""


def mark(number: int | None = None) -> str:
    """Return a process's mark: machine, process number and start time.

    The default is the current process.
    """
    process = psutil.Process(number or os.getpid())
    return json.dumps([socket.gethostname(), process.pid, round(process.create_time(), 1)])


def is_gone(mark: str) -> bool | None:
    """Return whether the process of a mark has ended; None if it is on another machine.

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
    """Kill a process and all its descendants immediately."""
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
    """Write this process's mark and the run's time limit, in seconds, on a run."""
    labels = {LABEL: mark()} | ({} if time_limit is None else {LIMIT_LABEL: time_limit})
    with tasks.prefect_api.get_client(sync_client=True) as client:
        client.update_flow_run_labels(run, labels)


def mark_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Write the mark on a starting run unless it has one; Prefect calls this hook in its process.

    The warm runner's child writes it before the run starts. Otherwise a run killed in between
    would look alive for ever.
    """
    del state
    if flow_run.labels.get(LABEL) != mark():
        write_mark(flow_run.id, flow.timeout_seconds)
