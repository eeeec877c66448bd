"""Channels: where notices go, named in one small file; Prefect's blocks hold their secrets."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ml_core.errors import InputError
from ml_core.on_demand import library
from ml_core.toml_file import open_toml, save_toml, set_tables
from monitoring.notices import LEVELS, Level, is_wanted
from registry.notices import NoticeRecord

apprise = library("apprise")

BEGINS = {
    "slack": ("https://hooks.slack.com/services/", "https://hooks.slack-gov.com/services/"),
    "teams": ("https://",),
    "email": ("mailto://", "mailtos://"),
    "webhook": ("https://", "http://"),
    "apprise": (),
}
"""What the URL of each kind begins with; Apprise knows the services of its own kind."""

_NAME = re.compile(r"[a-z0-9][a-z0-9\-]{0,39}")


class ChannelError(InputError):
    """A channel that cannot be used."""

    field: str
    value: str
    fault: str
    template = "channel {_named}{value!r} {fault}"

    @property
    def _named(self) -> str:
        return f"{self.field} " if self.field else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel by its name; the block, in Prefect's store, holds its secrets.

    Attributes
    ----------
    name, kind
        A name of the person's; one of ``BEGINS``.
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
        entries = tomllib.loads(path.read_text("utf-8")).get("channels", [])
        return tuple(_read(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChannelError(
            "file", str(path), f"cannot be read ({error}); mend it, or delete it and add again"
        ) from error


def new_channel(name: str, kind: str, url: str, at: datetime, least: str = "info") -> Channel:
    """Describe a channel that is to be added; nothing is kept yet.

    Raises
    ------
    ChannelError
        A name, kind, level or URL that cannot be. The URL itself is never in its words.
    """
    if not _NAME.fullmatch(name):
        raise ChannelError("name", name, "is none; use small letters, digits and dashes")
    channel = Channel(name=name, kind=_known_kind(kind), since=at, least=_known_level(least))
    begins = BEGINS[kind]
    if kind == "apprise":
        _require_one_service(url.strip())
    elif not url.strip().startswith(begins):
        raise ChannelError("url", "(not shown)", f"does not begin with {' or '.join(begins)}")
    return channel


def _require_one_service(url: str) -> None:
    """Refuse what is no service of Apprise's, or several: one may take what another does not."""
    services = apprise.Apprise()
    services.add(url)
    if len(services) != 1:
        fault = (
            "is several services; add a channel for each"
            if services
            else (
                "is none that Apprise takes, such as ntfy://topic, tgram://token/chat or "
                "discord://id/token; see its list of services"
            )
        )
        raise ChannelError("url", "(not shown)", fault)


def missing_from(kept: NoticeRecord, listed: tuple[Channel, ...]) -> tuple[str, ...]:
    """Name the channels that should have taken a notice and have not."""
    return tuple(
        channel.name
        for channel in listed
        if kept.notice.at >= channel.since
        and is_wanted(kept.notice.kind, channel.least)
        and not kept.reached(channel.name)
    )


def _read(entry: dict[str, Any]) -> Channel:
    since = entry["since"]
    if not isinstance(since, datetime) or since.tzinfo is None:
        raise ChannelError("since", str(since), "is no time with a zone")
    return Channel(
        name=str(entry["name"]),
        kind=_known_kind(str(entry["kind"])),
        since=since,
        least=_known_level(str(entry.get("least", "info"))),
    )


def _known_kind(kind: str) -> str:
    if kind not in BEGINS:
        raise ChannelError("kind", kind, f"is unknown; use one of {', '.join(BEGINS)}")
    return kind


def _known_level(level: str) -> Level:
    if level not in LEVELS:
        raise ChannelError("least level", level, f"is unknown; use one of {', '.join(LEVELS)}")
    return level


def write_channels(path: Path, listed: list[Channel]) -> None:
    """Name these channels in the file, and no other; its comments stay."""
    document = open_toml(path, "Where notices go; `orbcast notify add` writes this.")
    entries = [
        {name: getattr(channel, name) for name in ("name", "kind", "since", "least")}
        for channel in listed
    ]
    set_tables(document, "channels", "name", entries)
    save_toml(path, document)
