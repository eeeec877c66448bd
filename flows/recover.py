"""Recovery: runs whose process is gone are marked, told of, and started again where it helps."""

from __future__ import annotations

from typing import Any

from prefect import flow

from tasks.approval import expire_approvals
from tasks.artifacts import publish, table
from tasks.notices import REPORTED, tell_of
from tasks.recovery import bury_the_dead
from tasks.settings import now, settings

_SHOWN = {
    "flow": "Flow",
    "run": "Run",
    "state": "Now",
    "words": "Why",
    "again": "Started again as",
}


@flow(name="recover", **REPORTED)
def recover() -> dict[str, Any]:
    """Find runs that look busy but whose process was killed; free what they held.

    Runs that wait for a person's approval are left alone until their time is over; then they end
    as refused. `orbcast up` does the same when it starts.
    """
    dead = bury_the_dead()
    rows = []
    for each in dead:
        tell_of(each.ended)
        shown = {name: getattr(each.ended, name) for name in ("flow", "run", "state", "words")}
        rows.append({**shown, "again": each.again})
    refused = expire_approvals(settings(), now())
    verdict = f"{len(rows)} runs had no process any more" if rows else "every run has its process"
    if refused:
        verdict += f"; {len(refused)} approvals were refused, since nobody answered in time"
    if rows or refused:
        publish("recovered", verdict, table(rows, _SHOWN) if rows else "")
    return {"verdict": verdict, "dead": rows, "refused": list(refused)}
