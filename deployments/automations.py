"""Automations: Prefect reports and ends runs of dead processes, which cannot do so themselves."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification

from tasks.notices.channel_blocks import OWN_BLOCKS, load_block
from tasks.notices.channels import Channel
from tasks.runs.recovery.crashed_runs import HEARTBEATS, OURS, WENT_SILENT
from tasks.settings import now

NOT_STARTED = timedelta(minutes=5)
"""If a run has not begun this long after it was due, nothing is running the flows."""

SILENT = timedelta(minutes=10)
"""A run without a heartbeat for this long, three times Prefect's interval, counts as silent."""

GONE_AFTER = timedelta(seconds=90)
"""A worker's run without a heartbeat for this long, three times the interval, has died."""

END_SILENT = "orbcast: end workers' runs that go silent"
"""Name of the automation that marks silent runs of workers as crashed."""

_PREFIX = "orbcast: tell "
_LINK = "{{ (flow_run|ui_url) or '' }}"
_RUN = "prefect.flow-run."
_HEARTBEAT = f"{_RUN}heartbeat"
_ENDS = frozenset({"Completed", "Failed", "Crashed", "Cancelled", "Cancelling"})
_WAITS = frozenset({"Suspended", "Paused", "AwaitingRetry", "Scheduled", "Late"})


def ensure_automations(
    channels: tuple[Channel, ...], *, not_started: timedelta = NOT_STARTED
) -> tuple[str, ...]:
    """Have Prefect notify each channel of runs that crash, do not start or go silent.

    A second call changes only automations of channels whose block has changed, and deletes those
    of removed channels. Email by SMTP is left out, because the server loads only Prefect's own
    blocks.

    Parameters
    ----------
    channels
        All channels.
    not_started
        How long after its time a run may begin.

    Returns
    -------
    tuple of str
        The automations' names.
    """
    wanted: dict[str, AutomationCore] = {}
    for channel in channels:
        block = load_block(channel)
        if isinstance(block, OWN_BLOCKS) or not channel.rules.sends("run", None, now()):
            continue
        for automation in _automations(channel.name, block, not_started):
            wanted[automation.name] = automation
    with get_client(sync_client=True) as client:
        _replace(client, wanted)
    return tuple(wanted)


def ensure_silent_runs_end(*, gone_after: timedelta = GONE_AFTER) -> None:
    """Have Prefect mark silent runs of workers as crashed, and start recover then.

    A worker may be gone together with its machine or container, and no other process can see
    whether its runs live. `orbcast up` does not need this: it sees its own runs, and a machine
    that was asleep would find its runs ended. Runs that wait for a person are left out, by their
    deployment's tag, because they are silent while they wait. A second call changes nothing.

    Parameters
    ----------
    gone_after
        How long a run may be silent.

    Raises
    ------
    prefect.exceptions.ObjectNotFound
        The server has no deployment of recover yet.
    """
    with get_client(sync_client=True) as client:
        recover = client.read_deployment_by_name("recover/orbcast").id
        automation = AutomationCore(
            name=END_SILENT,
            description="Written by Orbcast when a worker starts.",
            trigger=_trigger_of(HEARTBEATS)(
                after={f"{_RUN}Running", _HEARTBEAT},
                expect={_HEARTBEAT, *(f"{_RUN}{end}" for end in _ENDS | _WAITS)},
                posture=Posture.Proactive,
                within=gone_after,
                for_each={"prefect.resource.id"},
            ),
            actions=[
                ChangeFlowRunState(state=StateType.CRASHED, message=WENT_SILENT),
                RunDeployment(source="selected", deployment_id=recover),
            ],
        )
        _replace(client, {END_SILENT: automation}, END_SILENT)


def _replace(
    client: SyncPrefectClient, wanted: dict[str, AutomationCore], prefix: str = _PREFIX
) -> None:
    existing = {
        automation.name: automation
        for automation in client.read_automations()
        if automation.name.startswith(prefix)
    }
    for name, automation in wanted.items():
        there = existing.pop(name, None)
        if there is None:
            client.create_automation(automation)
        elif _comparable(there) != _comparable(automation):
            # an automation that was switched off in the UI stays off
            client.update_automation(
                there.id, automation.model_copy(update={"enabled": there.enabled})
            )
    for automation in existing.values():
        client.delete_automation(automation.id)


def _comparable(automation: AutomationCore) -> Any:
    """Return the fields of an automation that we write.

    It is written only if they differ: an automation that is written again forgets the runs that
    it waits for, including those of a dead worker.
    """
    return automation.model_dump(include={"description", "trigger", "actions"})


def _automations(channel: str, block: Any, not_started: timedelta) -> list[AutomationCore]:
    of_ours = _trigger_of(OURS)
    of_each = partial(of_ours, for_each={"prefect.resource.id"})
    begun = {"Pending", "Running", "AwaitingConcurrencySlot", *_ENDS}
    minutes = int(SILENT.total_seconds()) // 60
    return [
        _automation(
            f"{_PREFIX}{channel} of runs that crash",
            block,
            of_ours(
                expect={f"{_RUN}Crashed"},
                posture=Posture.Reactive,
                within=timedelta(0),
            ),
            "crashed",
            "{{ flow_run.state.message }}",
        ),
        _automation(
            f"{_PREFIX}{channel} of runs that do not start",
            block,
            of_each(
                after={f"{_RUN}Late"},
                expect={f"{_RUN}{state}" for state in begun},
                posture=Posture.Proactive,
                within=not_started,
            ),
            "did not start",
            "It was due and nothing has started it: is `orbcast up` running, or is it busy?",
        ),
        _automation(
            f"{_PREFIX}{channel} of runs that go silent",
            block,
            of_each(
                after={_HEARTBEAT},
                expect={_HEARTBEAT, *(f"{_RUN}{end}" for end in _ENDS | _WAITS)},
                posture=Posture.Proactive,
                within=SILENT,
            ),
            "went silent",
            f"No heartbeat for {minutes} minutes: its process may have been killed. "
            "Cancel it in the Prefect UI, or no other run of its kind will start.",
        ),
    ]


def _trigger_of(tag: str) -> partial[EventTrigger]:
    """Return a trigger for flow runs with a tag; the caller adds the events."""
    related = {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
    return partial(
        EventTrigger,
        match={"prefect.resource.id": f"{_RUN}*"},
        match_related=related,
        threshold=1,
    )


def _automation(name: str, block: Any, trigger: Any, what: str, why: str) -> AutomationCore:

    return AutomationCore(
        name=name,
        description="Written by Orbcast; `orbcast notify automations` writes it again.",
        trigger=trigger,
        actions=[
            SendNotification(
                block_document_id=block._block_document_id,  # noqa: SLF001 - Prefect's own name
                subject=f"Orbcast: {{{{ flow.name }}}} {what}",
                body=f"Run {{{{ flow_run.name }}}}: {why}\n" + _LINK,
            )
        ],
    )
