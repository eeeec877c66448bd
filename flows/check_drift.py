"""Drift: whether what is logged of late still looks like what the champion learned from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow

from registry.ledger import Mode
from tasks.health.drift import compare, plots_of_drift, write_report
from tasks.notices.notify import REPORTED
from tasks.runs.artifacts import publish, table, to_open
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings

_MOVED = {
    "column": "Column",
    "group": "Group",
    "shift": "Shift in sd",
    "p": "p",
    "drifted": "Drifted",
}
_SHOWN = 15


@flow(
    name="check-drift",
    flow_run_name=run_name("{symbol} drift {day}"),
    timeout_seconds=TIME_LIMITS["check-drift"],
    **REPORTED,
)
def check_drift(
    market: MarketName = "mgc",
    mode: Mode = "live",
    full: bool = False,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Compare the features logged in the last ten trading days with the champion's training data.

    Each range is compared with the same opening range; roll days and half-days are left out. A
    drift that was not there before emits orbcast.drift.detected, which starts a retrain.

    Args:
        market: Name of a market file, such as mgc.
        mode: live answers, or replayed ones, which start nothing.
        full: Write Evidently's whole report as an HTML page too.
        as_of: Look at answers up to this time; left out, now.
    """
    at = moment_of(as_of, current_settings().market(market))
    found = compare(market, at, mode)
    page = write_report(market, at, mode) if full and found.judged else None
    shown = found.to_json()
    publish(
        f"drift-{market}",
        found.verdict,
        table(shown["moved"][:_SHOWN], _MOVED) if shown["moved"] else "",
        *plots_of_drift(found),
        to_open({"Evidently's full report": page} if page else {}),
    )
    return {"verdict": found.verdict, "detected": found.detected, "report": page, **shown}
