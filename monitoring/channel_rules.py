"""Which notices a channel gets and when: by its level, its switches and its quiet hours.

Pure: times are arguments. The rules apply as of the notice's own time, so that a switch changed
today does not send yesterday's notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from monitoring.notices import KINDS, NOTICE_LIFETIME, Level, matters_enough

Policy = Literal["held", "left out", "at once"]
"""What happens to a notice in quiet hours: sent at their end, never, or at once."""

POLICIES: tuple[Policy, ...] = ("held", "left out", "at once")

_SHORT_LIVED = frozenset({"forecast", "break"})
"""Kinds of notices that are useless after the night."""

_SHORT_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch that turns notices on or off from a time on.

    Attributes
    ----------
    on, at
        Whether on or off, and since when.
    kind, market
        The kind and the market's symbol that it concerns; None for any.
    """

    on: bool
    at: datetime
    kind: str | None = None
    market: str | None = None

    def concerns(self, kind: str, market: str | None) -> bool:
        """Return whether the switch concerns notices of this kind and market."""
        return self.kind in {None, kind} and self.market in {None, market}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Hours of the day in which a channel gets no ordinary notices.

    Attributes
    ----------
    begin, end
        Local times; they may lie on either side of midnight.
    zone
        IANA name of their time zone.
    policies
        Policy by kind, where it differs from the default: forecasts and breaks are dropped, all
        others are held.
    """

    begin: time
    end: time
    zone: str
    policies: Mapping[str, Policy] = field(default_factory=dict)

    def policy(self, kind: str) -> Policy:
        """Return the policy for a kind of notice."""
        return self.policies.get(kind, "left out" if kind in _SHORT_LIVED else "held")

    def end_after(self, at: datetime) -> datetime | None:
        """Return when the quiet hours around a time end, in UTC; None outside of quiet hours."""
        zone = ZoneInfo(self.zone)
        local = at.astimezone(zone)
        clock, day = local.time(), local.date()
        over_midnight = self.begin > self.end
        if over_midnight and clock >= self.begin:
            day += timedelta(days=1)
        elif not (clock < self.end and (over_midnight or clock >= self.begin)):
            return None
        end = datetime.combine(day, self.end, zone).replace(fold=local.fold)
        return end.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """The rules for which notices a channel gets, and when.

    Attributes
    ----------
    least
        The lowest level; kinds of a lower level are not sent.
    switches
        In the order in which they were set; the last one that concerns a notice applies.
    quiet
        Its quiet hours; None if it has none.
    """

    least: Level = "info"
    switches: tuple[Switch, ...] = ()
    quiet: QuietHours | None = None

    def sends(self, kind: str, market: str | None, at: datetime) -> bool:
        """Return whether a notice of this kind, market and time should be sent at all."""
        if not matters_enough(kind, self.least):
            return False
        last = [
            switch.on
            for switch in self.switches
            if switch.at <= at and switch.concerns(kind, market)
        ]
        return last[-1] if last else True

    def held_until(self, kind: str, at: datetime) -> datetime | None:
        """Return the end of the quiet hours that hold a notice; None if it is not held."""
        if self.quiet is None or self.quiet.policy(kind) == "at once":
            return None
        return self.quiet.end_after(at)

    def delivers_from(self, kind: str, market: str | None, at: datetime) -> datetime | None:
        """Return the time from which a notice may be sent; None if it is not sent."""
        if not self.sends(kind, market, at):
            return None
        held = self.held_until(kind, at)
        if held is None:
            return at
        left_out = self.quiet is not None and self.quiet.policy(kind) == "left out"
        return None if left_out else held

    def is_due(self, kind: str, market: str | None, at: datetime, now: datetime) -> bool:
        """Return whether a notice of this kind, market and time should be sent now."""
        begins = self.delivers_from(kind, market, at)
        return begins is not None and begins <= now < begins + notice_lifetime(kind)


def notice_lifetime(kind: str) -> timedelta:
    """Return how long a notice is worth sending.

    >>> notice_lifetime("forecast"), notice_lifetime("breaker")
    (datetime.timedelta(seconds=3600), datetime.timedelta(days=3))
    """
    return _SHORT_LIFETIME if kind in _SHORT_LIVED else NOTICE_LIFETIME


def with_switch(switches: tuple[Switch, ...], new: Switch) -> tuple[Switch, ...]:
    """Return the switches with a new one, without those that have no effect any more.

    A switch replaced by a later one of the same kind and market is kept as long as a notice of its
    time may still be sent.
    """
    oldest = new.at - NOTICE_LIFETIME - timedelta(days=1)
    replaced = {
        index
        for index, switch in enumerate(switches)
        for later in switches[index + 1 :]
        if (later.kind, later.market) == (switch.kind, switch.market) and later.at < oldest
    }
    kept = tuple(switch for index, switch in enumerate(switches) if index not in replaced)
    return (*kept, new)


def rules_in_words(rules: ChannelRules) -> tuple[str, ...]:
    """Return a channel's current switches and quiet hours, one line each."""
    last = {(switch.market, switch.kind): switch for switch in rules.switches}
    in_order = sorted(last.values(), key=rules.switches.index)
    lines = [switch_in_words(switch) for switch in in_order]
    quiet = rules.quiet
    if quiet is not None:
        line = f"quiet from {quiet.begin:%H:%M} to {quiet.end:%H:%M} {quiet.zone}"
        for policy in POLICIES:
            names = [kind for kind in KINDS if quiet.policy(kind) == policy]
            if names and len(names) < len(KINDS):
                line += f"; {policy}: {', '.join(names)}"
        lines.append(line)
    return tuple(lines)


def switch_in_words(switch: Switch) -> str:
    """Return a switch in words.

    >>> switch_in_words(Switch(on=False, at=datetime.max, kind="break", market="NQ"))
    'break of NQ off'
    """
    state = "on" if switch.on else "off"
    return f"{switch.kind or 'everything'} of {switch.market or 'every market'} {state}"
