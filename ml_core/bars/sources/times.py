"""Converts times of a source to UTC open times; ambiguous ones are set aside, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.arrow_values import MINUTE_US
from ml_core.bars.contract import SourceError
from ml_core.bars.sources.time_text import (
    WrittenTimes,
    formats_of,
    is_half_clock,
    parse_format,
    parse_year_first,
)
from ml_core.market.market import is_zone

Stamp = Literal["open", "close"]
"""The end of its minute that a bar is stamped with."""

EPOCH_UNITS_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
"""Microseconds in one unit of an epoch."""

# 1980 to 2100: the ranges of the four units, and of dates written as one number, do not overlap
EPOCH_SECONDS = (315_532_800, 4_102_444_800)
_UTC_WORDS = {"utc", "gmt"}
_LETTERS = re.compile(r"\d\s+([A-Z]{3,4})$")
"""A zone's abbreviation at the end of a time; CST exists in Chicago and in Shanghai."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReading:
    """The settings for reading the times of a source.

    Attributes
    ----------
    zone
        Zone of times that carry none, as given by the caller.
    assumed_zone
        The same if the caller gave none: from the layout or the column's name.
    time_format
        strptime format of written times; None reads times that begin with the year, and epochs.
    stamp
        ``close`` if the source stamps the end of a bar, a minute after its open time.
    """

    zone: str | None = None
    assumed_zone: str | None = None
    time_format: str | None = None
    stamp: Stamp = "open"

    @property
    def shift_us(self) -> int:
        """Microseconds from a bar's open time to its stamp."""
        return MINUTE_US if self.stamp == "close" else 0

    def local_zone(self) -> str | None:
        """Return the zone of times that carry none."""
        return self.zone or self.assumed_zone


@dataclass(frozen=True, slots=True)
class Times:
    """Open times and faults of rows.

    Attributes
    ----------
    ts
        timestamp[us, UTC]; null if there is a fault.
    fault
        ``not_a_time``, ``no_such_local_time`` (skipped by daylight saving),
        ``two_such_local_times`` (repeated by it), or null.
    local_zone
        Zone that was applied to times without one; None if they carry their own.
    """

    ts: pa.Array
    fault: pa.Array
    local_zone: str | None


def zone_in_name(column: str) -> str | None:
    """Return UTC if a column's name contains it.

    >>> zone_in_name("ts_utc"), zone_in_name("Gmt time"), zone_in_name("ts")
    ('UTC', 'UTC', None)
    """
    return "UTC" if _UTC_WORDS & set(re.split(r"[^a-z]+", column.lower())) else None


def read_times(column: pa.ChunkedArray, reading: TimeReading, source: str) -> Times:
    """Read a column of times of any type.

    Parameters
    ----------
    column
        Timestamps, text, or numbers (epochs in seconds, milli-, micro- or nanoseconds).
    reading
        The settings for reading it.
    source
        Named in errors.

    Raises
    ------
    SourceError
        Times have no zone and none is given; an option cannot be used; a column mixes times of
        different kinds, has ambiguous dates, or has another type.
    """
    _check_zone(reading.zone, source)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_timestamp(kind):
        _refuse_format(reading, source, f"a column of type {kind}")
        values = column.to_numpy().astype("datetime64[us]")
        if kind.tz is None:
            return _local(values, np.isnat(values), reading, source, f"a column of type {kind}")
        return _own_zone(values, np.isnat(values), reading, source, f"a column of type {kind}")
    if is_number(kind):
        if reading.time_format is None:
            return _epochs(column, reading, source)
        column = column.cast(pa.int64(), safe=False).cast(pa.string())
    elif not is_text(kind):
        fault = f"has times in a column of type {kind}, which is not a date with a time of day"
        raise SourceError(source, fault, "map another column with --column ts=...")
    return _text(column.cast(pa.string()), reading, source)


def is_number(kind: pa.DataType) -> bool:
    """Return whether values of an Arrow type can be epochs.

    A 16-bit or 32-bit float cannot represent whole minutes.
    """
    return bool(
        pa.types.is_integer(kind) or pa.types.is_float64(kind) or pa.types.is_decimal(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is text."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _check_zone(zone: str | None, source: str) -> None:
    """Refuse a zone that does not exist."""
    if zone is not None and not is_zone(zone):
        raise SourceError(source, f"no zone named {zone!r}", "use an IANA name such as UTC")


def epoch_unit(values: NDArray[np.float64], source: str) -> str:
    """Return the unit of epochs, from the size of most of them.

    Raises
    ------
    SourceError
        They are not epochs between 1980 and 2100.
    """
    finite = values[np.isfinite(values)]
    middle = float(np.sort(finite)[len(finite) // 2]) if len(finite) else float("nan")
    for unit in EPOCH_UNITS_US:
        low, high = epoch_range(unit)
        if low <= middle <= high:
            return unit
    fault = f"has times such as {middle:.0f}, taken for a number of seconds, milli-, micro- or "
    fault += "nanoseconds since 1970, and in none of them a moment between 1980 and 2100"
    remedy = "describe them with --time-format (such as %Y%m%d%H%M%S)"
    raise SourceError(source, fault, remedy)


def epoch_range(unit: str) -> tuple[int, int]:
    """Return the smallest and the largest epoch accepted in a unit."""
    factor = round(EPOCH_UNITS_US["s"] / EPOCH_UNITS_US[unit])
    return EPOCH_SECONDS[0] * factor, EPOCH_SECONDS[1] * factor


def _epochs(column: pa.ChunkedArray, reading: TimeReading, source: str) -> Times:
    values = column.cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).any():
        return _times(np.full(len(values), "NaT", "datetime64[us]"), reading, None)
    unit = epoch_unit(values, source)
    low, high = epoch_range(unit)
    with np.errstate(invalid="ignore"):
        good = (values >= low) & (values <= high)
    if pa.types.is_integer(column.type):
        whole = column.fill_null(0).to_numpy().astype(np.int64)  # a double cannot hold all of them
        factor = EPOCH_UNITS_US[unit]
        counted = whole * int(factor) if factor >= 1 else whole // round(1 / factor)
    else:
        counted = np.rint(np.where(good, values, 0) * EPOCH_UNITS_US[unit]).astype(np.int64)
    moments = np.where(good, counted, 0).astype("datetime64[us]")
    moments[~good] = np.datetime64("NaT")
    return _own_zone(moments, ~good, reading, source, "an epoch")


def _text(column: pa.ChunkedArray, reading: TimeReading, source: str) -> Times:
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.equal(text, ""), None, text)
    if reading.time_format is not None:
        written = parse_format(text, reading.time_format, source)
        numbers = np.zeros(len(text), bool)
    else:
        written = parse_year_first(text, source)
        numbers = np.zeros(len(text), bool)
        if not written.good.all():
            digits = pc.match_substring_regex(
                text, r"^\d{9,10}(\.\d+)?$|^\d{12,13}(\.\d+)?$|^\d{15,19}$"
            )
            numbers = digits.fill_null(fill_value=False).to_numpy() & ~written.good
    if not (written.good.any() or numbers.any()):
        return _none_read(text, reading, source)
    for kind, rows in (("an epoch", numbers), ("a time with a zone", written.zoned)):
        _refuse_mixture(text, kind, rows, written.good | numbers, source)
    if numbers.any():
        kept = pc.if_else(pa.array(numbers), text, None)
        exact = not pc.any(pc.match_substring(kept, ".")).as_py()
        return _epochs(kept.cast(pa.int64() if exact else pa.float64()), reading, source)
    first = f"{text[int(np.flatnonzero(written.good)[0])].as_py()!r:.60}"
    if written.zoned.any():
        if reading.zone is not None:
            raise _own_zone_error(source, first)
        return _times(written.moments, reading, None, written)
    return _local(written.moments, ~written.good, reading, source, first)


def _none_read(text: pa.ChunkedArray, reading: TimeReading, source: str) -> Times:
    """Refuse a column without any readable value; a column without values is set aside."""
    present = np.flatnonzero(text.is_valid().to_numpy())
    if not len(present):
        return _times(np.full(len(text), "NaT", "datetime64[us]"), reading, None)
    row = int(present[0]) + 1
    value = text[row - 1].as_py()
    if reading.time_format is not None:
        fault = f"row {row}: {value!r:.60} is not a time of the format {reading.time_format!r}"
        raise SourceError(source, fault, "describe it with --time-format")
    if formats := formats_of(value):
        fault = f"row {row}: {value!r:.60} is a date whose day and month may be read two ways"
        remedy = "give --time-format, such as " + " or ".join(f"{name!r}" for name in formats)
        raise SourceError(source, fault, remedy)
    if letters := _LETTERS.search(value):
        fault = f"row {row}: {value!r:.60} ends with {letters[1]}, which names no zone for sure"
        remedy = "write the times with an offset, in UTC, or without these letters and give --zone"
        raise SourceError(source, fault, remedy)
    fault = f"row {row}: {value!r:.60} was taken for a time and cannot be read as one"
    remedy = "describe it with --time-format, or map another column with --column ts=..."
    raise SourceError(source, fault, remedy)


def _refuse_mixture(
    text: pa.ChunkedArray,
    kind: str,
    rows: NDArray[np.bool_],
    good: NDArray[np.bool_],
    source: str,
) -> None:
    """Refuse a column in which only some times are of a kind."""
    if not rows.any() or not (good & ~rows).any():
        return
    row = int(np.flatnonzero(good & ~rows)[0]) + 1
    fault = "mixes times with and without a zone"
    if kind == "an epoch":
        fault = "mixes epochs and written times"
    place = f"(row {row}: {text[row - 1].as_py()!r:.60})"
    raise SourceError(source, f"{fault} {place}", "write them all the same way")


def _refuse_format(reading: TimeReading, source: str, what: str) -> None:
    if reading.time_format is not None:
        fault = f"has times in {what}, which --time-format cannot describe"
        raise SourceError(source, fault, "leave --time-format out")


def _own_zone_error(source: str, what: str) -> SourceError:
    fault = f"has times that carry their own zone ({what}), which --zone cannot change"
    return SourceError(source, fault, "leave --zone out")


def _own_zone(
    moments: NDArray[np.datetime64],
    bad: NDArray[np.bool_],
    reading: TimeReading,
    source: str,
    what: str,
) -> Times:
    if reading.zone is not None and not bad.all():
        raise _own_zone_error(source, what)
    return _times(_within_reach(moments), reading, None)


def _local(
    moments: NDArray[np.datetime64],
    bad: NDArray[np.bool_],
    reading: TimeReading,
    source: str,
    what: str,
) -> Times:
    zone = reading.local_zone()
    if bad.all():
        return _times(moments, reading, zone)
    if zone is None:
        fault = f"has times without a zone ({what})"
        raise SourceError(source, fault, "give --zone (UTC, America/New_York ...)")
    if is_half_clock(moments):
        fault = "has times that go from 12:59 back to 01:00 within a day and never beyond 12:59, "
        fault += "as on a clock of 12 hours whose AM and PM are missing"
        raise SourceError(source, fault, "export times of 24 hours, or with AM and PM")
    written = WrittenTimes.local(_within_reach(moments), zone)
    return _times(written.moments, reading, zone, written)


def _within_reach(moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Replace moments outside Python's calendar (such as infinity) by NaT."""
    first, stop = np.datetime64("0001-01-02", "us"), np.datetime64("9999-01-01", "us")
    reachable = (moments >= first) & (moments < stop)
    return np.where(reachable, moments, np.datetime64("NaT", "us"))


def _times(
    moments: NDArray[np.datetime64],
    reading: TimeReading,
    zone: str | None,
    written: WrittenTimes | None = None,
) -> Times:
    none = np.isnat(moments)
    opened = moments - np.timedelta64(reading.shift_us, "us")
    ts = pa.array(opened.astype("datetime64[us]"), pa.timestamp("us", tz="UTC"), mask=none)
    return Times(ts, _faults(none, written), zone)


def _faults(none: NDArray[np.bool_], written: WrittenTimes | None) -> pa.Array:
    """Return why rows have no time; null for rows that have one."""
    if not none.any() and (written is None or not (written.repeated | written.skipped).any()):
        return pa.nulls(len(none), pa.string())
    faults = np.full(len(none), None, dtype=object)
    faults[none] = "not_a_time"
    if written is not None:
        faults[written.repeated] = "two_such_local_times"
        faults[written.skipped] = "no_such_local_time"
    return pa.array(faults, pa.string())
