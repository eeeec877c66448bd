"""Automations: what Prefect itself reports, since a dead process cannot report its own end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import SendNotification

from tasks.notices.channel_blocks import OWN_BLOCKS, load_block
from tasks.notices.channels import Channel
from tasks.settings import now

NOT_STARTED = timedelta(minutes=5)
"""A run that has not begun this long after it was due: nothing runs the flows."""

SILENT = timedelta(minutes=10)
"""A run without a sign of life for so long, three times what Prefect leaves between two."""

_PREFIX = "orbcast: tell "
_LINK = "{{ (flow_run|ui_url) or '' }}"
_RUN = "prefect.flow-run."
_ENDS = frozenset({"Completed", "Failed", "Crashed", "Cancelled", "Cancelling"})
_WAITS = frozenset({"Suspended", "Paused", "AwaitingRetry", "Scheduled", "Late"})


def ensure_automations(
    channels: tuple[Channel, ...], *, not_started: timedelta = NOT_STARTED
) -> tuple[str, ...]:
    """Have Prefect notify each channel of runs that crash, do not start or go silent.

    Running it again changes nothing but what a channel's block has become; automations of
    channels that are no more are deleted. Email by SMTP is left out: the server loads no blocks
    but Prefect's own.

    Parameters
    ----------
    channels
        Those there are.
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
        if isinstance(block, OWN_BLOCKS) or not channel.rules.wants("run", None, now()):
            continue
        for automation in _automations(channel.name, block, not_started):
            wanted[automation.name] = automation
    with get_client(sync_client=True) as client:
        _replace(client, wanted)
    return tuple(wanted)


def _replace(client: SyncPrefectClient, wanted: dict[str, AutomationCore]) -> None:
    existing = {
        automation.name: automation
        for automation in client.read_automations()
        if _is_ours(automation.name)
    }
    for name, automation in wanted.items():
        there = existing.pop(name, None)
        if there is None:
            client.create_automation(automation)
        else:
            # switched off in the UI, it stays off
            client.update_automation(
                there.id, automation.model_copy(update={"enabled": there.enabled})
            )
    for automation in existing.values():
        client.delete_automation(automation.id)


def _automations(channel: str, block: Any, not_started: timedelta) -> list[AutomationCore]:

    ours: dict[str, Any] = {
        "match": {"prefect.resource.id": f"{_RUN}*"},
        "match_related": {
            "prefect.resource.id": "prefect.tag.orbcast",
            "prefect.resource.role": "tag",
        },
        "threshold": 1,
    }
    for_each: dict[str, Any] = {**ours, "for_each": {"prefect.resource.id"}}
    begun = {"Pending", "Running", "AwaitingConcurrencySlot", *_ENDS}
    minutes = int(SILENT.total_seconds()) // 60
    return [
        _automation(
            f"{_PREFIX}{channel} of runs that crash",
            block,
            EventTrigger(
                expect={f"{_RUN}Crashed"},
                posture=Posture.Reactive,
                within=timedelta(0),
                **ours,
            ),
            "crashed",
            "{{ flow_run.state.message }}",
        ),
        _automation(
            f"{_PREFIX}{channel} of runs that do not start",
            block,
            EventTrigger(
                after={f"{_RUN}Late"},
                expect={f"{_RUN}{state}" for state in begun},
                posture=Posture.Proactive,
                within=not_started,
                **for_each,
            ),
            "did not start",
            "It was due and nothing has begun it: is `orbcast up` running, or is it busy?",
        ),
        _automation(
            f"{_PREFIX}{channel} of runs that go silent",
            block,
            EventTrigger(
                after={f"{_RUN}heartbeat"},
                expect={f"{_RUN}heartbeat", *(f"{_RUN}{end}" for end in _ENDS | _WAITS)},
                posture=Posture.Proactive,
                within=SILENT,
                **for_each,
            ),
            "went silent",
            f"No sign of life for {minutes} minutes: its process may have been killed. "
            "Cancel it in the Prefect UI, or nothing else of its kind will run.",
        ),
    ]


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


def _is_ours(name: str) -> bool:
    return name.startswith(_PREFIX)
