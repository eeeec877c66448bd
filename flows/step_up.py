"""Step up: show a person the gates of a stage, wait for their answer, record it, take the step."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.notices.notify import REPORTED
from tasks.rollout.approval import ApprovalResult, conclude, request_approval
from tasks.rollout.approved_step import ApprovedStage, act_on_step, step_request
from tasks.runs.parameters import MarketName
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import now


@flow(
    name="step-up",
    flow_run_name=run_name("{symbol} step up to {stage} {day}"),
    timeout_seconds=TIME_LIMITS["step-up"],
    persist_result=False,
    **REPORTED,
)
def step_up(
    market: MarketName = "mgc", stage: ApprovedStage = "advisory"
) -> State[ApprovalResult]:
    """Ask a person whether a market shall go up one stage; without an approval it stays.

    The run is suspended and shows every gate with its figure. Open it, press Resume and fill in
    the form, or answer with `orbcast approve`. An approval replaces no gate: the step is taken
    only if all other gates are passed.

    Args:
        market: Name of a market file, such as mgc.
        stage: The stage to go up to: advisory, hybrid or auto.
    """
    answered = request_approval(lambda: step_request(market, stage, now()))
    return conclude(answered, act_on_step(answered, now()))
