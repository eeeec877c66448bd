"""Checks whether bars fit the exchange's hours clearly better in another time zone or stamp."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.arrow_values import distinct, minutes_of
from ml_core.bars.checks.regular_hours import ZONES, other_reading
from ml_core.errors import InputError
from ml_core.market.calendar_days import market_dates_around
from ml_core.market.exchange import TradeDates
from ml_core.market.market import Market

_FEWEST_BARS = 500
_OUTSIDE = 0.01
"""Share of bars outside the hours from which other time zones are tried."""

_CLEARLY = 5.0
"""Factor by which fewer bars must be outside the hours in another zone."""

_FEWEST_SESSIONS = 3
_NEARLY_ALL, _HARDLY_ANY = 0.8, 0.2
_EDGE_MINUTES = 5
"""A session counts as covered to its edge if a bar is this near to it."""


class HoursMisfitError(InputError):
    """Bars fit their market's hours clearly better if they are read in another way."""

    name: str
    symbol: str
    fault: str
    remedy: str
    template = (
        "{name} does not fit the hours of {symbol}: {fault}. {remedy}, or set "
        "quality.judge_hours = false in the market file if the times are right as they are"
    )


def refuse_misfit(name: str, stamps: pa.ChunkedArray, zone: str | None, market: Market) -> None:
    """Refuse bars that fit the hours clearly better in another zone, or with the other stamp.

    Too few bars cannot be judged and pass. Bars well inside the hours also pass, unless in another
    reading their days begin and end like the regular hours.

    Parameters
    ----------
    name
        Name of the source, for the message.
    stamps
        Opening times of the bars as read, aware UTC, ascending.
    zone
        The zone in which local times were read; None if the times have their own zone.
    market
        The market with its calendar and limits.

    Raises
    ------
    HoursMisfitError
        Another reading fits clearly better; the message has the figures of both readings and the
        option to use.
    """
    minute = distinct(minutes_of(stamps))
    if not market.quality.judge_hours or len(minute) < _FEWEST_BARS:
        return
    hours = market_dates_around(market, int(minute[0]), int(minute[-1]))
    outside = _share_outside(minute, hours)
    if outside >= _OUTSIDE:
        best = min(_in_other_zones(stamps, zone, hours, market), key=lambda read: read[0])
        if best[0] * _CLEARLY <= outside:
            fault = (
                f"{_read_in(zone)}, {outside:.1%} of its bars are outside them; in {best[1]} it "
                f"would be {best[0]:.1%}"
            )
            raise HoursMisfitError(name, market.symbol, fault, zone_remedy(zone, best[1]))
    _refuse_other_stamp(name, minute, hours, market)
    better = other_reading(minute, zone, market)
    if better is not None:
        fault = f"{_read_in(zone)}, {better.fault}"
        remedy = f"Read it with --stamp {better.stamp}" if better.stamp else ""
        if better.zone:
            remedy = zone_remedy(zone, better.zone) + remedy.replace("Read it with", "")
        raise HoursMisfitError(name, market.symbol, fault, remedy)


def zone_remedy(zone: str | None, other: str) -> str:
    """Return how to read bars in another zone than that of their local times (None: no zone)."""
    if zone is None:
        return (
            f"Correct them in the source, which seems to write the clock of {other} as if it were "
            f"another's: without a zone, --zone {other} reads them"
        )
    return f"Read it with --zone {other}"


def _read_in(zone: str | None) -> str:
    return "at the times as written" if zone is None else f"read in {zone}"


def _refuse_other_stamp(
    name: str, minute: NDArray[np.int64], hours: TradeDates, market: Market
) -> None:
    """Refuse bars that are stamped at the other end of their minute than was assumed.

    In the right reading, the first bar of a session is at its open and the last is one minute
    before its close. Read a minute late, no bar is at the open and one is at the close.
    """
    to_open = _any_between(minute, hours.open - 1, hours.open + _EDGE_MINUTES)
    to_close = _any_between(minute, hours.close - _EDGE_MINUTES, hours.close + 1)
    if min(to_open.sum(), to_close.sum()) < _FEWEST_SESSIONS:
        return
    at_open, at_close = hours.open[to_open], hours.close[to_close]
    for stamp, beyond, inside in (
        ("close", at_close, at_open),  # as read, a minute late
        ("open", at_open - 1, at_close - 1),  # a minute early
    ):
        outside, there = np.isin(beyond, minute), np.isin(inside, minute)
        if outside.mean() >= _NEARLY_ALL and there.mean() <= _HARDLY_ANY:
            fault = (
                f"{outside.sum()} of {len(beyond)} sessions have a bar just outside them and "
                f"{there.sum()} of {len(inside)} one in the minute at their other end, as if "
                f"the times were those of the {stamp}"
            )
            remedy = f"Read it with --stamp {stamp}"
            raise HoursMisfitError(name, market.symbol, fault, remedy)


def _any_between(
    minute: NDArray[np.int64], first: NDArray[np.int64], stop: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for each span, ``stop`` excluded, whether it contains a minute."""
    return np.searchsorted(minute, first) < np.searchsorted(minute, stop)


def _in_other_zones(
    stamps: pa.ChunkedArray, zone: str | None, hours: TradeDates, market: Market
) -> Iterator[tuple[float, str]]:
    """Yield, for every other zone, the share of bars outside the hours, and the zone.

    Times with their own zone are treated as UTC clock times.
    """
    local = pc.local_timestamp(stamps.cast(pa.timestamp("us", tz=zone or "UTC")))
    for other in dict.fromkeys((*ZONES, str(market.zone))):
        if other != (zone or "UTC"):
            read = pc.assume_timezone(local, other, ambiguous="earliest", nonexistent="earliest")
            yield _share_outside(np.unique(minutes_of(read)), hours), other


def _share_outside(minute: NDArray[np.int64], hours: TradeDates) -> float:
    return float(np.mean(~hours.is_open(minute)))
