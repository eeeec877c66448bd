"""Promote: show a person the evidence about a version, wait for their answer, act on it."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.notices.notify import REPORTED
from tasks.rollout.approval import ApprovalResult, conclude, request_approval
from tasks.rollout.approved_promotion import act_on_promotion, promotion_request
from tasks.runs.parameters import MarketName
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import now


@flow(
    name="promote",
    flow_run_name=run_name("{symbol} promote {version} {day}"),
    timeout_seconds=TIME_LIMITS["promote"],
    persist_result=False,
    **REPORTED,
)
def promote(market: MarketName = "mgc", version: str = "challenger") -> State[ApprovalResult]:
    """Ask a person whether a version shall serve from now on; without an approval it does not.

    The run is suspended and shows the promotion rule's evidence. Open it, press Resume and fill in
    the form, or answer with `orbcast approve`. Anything but a complete approval in time refuses.

    Args:
        market: Name of a market file, such as mgc.
        version: A version, the beginning of its name, or challenger.
    """
    answered = request_approval(lambda: promotion_request(market, version, now()))
    return conclude(answered, act_on_promotion(answered, now()))
