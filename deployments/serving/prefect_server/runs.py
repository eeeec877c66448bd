"""Last and next run of each flow, from the Prefect server or its database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import tasks
from tasks.runs.environment import prepare_environment
from tasks.settings import Settings

if TYPE_CHECKING:
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import StateType

_LOOKED_AT = 200
_LAST, _NEXT = 4, 3

_LEFT = """
    SELECT flow.name, flow_run.start_time, flow_run.state_name
    FROM flow_run JOIN flow ON flow.id = flow_run.flow_id
    WHERE flow_run.start_time IS NOT NULL AND flow_run.parent_task_run_id IS NULL
    ORDER BY flow_run.start_time DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class ServerRun:
    """A flow run that has begun, or a coming one with the state ``next``.

    Attributes
    ----------
    flow, state
        The flow's name, and Prefect's name of the state.
    when
        When it began or will begin, aware UTC.
    """

    flow: str
    when: datetime
    state: str


def runs_of(settings: Settings, server: str) -> list[ServerRun]:
    """Return the newest run of each recently run flow, and the next runs.

    Parameters
    ----------
    settings
        Settings; their secret is used if the server requires one.
    server
        URL of the server's API.
    """
    prepare_environment(settings, PREFECT_API_URL=server)
    prefect_api = tasks.prefect_api  # imports Prefect, which reads the environment

    def in_states(*states: StateType) -> FlowRunFilter:
        kind = prefect_api.filters.FlowRunFilterStateType(any_=list(states))
        return prefect_api.filters.FlowRunFilter(
            state=prefect_api.filters.FlowRunFilterState(type=kind),
            parent_task_run_id=prefect_api.filters.FlowRunFilterParentTaskRunId(is_null_=True),
        )

    ended = [
        state
        for state in prefect_api.StateType
        if state not in {prefect_api.StateType.SCHEDULED, prefect_api.StateType.PENDING}
    ]
    with prefect_api.get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        last = client.read_flow_runs(
            flow_run_filter=in_states(*ended),
            sort=prefect_api.FlowRunSort.START_TIME_DESC,
            limit=_LOOKED_AT,
        )
        coming = client.read_flow_runs(
            flow_run_filter=in_states(prefect_api.StateType.SCHEDULED),
            sort=prefect_api.FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_LOOKED_AT,
        )
    newest = [
        (flows.get(flow_run.flow_id, "?"), flow_run.start_time, flow_run.state_name)
        for flow_run in last
    ]
    planned = [
        (flows.get(flow_run.flow_id, "?"), flow_run.expected_start_time, "next")
        for flow_run in coming
    ]
    return [*_newest_by_flow(newest, _LAST), *_newest_by_flow(planned, _NEXT)]


def runs_left(settings: Settings) -> list[ServerRun]:
    """Return the last runs from the database of the home's server, while the server is down.

    The database is Prefect's: nothing is written, and if it cannot be read there are no runs.
    """
    path = settings.prefect_dir / "prefect.db"
    with contextlib.suppress(sqlite3.Error):
        if path.is_file():
            with contextlib.closing(
                sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
            ) as database:
                rows = database.execute(_LEFT, (_LOOKED_AT,)).fetchall()
            return _newest_by_flow(((flow, _utc(at), state) for flow, at, state in rows), _LAST)
    return []


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _newest_by_flow(
    runs: Iterable[tuple[str, datetime | None, str | None]], most: int
) -> list[ServerRun]:
    latest: dict[str, ServerRun] = {}
    for flow, moment, state in runs:
        if moment is not None and flow not in latest and len(latest) < most:
            latest[flow] = ServerRun(flow, moment.astimezone(UTC), state or "Unknown")
    return list(latest.values())
