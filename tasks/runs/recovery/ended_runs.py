"""A flow run that failed or crashed, described for a notice."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import FlowRun, State

from monitoring.notices import EndedRun
from tasks.notices.error_words import scrubbed


def ended_run(flow: str, run: FlowRun, state: State[Any]) -> EndedRun:
    """Return a run's facts for a notice; secrets are removed from its message."""
    given = {name: str(value) for name, value in run.parameters.items() if value is not None}
    return EndedRun(
        flow=flow,
        run=run.name,
        state=str(state.name),
        market=given.get("market"),
        opening_range=given.get("opening_range"),
        words=scrubbed(str(state.message or "no message")),
    )
