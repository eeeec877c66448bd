"""What the Prefect server ran last and runs next, in a few lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tasks.settings import Settings, prepare_environment

_LOOKED_AT = 200
_LAST, _NEXT = 4, 3


def runs_of(where: Settings, server: str) -> list[dict[str, Any]]:
    """Give the newest run of each of the flows that ran last, and the runs that come next.

    Parameters
    ----------
    where
        Settings; their secret is used where the server asks for one.
    server
        Its API's URL.

    Returns
    -------
    list of dict
        ``flow``, ``when`` (ISO 8601, UTC), ``state`` and ``words``.
    """
    prepare_environment(where, PREFECT_API_URL=server)
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - reads what was prepared
    from prefect.client.schemas.filters import (  # noqa: PLC0415
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType  # noqa: PLC0415
    from prefect.client.schemas.sorting import FlowRunSort  # noqa: PLC0415

    def in_states(*states: StateType) -> FlowRunFilter:
        kind = FlowRunFilterStateType(any_=list(states))
        return FlowRunFilter(state=FlowRunFilterState(type=kind))

    ended = [each for each in StateType if each not in {StateType.SCHEDULED, StateType.PENDING}]
    with get_client(sync_client=True) as client:
        flows = {each.id: each.name for each in client.read_flows()}
        last = client.read_flow_runs(
            flow_run_filter=in_states(*ended),
            sort=FlowRunSort.START_TIME_DESC,
            limit=_LOOKED_AT,
        )
        coming = client.read_flow_runs(
            flow_run_filter=in_states(StateType.SCHEDULED),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_LOOKED_AT,
        )
    newest = [(flows.get(each.flow_id, "?"), each.start_time, each.state_name) for each in last]
    planned = [(flows.get(each.flow_id, "?"), each.expected_start_time, "next") for each in coming]
    return [*_told(newest, _LAST), *_told(planned, _NEXT)]


def _told(
    runs: Iterable[tuple[str, datetime | None, str | None]], most: int
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for flow, moment, state in runs:
        if moment is not None and flow not in found and len(found) < most:
            at = moment.astimezone(UTC)
            found[flow] = {
                "flow": flow,
                "when": at.isoformat(),
                "state": state,
                "words": f"{state}, {at:%Y-%m-%d %H:%M} UTC",
            }
    return list(found.values())
