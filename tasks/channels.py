"""Channels: where notices go, as Prefect's own notification blocks, named in one small file."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import datetime
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
from monitoring.notices import LEVELS, Level

_NAME = re.compile(r"[a-z0-9][a-z0-9\-]{0,39}")


class ChannelError(InputError):
    """A channel that cannot be used."""

    def __init__(self, field: str, value: str, fault: str) -> None:
        super().__init__(field, value, fault)
        self.field, self.value, self.fault = field, value, fault

    def __str__(self) -> str:
        field = f"{self.field} " if self.field else ""
        return f"channel {field}{self.value!r} {self.fault}"


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
_BEGINS = {
    "slack": ("https://hooks.slack.com/services/", "https://hooks.slack-gov.com/services/"),
    "teams": ("https://",),
    "email": ("mailto://", "mailtos://"),
    "webhook": ("https://", "http://"),
}


_SHORTEST_SECRET = 4
"""A part of a URL that is shorter gives nothing away, and may be a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel by its name; the block, in Prefect's store, holds its secrets.

    Attributes
    ----------
    name, kind
        A name of the person's; ``slack``, ``teams``, ``email`` or ``webhook``.
    since
        When it was added: it is told of nothing that happened before.
    least
        Kinds of notices that matter less are not brought to it.
    """

    name: str
    kind: str
    since: datetime
    least: Level = "info"

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
        return tuple(_read(each) for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChannelError(
            "file", str(path), f"cannot be read ({error}); mend it, or delete it and add again"
        ) from error


def add_channel(  # noqa: PLR0917 - what a channel is made of
    path: Path, name: str, kind: str, url: str, at: datetime, least: str = "info"
) -> Channel:
    """Save a channel's block in Prefect and name it in the file; the same name is replaced.

    Raises
    ------
    ChannelError
        A name, kind, level or URL that cannot be. The URL itself is never in its words.
    """
    if not _NAME.fullmatch(name):
        raise ChannelError("name", name, "is none; use small letters, digits and dashes")
    channel = Channel(name=name, kind=_kind(kind), since=at, least=_level(least))
    known = channels(path)
    block = _block(kind, url.strip())
    block.save(channel.block_name, overwrite=True)
    for old in known:
        if old.name == name:
            channel = replace(channel, since=old.since)
            if old.kind != kind:
                _forget(old)
    _write(path, [*(each for each in known if each.name != name), channel])
    return channel


def remove_channel(path: Path, name: str) -> bool:
    """Take a channel out of the file and its block out of Prefect; False if it is not there."""
    known = channels(path)
    left = [each for each in known if each.name != name]
    if len(left) == len(known):
        return False
    _write(path, left)
    for old in known:
        if old.name == name:
            _forget(old)
    return True


def load_block(channel: Channel) -> Any:
    """Load a channel's block from Prefect.

    Raises
    ------
    ChannelError
        It is not there: somebody deleted it, or the store is another one.
    """
    try:
        return KINDS[channel.kind].load(channel.block_name)
    except ValueError as error:
        fault = f"has no URL in Prefect any more; `orbcast notify add {channel.kind} "
        raise ChannelError("", channel.name, f"{fault}{channel.name}` gives it one") from error


def without_secrets(block: Any, text: str) -> str:
    """Leave a block's secrets, and the parts that a URL is made of, out of text.

    Libraries quote them in parts: requests names a webhook's path without its host.
    """
    held = block.secrets if isinstance(block, CustomWebhookNotificationBlock) else block.url
    secret = held.get_secret_value()
    urls = [str(each) for each in secret.values()] if isinstance(secret, dict) else [str(secret)]
    for url in urls:
        text = text.replace(url, "(hidden)")
        for part in re.split(r"[/:@?&=]+", url)[2:]:
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, "(hidden)")
    return text


def _forget(channel: Channel) -> None:
    """Delete a block; one that is not there any more need not be deleted."""
    with contextlib.suppress(ValueError):
        KINDS[channel.kind].delete(channel.block_name)


def _block(kind: str, url: str) -> Any:
    """Make a channel's block.

    Raises
    ------
    ChannelError
        The URL is none of this kind.
    """
    begins = _BEGINS[kind]
    if not url.startswith(begins):
        raise ChannelError("url", "(not shown)", f"does not begin with {' or '.join(begins)}")
    if kind == "webhook":
        return CustomWebhookNotificationBlock(
            name="orbcast",
            url="{{url}}",  # the URL itself is often the secret
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
            secrets={"url": url},
        )
    try:
        return KINDS[kind](url=url)
    except ValueError:
        # its own words may hold the URL
        raise ChannelError("url", "(not shown)", f"is none that {kind} takes") from None


def _read(listed: dict[str, Any]) -> Channel:
    since = listed["since"]
    if not isinstance(since, datetime) or since.tzinfo is None:
        raise ChannelError("since", str(since), "is no time with a zone")
    return Channel(
        name=str(listed["name"]),
        kind=_kind(str(listed["kind"])),
        since=since,
        least=_level(str(listed.get("least", "info"))),
    )


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ChannelError("kind", kind, f"is unknown; use one of {', '.join(KINDS)}")
    return kind


def _level(level: str) -> Level:
    if level not in LEVELS:
        raise ChannelError("least level", level, f"is unknown; use one of {', '.join(LEVELS)}")
    return level


def _write(path: Path, listed: list[Channel]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# Where notices go; `orbcast notify add` writes this. Secrets are Prefect's.\n"]
    lines += [
        f"\n[[channels]]\nname = {json.dumps(each.name)}\nkind = {json.dumps(each.kind)}\n"
        f"since = {each.since.isoformat()}\nleast = {json.dumps(each.least)}\n"
        for each in listed
    ]
    with written_atomically(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
