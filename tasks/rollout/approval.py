"""Approvals by a person: the request, the answer, and the refusal when nobody answers.

A waiting run is *suspended*: its process ends, and after the answer the run starts again from the
top. The request is therefore stored with the run on the server, and read again instead of made
anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_runs import suspend_flow_run
from prefect.input import create_flow_run_input, keyset_from_base_key
from prefect.input.actions import read_flow_run_input
from prefect.logging import get_run_logger
from prefect.states import Completed

from ml_core.errors import InputError
from ml_core.json_form import from_json
from ml_core.json_values import json_values
from monitoring.approval import ASKING, NOBODY, ApprovalAnswer, Request
from monitoring.pages.markdown import escaped
from tasks.notices.notify import notify
from tasks.rollout.approval_form import evidence, form_of, key_of, page
from tasks.runs.artifacts import publish
from tasks.runs.recovery.crashed_runs import all_pages
from tasks.settings import Settings, current_settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_PAUSE = "approval"
_KEYS = keyset_from_base_key(f"suspended-{_PAUSE}")
_ASKED = "orbcast-request"
_PAGE = 100


class NoDeploymentError(InputError):
    """Error for a run that could not be resumed after the answer, as it has no deployment."""

    flow: str
    template = (
        "{flow} waits for an approval, which only a run of its deployment can do: start it in "
        "the UI of `orbcast up` (Deployments, Run). Without a server, use `orbcast models "
        "promote` or `orbcast rollout approve`"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequest:
    """A request and a person's answer."""

    run: str
    request: Request
    answer: ApprovalAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalResult:
    """Result of a run of promote or step-up.

    Attributes
    ----------
    verdict
        The request and its result, in a sentence.
    market, version, subject
        The market, the version, and what the approval is about: the version or the stage.
    run
        Id of the flow run that made the request.
    approved
        Whether the answer was a complete approval of what was shown.
    done
        Whether the approved change was made.
    by, reason
        The person who answered, and the reason given.
    bound_to
        Hash of what was shown.
    """

    verdict: str
    market: str
    version: str
    subject: str
    run: str
    approved: bool
    done: bool
    by: str
    reason: str
    bound_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A run that waits for an answer."""

    run: UUID
    name: str
    request: Request


def request_approval(ask: Callable[[], Request]) -> AnsweredRequest:
    """Request an approval within the current flow run, and return the answer once there is one.

    The first call suspends the run and ends the process. After the answer, the run starts again
    and this call returns the answer.

    Raises
    ------
    NoDeploymentError
        The run does not belong to a deployment.
    """
    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    if run is None or run.deployment_id is None:
        raise NoDeploymentError("the flow" if run is None else run.name)
    with get_client(sync_client=True) as client:
        request = _read_request(client, run.id)
    if request is None:
        request = ask()
        create_flow_run_input(_ASKED, json_values(request), run.id)
    if read_flow_run_input(_KEYS["schema"], run.id) is None:
        _announce(run.id, request)
    # no Prefect timeout: it would mark the run as failed although nothing failed
    approval = suspend_flow_run(wait_for_input=form_of(request), key=_PAUSE)
    answer = ApprovalAnswer(
        approve=approval.approve,
        by=approval.by,
        reason=approval.reason,
        against_the_evidence=getattr(approval, "against_the_evidence", False),
        waited=_waited(run.id),
    )
    return AnsweredRequest(run=str(run.id), request=request, answer=answer)


def conclude(answered: AnsweredRequest, result: ApprovalResult) -> State[ApprovalResult]:
    """Publish the result and return the run's final state: completed, whatever the answer."""
    parts = (escaped(answered.request.verdict), evidence(answered.request))
    publish(key_of(answered.request), result.verdict, *parts)
    return Completed(message=result.verdict, data=result)


def waiting() -> tuple[Waiting, ...]:
    """Return every run on the server that waits for an answer, oldest first."""
    asking = FlowFilter(name=FlowFilterName(any_=list(ASKING)))
    paused = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
    )
    with get_client(sync_client=True) as client:
        runs = all_pages(
            partial(client.read_flow_runs, flow_filter=asking, flow_run_filter=paused)
        )
        waitings = [
            Waiting(run=run.id, name=run.name, request=request)
            for run in runs
            if (request := _read_request(client, run.id)) is not None
        ]
    return tuple(sorted(waitings, key=lambda approval: approval.request.asked_at))


def send_answer(waits: Waiting, values: dict[str, Any]) -> str | None:
    """Answer a waiting run; return why the server did not accept the answer, None if it did.

    Parameters
    ----------
    waits
        The run.
    values
        Fields of its form; a missing approval refuses.
    """
    with get_client(sync_client=True) as client:
        fault = _resume(client, waits.run, values)
        if fault and "schema not found" in fault:
            # the run was killed after it was suspended, before its form was stored
            form_of(waits.request).save(_KEYS, waits.run)
            fault = _resume(client, waits.run, values)
    return fault


def outcome(run: UUID) -> tuple[str, str]:
    """Return the name of a run's state, and its message once the run has ended."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    if state is None or not state.is_final():
        return ("none" if state is None else state.name or state.type.value), ""
    return state.name or state.type.value, state.message or state.type.value


def run_outcome(ref: str) -> str:
    """Return the outcome of a run of these flows, by its id, the start of its id, or its name."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=list(ASKING))),
            sort=FlowRunSort.START_TIME_DESC,
            limit=_PAGE,
        )
    for run in runs:
        if ref and (str(run.id).startswith(ref) or run.name == ref):
            return " ".join(outcome(run.id)).strip()
    return ""


def expire_approvals(settings: Settings, at: datetime) -> tuple[str, ...]:
    """Refuse every request that was not answered in time; its run ends completed, as refused.

    Call this from time to time, and after a machine has restarted. A repeat changes nothing.

    Parameters
    ----------
    settings
        Settings, for the notices.
    at
        Aware time.

    Returns
    -------
    tuple of str
        Ids of the runs that were refused now.
    """
    refused = []
    for approval in waiting():
        if at < approval.request.until:
            continue
        why = f"nobody answered by {approval.request.until:%Y-%m-%d %H:%M} UTC"
        if send_answer(approval, {"approve": False, "by": NOBODY, "reason": why}) is None:
            refused.append(str(approval.run))
            notify(
                settings,
                "approval",
                approval.request.market,
                f"approval {approval.run} expired",
                f"{approval.request.title}: refused",
                f"{why}. Start the flow again to request it again.",
            )
    return tuple(refused)


def _read_request(client: SyncPrefectClient, run: UUID) -> Request | None:
    """Return a run's request; None if there is none yet or it cannot be read."""
    try:
        return from_json(Request, json.loads(client.read_flow_run_input(run, _ASKED)))
    except (KeyError, TypeError, ValueError):
        return None  # made by another release: it must not hide the others
    except PrefectHTTPStatusError as error:
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        return None


def _announce(run: UUID, request: Request) -> None:
    get_run_logger().info(
        "Waits for a person until %s: %s? Answer with Resume, in the menu of this page, or with "
        "`orbcast approve %s`",
        f"{request.until:%Y-%m-%d %H:%M} UTC",
        request.title,
        str(run)[:8],
    )
    publish(key_of(request), f"Waits for a person: {request.title}?", page(request))
    notify(
        current_settings(),
        "approval",
        request.market,
        f"approval {run}",
        f"{request.title}? An approval is requested",
        f"{request.verdict} Answer in the UI (the run, Resume) or with `orbcast approve "
        f"{str(run)[:8]}` by {request.until:%Y-%m-%d %H:%M} UTC; no answer refuses.",
    )


def _waited(run: UUID) -> timedelta:
    """Return the time from request to answer, by the server's record of the run's states."""
    with get_client(sync_client=True) as client:
        states = sorted(
            client.read_flow_run_states(run), key=lambda flow_run_state: flow_run_state.timestamp
        )
    pauses = [n for n, state in enumerate(states) if state.state_details.pause_key == _PAUSE]
    if not pauses or pauses[-1] + 1 == len(states):
        return timedelta(0)
    return timedelta(
        seconds=(states[pauses[-1] + 1].timestamp - states[pauses[-1]].timestamp).total_seconds()
    )


def _resume(client: SyncPrefectClient, run: UUID, values: dict[str, Any]) -> str | None:
    """Resume a run; the server always replies 200, and its text says whether it did."""
    answer = client.resume_flow_run(run, run_input=values)
    if answer.status.value == "ACCEPT":
        return None
    return str(getattr(answer.details, "reason", None) or json.dumps(answer.status.value))
