"""Channels: where notices go, as Prefect's own notification blocks, named in one small file."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.blocks.notifications import (
    AppriseNotificationBlock,
    CustomWebhookNotificationBlock,
    MicrosoftTeamsWebhook,
    SlackWebhook,
)

from ml_core.errors import InputError
from ml_core.files import written_atomically

_NAME = re.compile(r"[a-z0-9][a-z0-9\-]{0,39}")


class ChannelError(InputError):
    """A channel that cannot be used."""

    def __init__(self, field: str, value: str, fault: str) -> None:
        super().__init__(field, value, fault)
        self.field, self.value, self.fault = field, value, fault

    def __str__(self) -> str:
        return f"channel {self.field} {self.value!r} {self.fault}"


class SmtpEmail(AppriseNotificationBlock):
    """Email by SMTP; the URL is Apprise's, mailtos://user:password@host?to=you@example.com."""

    _block_type_name = "Orbcast SMTP Email"
    _block_type_slug = "orbcast-smtp-email"


KINDS: dict[str, Any] = {
    "slack": SlackWebhook,
    "teams": MicrosoftTeamsWebhook,
    "email": SmtpEmail,
    "webhook": CustomWebhookNotificationBlock,
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by its name; the block, in Prefect's store, holds its secrets."""

    name: str
    kind: str

    @property
    def block_name(self) -> str:
        """The name of its block document."""
        return f"orbcast-{self.name}"


def channels(path: Path) -> tuple[Channel, ...]:
    """Read the channels there are; none where there is no file.

    Raises
    ------
    ChannelError
        The file cannot be read.
    """
    if not path.is_file():
        return ()
    try:
        listed = tomllib.loads(path.read_text("utf-8")).get("channels", [])
        return tuple(Channel(str(each["name"]), _kind(str(each["kind"]))) for each in listed)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ChannelError("file", str(path), f"cannot be read: {error}") from error


def add_channel(path: Path, name: str, kind: str, url: str) -> Channel:
    """Save a channel's block in Prefect and name it in the file; the same name is replaced.

    Raises
    ------
    ChannelError
        A name or kind that cannot be, or an empty URL.
    """
    if not _NAME.fullmatch(name):
        raise ChannelError("name", name, "is none; use small letters, digits and dashes")
    if not url.strip():
        raise ChannelError("url", "", "is empty; give it by --url-env or at the prompt")
    channel = Channel(name, _kind(kind))
    _block(kind, url.strip()).save(channel.block_name, overwrite=True)
    known = [each for each in channels(path) if each.name != name]
    _write(path, [*known, channel])
    return channel


def remove_channel(path: Path, name: str) -> bool:
    """Take a channel's name out of the file; False if it is not there. The block stays."""
    known = channels(path)
    left = [each for each in known if each.name != name]
    if len(left) == len(known):
        return False
    _write(path, left)
    return True


def load_block(channel: Channel) -> Any:
    """Load a channel's block from Prefect."""
    return KINDS[channel.kind].load(channel.block_name)


def _block(kind: str, url: str) -> Any:
    if kind == "webhook":
        return CustomWebhookNotificationBlock(
            name="orbcast",
            url="{{url}}",  # the URL itself is often the secret
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
            secrets={"url": url},
        )
    return KINDS[kind](url=url)


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ChannelError("kind", kind, f"is unknown; use one of {', '.join(KINDS)}")
    return kind


def _write(path: Path, listed: list[Channel]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# Where notices go; `orbcast notify add` writes this. Secrets are Prefect's.\n"]
    lines += [
        f"\n[[channels]]\nname = {json.dumps(each.name)}\nkind = {json.dumps(each.kind)}\n"
        for each in listed
    ]
    with written_atomically(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
