"""Automations: what Prefect itself tells of, since a dead process cannot tell of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from tasks.channels import Channel, SmtpEmail, load_block

if TYPE_CHECKING:
    from prefect.automations import Automation

CRASHED = "prefect.flow-run.Crashed"
LATE = "prefect.flow-run.Late"


def ensure_automations(channels: tuple[Channel, ...]) -> tuple[str, ...]:
    """Have Prefect tell each channel of crashed and late runs; give the automations' names.

    Running it again changes nothing but what a channel's block has become. Email by SMTP is left
    out: the server knows Prefect's own blocks only.
    """
    from prefect.automations import Automation  # noqa: PLC0415 - reads the settings

    made = []
    for channel in channels:
        block = load_block(channel)
        if isinstance(block, SmtpEmail):
            continue
        name = f"orbcast: tell {channel.name} of crashed and late runs"
        wanted = _automation(name, block)
        known = _named(name)
        if known is None:
            wanted.create()
        else:
            Automation(id=known.id, **wanted.model_dump(exclude={"id"})).update()
        made.append(name)
    return tuple(made)


def _automation(name: str, block: Any) -> Automation:
    from prefect.automations import Automation  # noqa: PLC0415
    from prefect.events import EventTrigger  # noqa: PLC0415
    from prefect.events.actions import SendNotification  # noqa: PLC0415
    from prefect.events.schemas.automations import Posture  # noqa: PLC0415

    return Automation(
        name=name,
        description="Written by Orbcast; `orbcast notify automations` writes it again.",
        trigger=EventTrigger(
            expect={CRASHED, LATE},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={
                "prefect.resource.id": "prefect.tag.orbcast",
                "prefect.resource.role": "tag",
            },
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            SendNotification(
                block_document_id=block._block_document_id,  # noqa: SLF001 - Prefect's own name
                subject="Orbcast: run {{ flow_run.name }} is {{ flow_run.state.name }}",
                body="{{ flow.name }}: {{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
            )
        ],
    )


def _named(name: str) -> Automation | None:
    from prefect.automations import Automation  # noqa: PLC0415

    try:
        return cast("Automation", Automation.read(name=name))
    except ValueError:
        return None
