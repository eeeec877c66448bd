"""When a channel is told of a notice: by its level, its switches and its quiet hours.

Pure: times are arguments. What a channel is told of a notice depends on the notice's own time, so
that a switch that is changed today brings nothing of yesterday.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from monitoring.notices import KINDS, WORTH_TELLING, Level, is_wanted

Policy = Literal["held", "left out", "at once"]
"""What becomes of a notice of the quiet hours: told at their end, never, or all the same."""

POLICIES: tuple[Policy, ...] = ("held", "left out", "at once")

_SOON_OVER = frozenset({"forecast", "break"})
"""Kinds that are of no use after the night."""

_WORTH_SOON_OVER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Notices switched on or off from a time on.

    Attributes
    ----------
    on, at
        Which of the two, and since when.
    kind, market
        Of this kind and of this market's symbol; None of any.
    """

    on: bool
    at: datetime
    kind: str | None = None
    market: str | None = None

    def concerns(self, kind: str, market: str | None) -> bool:
        """Return whether a notice of this kind and market is meant."""
        return self.kind in {None, kind} and self.market in {None, market}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Hours of the day in which a channel is left in peace.

    Attributes
    ----------
    begin, end
        Local times; they may lie on either side of midnight.
    zone
        IANA name of the zone that they are in.
    policies
        What becomes of a kind, where that is not as usual: forecasts and breaks are left out,
        all others held.
    """

    begin: time
    end: time
    zone: str
    policies: Mapping[str, Policy] = field(default_factory=dict)

    def policy(self, kind: str) -> Policy:
        """Return what becomes of a kind of notice."""
        return self.policies.get(kind, "left out" if kind in _SOON_OVER else "held")

    def end_after(self, at: datetime) -> datetime | None:
        """Return when the quiet hours end that a time falls in, in UTC; None outside of them."""
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
    """What a channel wants to be told, and when.

    Attributes
    ----------
    least
        Kinds that matter less are not told.
    switches
        In the order in which they were set; of those that concern a notice the last one counts.
    quiet
        Its quiet hours; None without any.
    """

    least: Level = "info"
    switches: tuple[Switch, ...] = ()
    quiet: QuietHours | None = None

    def wants(self, kind: str, market: str | None, at: datetime) -> bool:
        """Return whether a notice of this kind, market and time is to be told at all."""
        if not is_wanted(kind, self.least):
            return False
        last = [
            switch.on
            for switch in self.switches
            if switch.at <= at and switch.concerns(kind, market)
        ]
        return last[-1] if last else True

    def held_until(self, kind: str, at: datetime) -> datetime | None:
        """Return the end of the quiet hours that a notice is held over; None where it is not."""
        if self.quiet is None or self.quiet.policy(kind) == "at once":
            return None
        return self.quiet.end_after(at)

    def tells_from(self, kind: str, market: str | None, at: datetime) -> datetime | None:
        """Return from when on a notice is to be told; None if it is not."""
        if not self.wants(kind, market, at):
            return None
        held = self.held_until(kind, at)
        if held is None:
            return at
        left_out = self.quiet is not None and self.quiet.policy(kind) == "left out"
        return None if left_out else held

    def is_due(self, kind: str, market: str | None, at: datetime, now: datetime) -> bool:
        """Return whether a notice of this kind, market and time is to be told now."""
        begins = self.tells_from(kind, market, at)
        return begins is not None and begins <= now < begins + worth_telling(kind)


def worth_telling(kind: str) -> timedelta:
    """Return how long a notice is worth telling.

    >>> worth_telling("forecast"), worth_telling("breaker")
    (datetime.timedelta(seconds=3600), datetime.timedelta(days=3))
    """
    return _WORTH_SOON_OVER if kind in _SOON_OVER else WORTH_TELLING


def with_switch(switches: tuple[Switch, ...], new: Switch) -> tuple[Switch, ...]:
    """Return the switches with one more, without those that nothing depends on any more.

    One that a later one of the same kind and market replaced is kept for as long as a notice of
    its time may still be told.
    """
    oldest = new.at - WORTH_TELLING - timedelta(days=1)
    replaced = {
        index
        for index, switch in enumerate(switches)
        for later in switches[index + 1 :]
        if (later.kind, later.market) == (switch.kind, switch.market) and later.at < oldest
    }
    kept = tuple(switch for index, switch in enumerate(switches) if index not in replaced)
    return (*kept, new)


def rules_in_words(rules: ChannelRules) -> tuple[str, ...]:
    """Return the switches and quiet hours of a channel as they are now, a line each."""
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
    """Return what a switch says.

    >>> switch_in_words(Switch(on=False, at=datetime.max, kind="break", market="NQ"))
    'break of NQ off'
    """
    state = "on" if switch.on else "off"
    return f"{switch.kind or 'everything'} of {switch.market or 'every market'} {state}"
