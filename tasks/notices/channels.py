"""Channels: where notices go. One small file lists them; Prefect's blocks hold their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

from ml_core.errors import InputError
from ml_core.market.market import is_zone
from ml_core.on_demand import library
from ml_core.toml_file import open_toml, parse_toml, save_toml, set_tables
from monitoring.channel_rules import POLICIES, ChannelRules, Policy, QuietHours, Switch
from monitoring.notices import KINDS, LEVELS, Level
from registry.notices import Notice, NoticeRecord

apprise = library("apprise")

BEGINS = {
    "slack": ("https://hooks.slack.com/services/", "https://hooks.slack-gov.com/services/"),
    "teams": ("https://",),
    "email": ("mailto://", "mailtos://"),
    "webhook": ("https://", "http://"),
    "apprise": (),
}
"""What the URL of each kind starts with; Apprise checks the URLs of its own kind."""

_NAME = re.compile(r"[a-z0-9][a-z0-9\-]{0,39}")


class ChannelError(InputError):
    """Error for a channel that cannot be used."""

    field: str
    value: str
    fault: str
    template = "channel {_named}{value!r} {fault}"

    @property
    def _named(self) -> str:
        return f"{self.field} " if self.field else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A named channel; its block in Prefect holds the secrets.

    Attributes
    ----------
    name, kind
        A name that the user chose; one of ``BEGINS``.
    since
        When it was added; it gets no notice of earlier events.
    least
        The lowest level: it gets no notice of a lower level.
    switches, quiet
        Kinds of notices switched on and off, and quiet hours; see :class:`ChannelRules`.
    """

    name: str
    kind: str
    since: datetime
    least: Level = "info"
    switches: tuple[Switch, ...] = ()
    quiet: QuietHours | None = None

    @property
    def block_name(self) -> str:
        """The name of its Prefect block document."""
        return f"orbcast-{self.name}"

    @property
    def rules(self) -> ChannelRules:
        """The rules for which notices it gets, and when."""
        return ChannelRules(least=self.least, switches=self.switches, quiet=self.quiet)

    def delivers_from(self, notice: Notice) -> datetime | None:
        """Return when the channel may first deliver a notice; None if never."""
        if notice.at < self.since:
            return None
        return self.rules.delivers_from(notice.kind, notice.market, notice.at)

    def is_due(self, notice: Notice, now: datetime) -> bool:
        """Return whether the channel should deliver a notice now."""
        if notice.at < self.since:
            return False
        return self.rules.is_due(notice.kind, notice.market, notice.at, now)


def channels(path: Path) -> tuple[Channel, ...]:
    """Return the channels in the file; empty if there is no file.

    Raises
    ------
    ChannelError
        The file cannot be read.
    """
    if not path.is_file():
        return ()
    try:
        entries = parse_toml(path.read_text("utf-8")).get("channels", [])
        return tuple(_read(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError, ChannelError) as error:
        raise ChannelError(
            "file",
            str(path),
            f"cannot be read ({error}); correct it, or delete it and add the channel again",
        ) from error


def new_channel(name: str, kind: str, url: str, at: datetime, least: str = "info") -> Channel:
    """Return a validated new channel; nothing is saved yet.

    Raises
    ------
    ChannelError
        The name, kind, level or URL is invalid. The message never contains the URL.
    """
    if not _NAME.fullmatch(name):
        raise ChannelError("name", name, "is not valid; use small letters, digits and dashes")
    channel = Channel(name=name, kind=_require_kind(kind), since=at, least=_require_level(least))
    begins = BEGINS[kind]
    if kind == "apprise":
        _require_one_service(url.strip())
    elif not url.strip().startswith(begins):
        raise ChannelError("url", "(not shown)", f"does not begin with {' or '.join(begins)}")
    return channel


def _require_one_service(url: str) -> None:
    """Refuse a URL that is not exactly one Apprise service; of several, one may fail alone."""
    services = apprise.Apprise()
    services.add(url)
    if len(services) != 1:
        fault = (
            "is several services; add a channel for each"
            if services
            else (
                "is not a URL that Apprise supports, such as ntfy://topic, tgram://token/chat or "
                "discord://id/token; see its list of services"
            )
        )
        raise ChannelError("url", "(not shown)", fault)


def find_channel(path: Path, name: str) -> Channel:
    """Return a channel by name.

    Raises
    ------
    ChannelError
        There is no channel of that name, or the file cannot be read.
    """
    for channel in channels(path):
        if channel.name == name:
            return channel
    raise ChannelError("name", name, "does not exist; `orbcast notify list` shows them")


def missing_from(
    kept: NoticeRecord, listed: tuple[Channel, ...], now: datetime
) -> tuple[str, ...]:
    """Return the channels that should have delivered a notice by now but have not."""
    return tuple(
        channel.name
        for channel in listed
        if (begins := channel.delivers_from(kept.notice)) is not None
        and begins <= now
        and not kept.reached(channel.name)
    )


def _read(entry: dict[str, Any]) -> Channel:
    since = entry["since"]
    if not isinstance(since, datetime) or since.tzinfo is None:
        raise ChannelError("since", str(since), "is not a time with a zone")
    return Channel(
        name=str(entry["name"]),
        kind=_require_kind(str(entry["kind"])),
        since=since,
        least=_require_level(str(entry.get("least", "info"))),
        switches=tuple(_read_switch(text) for text in entry.get("switches", ())),
        quiet=_read_quiet(entry["quiet"]) if "quiet" in entry else None,
    )


def require_notice_kind(kind: str) -> str:
    """Return the canonical name of a kind of notice.

    Raises
    ------
    ChannelError
        There is no such kind.
    """
    if kind not in KINDS:
        raise ChannelError("kind", kind, f"is unknown; use one of {', '.join(KINDS)}")
    return kind


def quiet_hours(begin: str, end: str, zone: str, policies: Mapping[str, str]) -> QuietHours:
    """Return quiet hours from what a user gave.

    Parameters
    ----------
    begin, end
        Local times such as 22:00.
    zone
        IANA name.
    policies
        What happens to notices during quiet hours, by kind of notice.

    Raises
    ------
    ChannelError
        A time, zone, kind or policy is invalid.
    """
    if not is_zone(zone):
        raise ChannelError("zone", zone, "is not valid; use a name such as Australia/Brisbane")
    times = [_read_time(text) for text in (begin, end)]
    if times[0] == times[1]:
        raise ChannelError("quiet hours", f"{begin} to {end}", "never begin; name two times")
    chosen = {require_notice_kind(kind): _require_policy(name) for kind, name in policies.items()}
    return QuietHours(begin=times[0], end=times[1], zone=zone, policies=chosen)


def _read_time(text: str) -> time:
    try:
        read = time.fromisoformat(text)
    except ValueError:
        read = time(0, 0, 1)
    if read.tzinfo is not None or read.second or read.microsecond:
        raise ChannelError("time", text, "is not valid; write hours and minutes such as 22:00")
    return read


def _require_policy(name: str) -> Policy:
    for policy in POLICIES:
        if policy == name:
            return policy
    raise ChannelError("policy", name, f"is unknown; use one of {', '.join(POLICIES)}")


_ANY = "*"


def _switch_text(switch: Switch) -> str:
    state = "on" if switch.on else "off"
    return f"{state} {switch.kind or _ANY} {switch.market or _ANY} {switch.at.isoformat()}"


def _read_switch(text: str) -> Switch:
    parts = str(text).split()
    if len(parts) != len(("state", "kind", "market", "since")) or parts[0] not in {"on", "off"}:
        fault = (
            "is not valid; write, for example, off break MGC 2024-06-03T09:05:00+00:00, * for any"
        )
        raise ChannelError("switch", str(text), fault)
    state, kind, market, since = parts
    at = datetime.fromisoformat(since)
    if at.tzinfo is None:
        raise ChannelError("switch", str(text), "has no time with a zone")
    return Switch(
        on=state == "on",
        at=at,
        kind=None if kind == _ANY else require_notice_kind(kind),
        market=None if market == _ANY else market,
    )


def _read_quiet(values: Mapping[str, Any]) -> QuietHours:
    return quiet_hours(values["from"], values["to"], values["zone"], values.get("kinds", {}))


def _require_kind(kind: str) -> str:
    if kind not in BEGINS:
        raise ChannelError("kind", kind, f"is unknown; use one of {', '.join(BEGINS)}")
    return kind


def _require_level(level: str) -> Level:
    if level not in LEVELS:
        raise ChannelError("least level", level, f"is unknown; use one of {', '.join(LEVELS)}")
    return level


def write_channels(path: Path, listed: list[Channel]) -> None:
    """Write exactly these channels to the file; its comments are kept."""
    document = open_toml(path, "Channels for notices; written by `orbcast notify add`.")
    entries = [_values(channel) for channel in listed]
    set_tables(document, "channels", "name", entries)
    save_toml(path, document)


def _values(channel: Channel) -> dict[str, Any]:
    values = {name: getattr(channel, name) for name in ("name", "kind", "since", "least")}
    if channel.switches:
        values["switches"] = [_switch_text(switch) for switch in channel.switches]
    if channel.quiet is not None:
        values["quiet"] = {
            "from": f"{channel.quiet.begin:%H:%M}",
            "to": f"{channel.quiet.end:%H:%M}",
            "zone": channel.quiet.zone,
            "kinds": dict(channel.quiet.policies),
        }
    return values
