"""Recovery: runs whose process is gone are marked, told of, and started again where it helps."""

from __future__ import annotations

from typing import Any

from prefect import flow

from tasks.artifacts import publish, table
from tasks.notices import REPORTED, tell_of
from tasks.recovery import bury_the_dead

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

    Runs that wait for a person's approval are left alone. `orbcast up` does the same when it
    starts.
    """
    dead = bury_the_dead()
    rows = []
    for each in dead:
        tell_of(each.ended)
        shown = {name: getattr(each.ended, name) for name in ("flow", "run", "state", "words")}
        rows.append({**shown, "again": each.again})
    verdict = f"{len(rows)} runs had no process any more" if rows else "every run has its process"
    if rows:
        publish("recovered", verdict, table(rows, _SHOWN))
    return {"verdict": verdict, "dead": rows}
