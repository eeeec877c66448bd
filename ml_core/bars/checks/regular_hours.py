"""Checks whether days with regular hours only fit those hours in another reading.

Files with regular hours only (09:30 to 16:00 in New York) lie well inside the hours of a market
that trades nearly round the clock, even when they are read some hours off. The edges of their days
reveal it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.sources.times import Stamp
from ml_core.market.market import Market

ZONES = (
    "UTC",
    "America/New_York",
    "America/Chicago",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Etc/GMT+5",
)
"""Zones used by vendors and brokers, the most common first; the market's own is added."""


_CLOCK = "America/New_York"
_REGULAR = {
    "CME_Equity": ("09:30", ("16:00", "16:15", "17:00")),
    "CMEGlobex_Gold": ("08:20", ("13:30",)),
    "CMEGlobex_Silver": ("08:25", ("13:25",)),
    "CMEGlobex_Crude": ("09:00", ("14:30",)),
    "CMEGlobex_NatGas": ("09:00", ("14:30",)),
    "CMEGlobex_FX": ("08:20", ("15:00",)),
    "CBOT_Bond": ("08:20", ("15:00",)),
}
"""Regular hours of calendars with much longer trading: open and usual closes, on ``_CLOCK``."""

_APART = 6 * 60
"""Minutes without a bar between two days of regular hours; the exchange pauses for an hour."""

_FEWEST_DAYS = 3
_NEARLY_ALL, _CLEARLY_MORE = 0.8, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherReading:
    """The reading in which the days of the bars match the regular hours.

    Attributes
    ----------
    zone
        The zone of the local times; None for the zone they were read in.
    stamp
        The end of its minute that a bar is stamped with; None for the stamp they were read with.
    fault
        The evidence, as text.
    """

    zone: str | None
    stamp: Stamp | None
    fault: str


def other_reading(
    minute: NDArray[np.int64], zone: str | None, market: Market
) -> OtherReading | None:
    """Return the reading in which the days of the bars match the regular hours.

    Parameters
    ----------
    minute
        Opening minutes of the bars as read, UTC, ascending and distinct, shape (n,).
    zone
        The zone in which local times were read; None if the times have their own zone.
    market
        The market with its calendar.

    Returns
    -------
    OtherReading or None
        None if the days fit as read, or in no reading.
    """
    if market.calendar not in _REGULAR:
        return None
    breaks = np.flatnonzero(np.diff(minute) > _APART)
    first = minute[np.concatenate([[0], breaks + 1])]
    last = minute[np.concatenate([breaks, [len(minute) - 1]])]
    if len(first) < _FEWEST_DAYS:
        return None
    here = _share_regular(first, last, market)
    if here > 1.0 - _CLEARLY_MORE:  # no reading can be clearly better
        return None
    for other, stamp, shift in _readings(zone, market):
        shifted = [_in_zone(edge, zone or "UTC", other) + shift for edge in (first, last)]
        share = _share_regular(shifted[0], shifted[1], market)
        if share >= max(_NEARLY_ALL, here + _CLEARLY_MORE):
            opens, days = _REGULAR[market.calendar][0], len(first)
            fault = (
                f"{round(here * days)} of its {days} days begin and end as the regular hours do, "
                f"which open at {opens} in New York; read another way, {round(share * days)} would"
            )
            return OtherReading(zone=other, stamp=stamp, fault=fault)
    return None


def _readings(zone: str | None, market: Market) -> Iterator[tuple[str | None, Stamp | None, int]]:
    """Yield other zones and stamps, with the minutes by which the stamp moves a bar."""
    others = [other for other in (*ZONES, str(market.zone)) if other != (zone or "UTC")]
    stamps: tuple[tuple[Stamp | None, int], ...] = ((None, 0), ("close", -1), ("open", 1))
    for stamp, shift in stamps:
        for other in (None, *dict.fromkeys(others)):
            if (other, stamp) != (None, None):
                yield other, stamp, shift


def _share_regular(first: NDArray[np.int64], last: NDArray[np.int64], market: Market) -> float:
    opens, closes = _REGULAR[market.calendar]
    starts, ends = _clock_times(first), _clock_times(last + 1)
    return float(np.mean((starts == opens) & np.isin(ends, closes)))


def _clock_times(minutes: NDArray[np.int64]) -> NDArray[np.str_]:
    clock = ZoneInfo(_CLOCK)
    return np.array([f"{_moment(minute).astimezone(clock):%H:%M}" for minute in minutes.tolist()])


def _in_zone(minutes: NDArray[np.int64], zone: str, other: str | None) -> NDArray[np.int64]:
    """Return minutes after reinterpreting one zone's clock times in another zone."""
    if other is None:
        return minutes
    local = (_moment(minute).astimezone(ZoneInfo(zone)) for minute in minutes.tolist())
    read = (moment.replace(tzinfo=ZoneInfo(other)) for moment in local)
    return np.array([int(moment.timestamp()) // 60 for moment in read], np.int64)


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
