"""The block of each channel: Prefect's own notification blocks, which hold the secrets."""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from prefect.blocks.abstract import NotificationError
from prefect.blocks.notifications import (
    AppriseNotificationBlock,
    CustomWebhookNotificationBlock,
    MicrosoftTeamsWebhook,
    SlackWebhook,
)
from prefect.logging import LogEavesdropper

from ml_core.on_demand import library
from tasks.notices.channels import (
    Channel,
    ChannelError,
    channels,
    new_channel,
    write_channels,
)

apprise = library("apprise")


class _ServiceBlock(AppriseNotificationBlock):
    """A block that sends plain text with line breaks, and a picture if the service takes one."""

    def send(self, body: str, subject: str, picture: Path | None) -> None:
        """Send text and a picture, or the text alone if the service does not accept both.

        Raises
        ------
        NotificationError
            The service accepted neither.
        """
        words = ""
        for service in self._apprise_client:
            # as HTML, every space would become a non-breaking one
            service.notify_format = apprise.NotifyFormat.TEXT
        for attached in [str(picture), None] if picture is not None else [None]:
            with LogEavesdropper("apprise", level=logging.WARNING) as log:
                sent = self._apprise_client.notify(
                    body=body,
                    title=subject,
                    notify_type=self.notify_type,
                    body_format=apprise.NotifyFormat.TEXT,
                    attach=attached,
                )
            if sent:
                return
            words = log.text()
        raise NotificationError(log=words)


class SmtpEmail(_ServiceBlock):
    """Email by SMTP; the URL is Apprise's: mailtos://user:password@host?to=you@example.com."""

    _block_type_name = "Orbcast SMTP Email"
    _block_type_slug = "orbcast-smtp-email"


class AppriseService(_ServiceBlock):
    """Any service that Apprise supports; the URL is in Apprise's form, such as ntfy://topic."""

    _block_type_name = "Orbcast Apprise Service"
    _block_type_slug = "orbcast-apprise-service"


OWN_BLOCKS = (SmtpEmail, AppriseService)
"""Block types that Prefect's server does not know, so automations cannot use them."""

BLOCKS: dict[str, Any] = {
    "slack": SlackWebhook,
    "teams": MicrosoftTeamsWebhook,
    "email": SmtpEmail,
    "webhook": CustomWebhookNotificationBlock,
    "apprise": AppriseService,
}
_SHORTEST_SECRET = 4
"""A shorter part of a URL reveals nothing, and may be an ordinary word."""


def add_channel(
    path: Path, name: str, kind: str, url: str, at: datetime, least: str = "info"
) -> Channel:
    """Save a channel's block in Prefect and its entry in the file; replace one of that name.

    Raises
    ------
    ChannelError
        The name, kind, level or URL is invalid. The message never contains the URL.
    """
    channel = new_channel(name, kind, url, at, least)
    before = channels(path)
    block = _block(kind, url.strip())
    block.save(channel.block_name, overwrite=True)
    for old in before:
        if old.name == name:
            channel = replace(channel, since=old.since, switches=old.switches, quiet=old.quiet)
            if old.kind != kind:
                _forget(old)
    write_channels(path, [*(old for old in before if old.name != name), channel])
    return channel


def remove_channel(path: Path, name: str) -> bool:
    """Remove a channel from the file and its block from Prefect; False if there is none."""
    before = channels(path)
    left = [old for old in before if old.name != name]
    if len(left) == len(before):
        return False
    write_channels(path, left)
    for old in before:
        if old.name == name:
            _forget(old)
    return True


def load_block(channel: Channel) -> Any:
    """Load a channel's block from Prefect.

    Raises
    ------
    ChannelError
        The block is missing: it was deleted, or Prefect uses another database.
    """
    try:
        return BLOCKS[channel.kind].load(channel.block_name)
    except ValueError as error:
        fault = f"no longer has a URL in Prefect; `orbcast notify add {channel.kind} "
        raise ChannelError("", channel.name, f"{fault}{channel.name}` gives it one") from error


def notify_block(block: Any, body: str, subject: str, picture: Path | None) -> None:
    """Send text through a channel's block, with the picture if the service accepts one."""
    if isinstance(block, OWN_BLOCKS):
        block.send(body, subject, picture)
    else:
        block.notify(body, subject)


def without_secrets(block: Any, text: str) -> str:
    """Remove a block's secrets, and the parts of its URL, from a text.

    Libraries quote parts of a URL: requests shows a webhook's path without its host.
    """
    held = block.secrets if isinstance(block, CustomWebhookNotificationBlock) else block.url
    secret = held.get_secret_value()
    urls = [str(value) for value in secret.values()] if isinstance(secret, dict) else [str(secret)]
    for url in urls:
        text = text.replace(url, "(hidden)")
        # in Apprise's URLs, the host's place often holds the secret
        parts = re.split(r"[/:@?&=]+", url)[1 if isinstance(block, AppriseService) else 2 :]
        for part in {*parts, *map(unquote, parts)}:
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, "(hidden)")
    return text


def _forget(channel: Channel) -> None:
    """Delete a block if it still exists."""
    with contextlib.suppress(ValueError):
        BLOCKS[channel.kind].delete(channel.block_name)


def _block(kind: str, url: str) -> Any:
    """Make a channel's block.

    Raises
    ------
    ChannelError
        The URL is not valid for this kind.
    """
    if kind == "webhook":
        return CustomWebhookNotificationBlock(
            name="orbcast",
            url="{{url}}",  # the URL itself is often the secret
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
            secrets={"url": url},
        )
    try:
        return BLOCKS[kind](url=url)
    except ValueError:
        # the original message may contain the URL
        raise ChannelError("url", "(not shown)", f"is not one that {kind} takes") from None
