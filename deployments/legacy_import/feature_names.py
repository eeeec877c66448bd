"""Judge a column of another system by its name: equal to ours, looking ahead, or unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Literal

from ml_core.features.all import CATALOGUE
from ml_core.market.market import Market, RangeSpec, Session

Use = Literal["equal", "late", "never", "key", "compared", "unknown"]
"""How a column can be used.

``equal``: Orbcast computes the same idea itself. ``late``: known only after some of the day's
decisions. ``never``: an outcome, or known only after the day. ``key``: identifies the row.
``compared``: a range's own record, compared with the bars. ``unknown``: its name says nothing.
"""


@dataclass(frozen=True, slots=True)
class FeatureVerdict:
    """A column, how it can be used, and why.

    Attributes
    ----------
    name
        Its name in the other system.
    use
        How it can be used.
    equal
        The feature of Orbcast's catalogue that measures the same, or None.
    leaks_into
        Opening ranges decided before the value is known.
    why
        The reason, in one sentence.
    """

    name: str
    use: Use
    equal: str | None
    leaks_into: tuple[str, ...]
    why: str


_RANGE = re.compile(r"(?:prev_|previous_)?orb?_?(\d{4})_(\w+)")
_KEYS = re.compile(
    r"(date(_local|_utc)?|trading_day|trade_date|day|instrument|symbol|contract|source_symbol"
    r"|ticker|(created|updated)_at|id|ts(_utc|_local)?|timestamp|datetime)"
)
_ANSWERS = re.compile(
    r"(.*_)?(outcome|r_multiple|mae|mfe|pnl|profit|result|label|target|won|win|y|exit\w*"
    r"|forward\w*|future\w*|next\w*)(_.*)?"
)
_AFTER_RANGE = re.compile(r"(break|entry|stop|risk|tradeable|retest|fill|bars_to|minutes_to)")
_WHOLE_DAY = re.compile(r"(daily?|today|session)_(high|low|close|range|return|volume|net)(_\w+)?")
_PARTS = re.compile(r"\w*(high|low|range|open|close|volume|type|code|sweep|impulse|trend|mid)\w*")

_SESSION_NAMES = {
    "asia": "asia",
    "asian": "asia",
    "london": "london",
    "ny": "ny_cash",
    "ny_cash": "ny_cash",
    "nyc": "ny_cash",
    "pre_asia": "pre_asia",
    "pre_london": "pre_london",
    "pre_ny": "pre_ny",
}

_EQUALS: tuple[tuple[str, str], ...] = (
    (r"atr_?14(_\w+)?", "atr14_basis_points"),
    (r"atr(_?20)?(_\w+)?", "atr20_basis_points"),
    (r"rsi(_?14)?(_at_\d{4})?", "rsi14"),
    (r"rsi(_?14)?_(d|day|daily)", "rsi14_daily"),
    (r"(orb_|or_|range_)?(size|range|height)", "range_size_basis_points"),
    (
        r"(orb_|or_|range_)?(size|range|height)_(atr|vs_atr|norm\w*|pct_atr)(_?20)?",
        "range_size_atr20",
    ),
    (r"(orb_|or_)?close_(pos|position|location)", "close_position"),
    (r"day_?of_?week|dow|weekday", "weekday"),
    (r"(dow|day_of_week|weekday)_sin", "weekday_sin"),
    (r"(dow|day_of_week|weekday)_cos", "weekday_cos"),
    (r"(hour|time|time_of_day|minute)_sin", "time_of_day_sin"),
    (r"(hour|time|time_of_day|minute)_cos", "time_of_day_cos"),
    (r"month(_sin)?", "month_sin"),
    (r"month_cos", "month_cos"),
    (r"(prev|previous|prior|pd|yesterday)_?(day)?_?(high|h)", "above_yesterday_high"),
    (r"(prev|previous|prior|pd|yesterday)_?(day)?_?(low|l)", "above_yesterday_low"),
    (r"(prev|previous|prior|pd|yesterday)_?(day)?_?(close|c)", "above_yesterday_close"),
    (r"(prev|previous)_(orb_|or_)?(break_dir|direction)", "previous_direction"),
    (r"(prev|previous)_(orb_|or_)?(r|r_multiple|net_r)", "previous_net_r"),
    (r"(vwap|dist\w*_vwap|vwap_dist\w*)", "vwap_distance"),
    (r"(realized|realised)_vol\w*|volatility(_\w+)?", "volatility_60m"),
    (r"(orb_|or_|window_)?volume", "window_volume"),
    (r"(orb|opening_range|session|range)(_name|_code|_time|_id)?", "opening_range_code"),
    (r"\w*gap\w*", "session_gap"),
    (r"days_(since|to|from)_roll", "days_since_roll"),
)


def judge(name: str, market: Market) -> FeatureVerdict:  # noqa: PLR0911 - one return for each kind
    """Return how a column of that name can be used.

    Only the name is known, not how the column was computed. "Equal" therefore means the same idea,
    not the same numbers.
    """
    column = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    if match := _RANGE.fullmatch(column):
        return _range_verdict(name, match[1], match[2], market)
    if _KEYS.fullmatch(column):
        return FeatureVerdict(name, "key", None, (), "Names the row.")
    # first, a feature of the catalogue: Orbcast computes it from closed bars, whatever its name
    if column in CATALOGUE.names():
        return _equal(name, column)
    if match := re.fullmatch(r"\w+_at_(\d{4})", column):
        return _at_clock(name, match[1], market)
    for pattern, ours in _EQUALS:
        if re.fullmatch(pattern, column):
            return _equal(name, ours)
    every = tuple(range_.name for range_ in market.ranges)
    if _ANSWERS.fullmatch(column):
        why = "An outcome: known only after the decision. A feature made from it is a leak."
        return FeatureVerdict(name, "never", None, every, why)
    if session := _session(column, market):
        return _session_verdict(name, session, market)
    if _WHOLE_DAY.fullmatch(column):
        why = "Known only when the day is over, so no decision of that day may see it."
        return FeatureVerdict(name, "never", None, every, why)
    return FeatureVerdict(
        name, "unknown", None, (), "Its name does not show how, or from which bars, it was made."
    )


def _equal(name: str, ours: str) -> FeatureVerdict:
    words = CATALOGUE.select([ours])[0].words
    return FeatureVerdict(name, "equal", ours, (), f"Orbcast computes it itself: {words}.")


def _at_clock(name: str, clock: str, market: Market) -> FeatureVerdict:
    """Judge a value taken at a clock time, such as ``rsi_at_0030``."""
    at = int(clock[:2]) % 24 * 60 + int(clock[2:]) % 60
    minute = _clock(time(at // 60, at % 60), market) % 1440
    before = tuple(range_.name for range_ in market.ranges if _end(range_, market) < minute)
    equal = "rsi14" if name.lower().startswith("rsi") else None
    if before:
        why = f"Taken at {clock[:2]}:{clock[2:]}; {', '.join(before)} are decided earlier."
        return FeatureVerdict(name, "late", equal, before, why)
    why = f"Taken at {clock[:2]}:{clock[2:]}, before any decision of the day."
    return FeatureVerdict(name, "equal" if equal else "unknown", equal, (), why)


def _range_verdict(name: str, clock: str, part: str, market: Market) -> FeatureVerdict:
    ranges = {range_.name: range_ for range_ in market.ranges}
    here = ranges.get(clock)
    every = tuple(ranges)
    if here is None:
        why = f"The market file has no opening range {clock}."
        return FeatureVerdict(name, "unknown", None, (), why)
    if _ANSWERS.fullmatch(part):
        why = (
            f"The result of the {clock} trade: an outcome to be predicted, never a feature. A "
            "later range may know it once it is settled, as Orbcast's previous_net_r does."
        )
        compared = part == "outcome"
        return FeatureVerdict(
            name, "compared" if compared else "never", "previous_net_r", every, why
        )
    if _AFTER_RANGE.match(part):
        why = (
            f"Known only after the {clock} range broke: an outcome, never a feature of its own "
            "range. For a later range Orbcast's previous_direction uses what is settled by then."
        )
        compared = part in {"break_dir", "break_direction"}
        return FeatureVerdict(
            name, "compared" if compared else "never", "previous_direction", every, why
        )
    before = tuple(
        range_.name for range_ in market.ranges if _end(range_, market) < _end(here, market)
    )
    equal = "range_size_basis_points" if part in {"size", "range", "height"} else None
    compared = part in {"high", "low"}
    late = f" Ranges before it ({', '.join(before)}) must not see it." if before else ""
    why = f"Known when the {clock} range has closed.{late}"
    use: Use = "compared" if compared else "equal" if equal and not before else "late"
    return FeatureVerdict(name, use, equal, before, why)


def _session_verdict(name: str, session: Session, market: Market) -> FeatureVerdict:
    end = 0 if session.before else _clock(session.end, market)
    before = tuple(range_.name for range_ in market.ranges if _end(range_, market) < end)
    equal = "session1_sweep" if re.search(r"type|code|sweep", name.lower()) else "session1_range"
    if before:
        why = (
            f"The {session.name} session ends at {session.end:%H:%M}; decisions of "
            f"{', '.join(before)} come earlier and would see the future."
        )
        return FeatureVerdict(name, "late", equal, before, why)
    why = f"The {session.name} session is over before any decision of the day."
    return FeatureVerdict(name, "equal", equal, (), why)


def _session(column: str, market: Market) -> Session | None:
    """Find the session that a column's name contains, trying the longest session name first."""
    sessions = {session.name: session for session in market.sessions}
    for theirs in sorted({*_SESSION_NAMES, *sessions}, key=len, reverse=True):
        if column.startswith(f"{theirs}_") and _PARTS.fullmatch(column[len(theirs) + 1 :]):
            return sessions.get(_SESSION_NAMES.get(theirs, theirs))
    return None


def _clock(clock: time, market: Market) -> int:
    """Return a clock time in minutes after the day's start; the start itself is 1440.

    Sessions with a zone of their own are read in the market's zone: the order within the day is
    the same, and only the order matters here.
    """
    start = market.day_start
    after = (clock.hour - start.hour) * 60 + clock.minute - start.minute
    return after % 1440 or 1440


def _end(spec: RangeSpec, market: Market) -> int:
    """Return the time of a range's decision, in minutes after the day's start."""
    return _clock(spec.start, market) % 1440 + spec.minutes
