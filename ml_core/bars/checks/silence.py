"""How long a feed has been silent, and what is usual at that time of the session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrow_values import distinct
from ml_core.market.exchange import TradeDates

SESSIONS = 60
"""Number of earlier sessions that define what is usual."""

FEWEST_SESSIONS = 10
"""Minimum number of earlier sessions for a result."""

AROUND = 60
"""Minutes before and after this time of the session that are compared."""

TIMES_USUAL = 2
"""A silence is unusual from this multiple of the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A feed's silence while the exchange is open.

    Attributes
    ----------
    minutes
        Whole open minutes without any bar, up to now, in this session.
    usual
        The longest silence that at least two earlier sessions had around this time of the session:
        a silence that happened once may itself have been a stopped feed.
    """

    minutes: int
    usual: int

    def is_unusual(self, least: int) -> bool:
        """Return whether the feed seems stopped: silent longer than ``least`` and than usual."""
        return self.minutes >= max(least, TIMES_USUAL * self.usual + 1)


def silence_at(minute: NDArray[np.int64], hours: TradeDates, now: int) -> Silence | None:
    """Return a feed's silence; None while the exchange is closed or history is too short.

    Parameters
    ----------
    minute
        UTC minutes of the bars of any contract, ascending, shape (n,).
    hours
        The hours of the exchange.
    now
        The running UTC minute; its own bar cannot exist yet.
    """
    session = int(np.searchsorted(hours.open, now, side="right")) - 1
    if session < 0 or now >= hours.close[session] or not len(minute):
        return None
    begun = int(hours.open[session])
    seen = distinct(minute[minute < begun])
    earlier = [
        longest
        for before in range(max(session - SESSIONS, 0), session)
        if (longest := _longest_around(seen, hours, before, now - begun)) is not None
    ]
    if len(earlier) < FEWEST_SESSIONS:
        return None
    last = int(minute[minute < now].max(initial=begun - 1))  # closed hours are not silence
    return Silence(minutes=now - last - 1, usual=sorted(earlier)[-2])


def _longest_around(
    minute: NDArray[np.int64], hours: TradeDates, session: int, offset: int
) -> int | None:
    """Return a session's longest silence around a time of it; None if it has no bars."""
    begun, ended = int(hours.open[session]), int(hours.close[session])
    inside = minute[slice(*np.searchsorted(minute, [begun, ended]))]
    if not len(inside):
        return None
    marks = np.concatenate([[begun - 1], inside, [ended]])
    start, length = marks[:-1] + 1, np.diff(marks) - 1
    first, stop = begun + offset - AROUND, begun + offset + AROUND
    near = (start < stop) & (start + length > first)
    return int(length[near].max(initial=0))
