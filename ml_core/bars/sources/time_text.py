"""Times as people write them: year first, with or without a zone, or in a given format."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.contract import SourceError
from ml_core.market.market import is_zone
from ml_core.on_demand import library

pd = library("pandas")

_TAIL = (
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>[Zz]|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|UTC|GMT"
    r"|[A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)?$"
)
_SECOND = r"(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?"
_SEPARATED = (
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"(?:(?:[T_]|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::" + _SECOND + r")?)?" + _TAIL
)
_COMPACT = (
    r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:(?:[T_]|\s*)(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?" + _SECOND + r")?)?" + _TAIL
)
_DAY_OR_MONTH_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)")
_CLOCK_OF = re.compile(
    r"(?P<before>[ T,;]+)\d{1,2}(?P<sign>:?)\d{2}(?P<second>:\d{2}(?P<fraction>\.\d+)?)?"
    r"((?P<gap> *)(?P<half>[AaPp][Mm]))?(?P<word> ?(?:UTC|GMT))?(?P<offset> ?[+-]\d{2}:?\d{2})?"
)
_DIRECTIVE = re.compile(r"%(.)")
_MINUTES = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})?")
_TURN = np.timedelta64(30, "m")
_NOON = 12
_SIXTY = 60


@dataclass(frozen=True, slots=True)
class WrittenTimes:
    """The times in a column of text.

    Attributes
    ----------
    moments
        datetime64[us]: UTC if the times carry a zone, otherwise local clock time; NaT elsewhere.
    good, zoned
        Which values are times, and which of them carry a zone.
    skipped, repeated
        Which local times daylight saving skips, and which it repeats.
    """

    moments: NDArray[np.datetime64]
    good: NDArray[np.bool_]
    zoned: NDArray[np.bool_]
    skipped: NDArray[np.bool_]
    repeated: NDArray[np.bool_]

    @classmethod
    def local(cls, clock: NDArray[np.datetime64], zone: str) -> WrittenTimes:
        """Return the UTC moments of local times in a zone."""
        good = ~np.isnat(clock)
        if zone in {"UTC", "GMT", "Etc/UTC"}:
            none = np.zeros(len(clock), bool)
            return cls(clock, good, good, none, none)

        series = pd.Series(clock)
        once = series.dt.tz_localize(zone, nonexistent="NaT", ambiguous="NaT")
        lost = once.isna().to_numpy() & good
        twice = series.dt.tz_localize(zone, nonexistent="NaT", ambiguous=True)
        skipped = twice.isna().to_numpy() & lost
        repeated = lost & ~skipped
        first, second = _passes(clock, repeated)
        if first.any():
            decided = series.dt.tz_localize(zone, nonexistent="NaT", ambiguous=~second)
            once = decided.mask(repeated & ~(first | second))
            repeated &= ~(first | second)
        moments = (
            once.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        )
        return cls(moments, good, good, skipped, repeated)


def _passes(
    clock: NDArray[np.datetime64], repeated: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which times of a repeated hour are surely in its first pass, and in its second.

    The order of the rows decides, if rows around the hour show that they are in time order or its
    reverse, and the clock turns back exactly once, by at least ``_TURN``.
    """
    first, second = np.zeros(len(clock), bool), np.zeros(len(clock), bool)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], repeated, [False])).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        before, hour, after = clock[start - 1 : start], clock[start:end], clock[end : end + 1]
        # a neighbour without a time (NaT) compares as false
        rises = (before < hour[:1]).any() and (after > hour[-1:]).all()
        rises |= (after > hour[-1:]).any() and (before < hour[:1]).all()
        falls = (before > hour[:1]).any() and (after < hour[-1:]).all()
        falls |= (after < hour[-1:]).any() and (before > hour[:1]).all()
        if rises == falls:
            continue
        steps = np.diff(hour if rises else hour[::-1])
        turns = np.flatnonzero(steps < np.timedelta64(0, "us"))
        if len(turns) != 1 or steps[turns[0]] > -_TURN:
            continue
        passes = np.arange(len(hour)) > turns[0]
        second[start:end] = passes if rises else passes[::-1]
        first[start:end] = ~second[start:end]
    return first, second


def formats_of(text: str) -> tuple[str, ...]:
    """Return the formats of a date that begins with its day or its month; otherwise none.

    >>> formats_of("01/02/2024 14:30")
    ('%m/%d/%Y %H:%M', '%d/%m/%Y %H:%M')
    >>> formats_of("13.02.24 2:30:00 PM")
    ('%d.%m.%y %I:%M:%S %p',)
    >>> formats_of("13.02.2024 1430 UTC"), formats_of("13/02/2024 14:30:00.000 GMT+0100")
    (('%d.%m.%Y %H%M UTC',), ('%d/%m/%Y %H:%M:%S.%f GMT%z',))
    >>> formats_of("2024-01-02")
    ()
    """
    match = _DAY_OR_MONTH_FIRST.match(text)
    if match is None:
        return ()
    first, sign, second, year, rest = match.groups()
    time = _CLOCK_OF.fullmatch(rest)
    clock = " %H:%M" if rest else ""
    if time is not None:
        clock = f"{time['before']}{'%I' if time['half'] else '%H'}{time['sign']}%M"
        clock += ":%S" if time["second"] else ""
        clock += ".%f" if time["fraction"] else ""
        clock += f"{time['gap']}%p" if time["half"] else ""
        clock += time["word"] or ""
        clock += time["offset"][:-5].rstrip("+-") + "%z" if time["offset"] else ""
    century = "%Y" if len(year) > 2 else "%y"  # noqa: PLR2004 - digits
    orders = {"%m": int(first) <= _NOON, "%d": int(second) <= _NOON}
    return tuple(
        f"{one}{sign}{'%d' if one == '%m' else '%m'}{sign}{century}{clock}"
        for one, is_month in orders.items()
        if is_month
    )


def is_half_clock(clock: NDArray[np.datetime64]) -> bool:
    """Return whether local times are surely from a 12-hour clock without AM and PM.

    No hour is 0 or above 12, and within a day, in time order, 12 is followed by 1.
    """
    readable = clock[~np.isnat(clock)]
    if len(readable) and readable[0] > readable[-1]:
        readable = readable[::-1]
    day = readable.astype("datetime64[D]")
    hour = (readable - day) // np.timedelta64(1, "h")
    turns = (np.diff(day) == np.timedelta64(0, "D")) & (hour[:-1] == _NOON) & (hour[1:] == 1)
    return bool(turns.any() and ((hour >= 1) & (hour <= _NOON)).all())


def parse_year_first(text: pa.ChunkedArray, source: str) -> WrittenTimes:
    """Read times that begin with the year; others are not ``good``.

    Raises
    ------
    SourceError
        A time has a zone that does not exist.
    """
    if (uniform := _parse_uniform(text)) is not None:
        return uniform
    parts = pc.extract_regex(text, _SEPARATED)
    if parts.null_count:
        parts = pc.coalesce(parts, pc.extract_regex(text, _COMPACT))
    part = {name: pc.struct_field(parts, name) for name in _names(parts)}
    matched = parts.is_valid().to_numpy()
    number = {
        name: _numbers(part[name]) for name in ("year", "month", "day", "hour", "minute", "second")
    }
    fraction = _numbers(pc.utf8_slice_codeunits(pc.utf8_rpad(part["fraction"], 6, "0"), 0, 6))
    half = pc.utf8_slice_codeunits(pc.utf8_lower(part["half"]), 0, 1).to_numpy(
        zero_copy_only=False
    )
    hour, afternoon, forenoon = number["hour"], half == "p", half == "a"
    hour_good = np.where(afternoon | forenoon, (hour >= 1) & (hour <= _NOON), hour < 2 * _NOON)
    hour = np.where(afternoon | forenoon, hour % _NOON, hour) + np.where(afternoon, _NOON, 0)
    # a month below 1 or above 12 would end up in another year
    month = ((number["year"] - 1970) * 12 + number["month"] - 1).astype("datetime64[M]")
    day = month.astype("datetime64[D]") + (number["day"] - 1)
    good = matched & hour_good & (number["minute"] < _SIXTY) & (number["second"] < _SIXTY)
    good &= month.astype("datetime64[Y]").astype(np.int64) + 1970 == number["year"]
    good &= day.astype("datetime64[M]") == month  # no 31 June, no day 0
    seconds = hour * 3600 + number["minute"] * 60 + number["second"]
    clock = day.astype("datetime64[us]") + (seconds * 1_000_000 + fraction).astype(
        "timedelta64[us]"
    )
    clock[~good] = np.datetime64("NaT")
    return _with_zones(clock, good, part["zone"], source)


def _parse_uniform(text: pa.ChunkedArray) -> WrittenTimes | None:
    """Read a column of only ISO times, all with or all without an offset, much faster."""
    for zone in (None, "UTC"):
        try:
            moments = text.cast(pa.timestamp("us", zone)).to_numpy()
        except pa.ArrowInvalid:
            continue
        good, none = ~np.isnat(moments), np.zeros(len(moments), bool)
        return WrittenTimes(moments, good, none if zone is None else good, none, none)
    return None


def parse_format(text: pa.ChunkedArray, time_format: str, source: str) -> WrittenTimes:
    """Read times of a strptime format.

    Raises
    ------
    SourceError
        The format is invalid.
    """
    directives = set(_DIRECTIVE.findall(time_format))
    if ("p" in directives) != ("I" in directives):
        missing = "%p gives AM or PM for the hours of %I alone, and %I means nothing without it"
        raise SourceError(source, f"{time_format!r} has one of %I and %p", missing)
    if "Z" in directives:
        fault = f"{time_format!r} reads short names of zones (%Z), which name none for sure"
        raise SourceError(source, fault, "write the times with an offset (%z), or give --zone")
    zoned = "z" in directives
    series = pd.Series(text.to_pandas()).astype("object")
    try:
        parsed = pd.to_datetime(series, format=time_format, errors="coerce", utc=zoned)
    except ValueError as error:
        fault = f"{time_format!r} is not a time format ({error})"
        remedy = "write --time-format such as '%d.%m.%Y %H:%M'"
        raise SourceError(source, fault, remedy) from error
    good = parsed.notna().to_numpy()
    if zoned:
        parsed = parsed.dt.tz_localize(None)
    none = np.zeros(len(good), bool)
    moments = parsed.to_numpy().astype("datetime64[us]")
    return WrittenTimes(moments, good, good if zoned else none, none, none)


def _names(parts: pa.ChunkedArray) -> list[str]:
    return [parts.type.field(index).name for index in range(parts.type.num_fields)]


def _numbers(text: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return digits as numbers, 0 if there are none."""
    filled = pc.if_else(pc.equal(text, ""), "0", text).fill_null("0")
    numbers: NDArray[np.int64] = filled.cast(pa.int64()).to_numpy()
    return numbers


def _with_zones(
    clock: NDArray[np.datetime64],
    good: NDArray[np.bool_],
    zones: pa.ChunkedArray,
    source: str,
) -> WrittenTimes:
    """Convert times that carry a zone to UTC, and leave the others as local clock times."""
    named = zones.fill_null("").combine_chunks()
    codes = named.dictionary_encode()
    code = codes.indices.to_numpy()
    moments = clock.copy()
    zoned, skipped, repeated = (np.zeros(len(clock), bool) for _ in range(3))
    for number, zone in enumerate(codes.dictionary.to_pylist()):
        rows = np.flatnonzero((code == number) & good)
        if not zone or not len(rows):
            continue
        zoned[rows] = True
        minutes = _offset(zone)
        if minutes is not None:
            moments[rows] -= np.timedelta64(minutes, "m")
            continue
        if not is_zone(zone):
            fault = f"row {rows[0] + 1}: no zone named {zone!r}"
            raise SourceError(source, fault, "write times with an IANA zone, or an offset")
        local = WrittenTimes.local(clock[rows], zone)
        moments[rows] = local.moments
        skipped[rows], repeated[rows] = local.skipped, local.repeated
    return WrittenTimes(moments, good, zoned, skipped, repeated)


def _offset(zone: str) -> int | None:
    """Return the minutes that a zone is ahead of UTC; None for a named zone."""
    if zone in {"Z", "z", "UTC", "GMT"}:
        return 0
    match = _MINUTES.fullmatch(zone)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return -minutes if match[1] == "-" else minutes
