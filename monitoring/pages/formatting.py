"""Formats of numbers, R-multiples, shares, intervals and times on pages and artifacts."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import TypeGuard

DASH = "\N{EN DASH}"
NOT_KNOWN = "not known"
TOO_FEW = "too few to judge"


def signed(value: float, decimals: int = 1) -> str:
    """Return a number with its sign, using a true minus.

    >>> signed(-0.25, 2)
    '\u22120.25'
    """
    rounded = round(value, decimals) + 0.0  # avoids a minus before a zero
    return f"{rounded:+,.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def signed_or_dash(value: float | None, decimals: int = 2) -> str:
    """Return a number with its sign; a dash for None."""
    return signed(value, decimals) if is_known(value) else DASH


def r_multiple(value: float | None, decimals: int = 2) -> str:
    """Return a trade's result in units of its risk; a dash for None.

    >>> r_multiple(1.5)
    '+1.50 R'
    """
    return DASH if value is None else f"{signed(value, decimals)} R"


def percent(share: float, decimals: int = 1) -> str:
    r"""Return a share as per cent, kept on one line.

    >>> percent(0.5253)
    '52.5\xa0%'
    """
    return f"{100 * share:.{decimals}f}\N{NO-BREAK SPACE}%"


def percent_or_dash(share: float | None, decimals: int = 1) -> str:
    """Return a share as per cent; a dash for None."""
    return percent(share, decimals) if is_known(share) else DASH


def points(difference: float) -> str:
    """Return a difference of two shares in percentage points.

    >>> points(0.012)
    '+1.2 points'
    """
    return f"{signed(100 * difference)} points"


def is_known(value: float | None) -> TypeGuard[float]:
    """Return whether a figure is a number; missing ones are None or NaN."""
    return value is not None and math.isfinite(value)


def interval(low: float | None, high: float | None, decimals: int, *, sign: bool = True) -> str:
    """Return the ends of an interval, or "not known".

    >>> interval(0.1, 0.25, 2)
    '+0.10 to +0.25'
    """
    if not is_known(low) or not is_known(high):
        return NOT_KNOWN
    if not sign:
        return f"{low:.{decimals}f}{DASH}{high:.{decimals}f}"
    return f"{signed(low, decimals)} to {signed(high, decimals)}"


def count_of(number: int, noun: str) -> str:
    """Return a number with the noun that it counts.

    >>> count_of(1, "day"), count_of(1200, "break")
    ('1 day', '1,200 breaks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def utc_minute(moment: datetime) -> str:
    """Return an aware UTC time to the minute.

    >>> from datetime import UTC
    >>> utc_minute(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    '2026-01-02 03:04 UTC'
    """
    return f"{minute(moment)} UTC"


def minute(moment: datetime) -> str:
    """Return a time to the minute, for use below a heading that names the zone."""
    return f"{moment:%Y-%m-%d %H:%M}"


def duration(spent: timedelta) -> str:
    """Return a duration in words.

    >>> duration(timedelta(hours=2, minutes=3, seconds=4)), duration(timedelta(seconds=65))
    ('2 h 03 min', '1 min 05 s')
    >>> duration(timedelta(days=3))
    '3 days'
    """
    seconds = max(int(spent.total_seconds()), 0)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours >= 48:  # noqa: PLR2004 - two days
        return f"{hours // 24} days"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def with_true_minuses(words: str) -> str:
    """Return text with true minuses before numbers; dates and names keep their hyphens."""
    return re.sub(r"(?<!\w)-(?=\d)", "\N{MINUS SIGN}", words)


def format_setting(value: object) -> str:
    """Return a setting's value as a user would write it."""
    if isinstance(value, list | tuple):
        return ", ".join(map(format_setting, value)) or DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return NOT_KNOWN if value is None else str(value)


def cell_value(value: object) -> str:
    """Return a plain value for a table, numbers to four places; a dash for None."""
    if value is None:
        return DASH
    return f"{value:.4f}" if isinstance(value, float) else format_setting(value)
