"""Local times of a source to UTC, with the ones that name no single moment set aside."""

from __future__ import annotations

from zoneinfo import available_timezones

import numpy as np
import pyarrow as pa

from ml_core.bars.contract import SourceError

_OFFSET = r":\d{2}(?:[.,]\d+)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)$"


def to_utc(
    text: pa.ChunkedArray, stamp: str | None, zone: str | None, source: str
) -> tuple[pa.Array, pa.Array]:
    """Give aware UTC times of text, and the fault of each that has none.

    Parameters
    ----------
    text
        Shape (n,), times as written.
    stamp
        strptime format; None reads ISO times, with or without an offset.
    zone
        Zone of times without an offset; None if nobody says.
    source
        Named in errors.

    Returns
    -------
    tuple
        timestamp[us, UTC] with nulls, and text: ``not_a_time``, ``no_such_local_time`` (skipped
        by daylight saving), ``two_such_local_times`` (repeated by it), or null.

    Raises
    ------
    SourceError
        Times without a zone that nobody names, times with and without an offset in one file, or
        an unknown zone.
    """
    import pandas as pd  # noqa: PLC0415 - only where text is read

    if zone is not None and zone not in available_timezones():
        raise SourceError(source, f"no zone named {zone!r}", "use an IANA name such as UTC")
    series = pd.Series(text.to_pandas()).astype("str")
    offset = series.str.contains(_OFFSET, regex=True).fillna(value=False).astype(bool)
    if stamp is None and offset.any():
        # what is no time at all is a fault of its row; a time on another clock, of the file
        bare = series.where(~offset)
        clockless = pd.to_datetime(bare, errors="coerce", format="ISO8601").notna().to_numpy()
        if clockless.any():
            row = int(np.flatnonzero(clockless)[0]) + 1
            fault = (
                f"mixes times with and without a zone (row {row}: {series.iloc[row - 1]!r:.60})"
            )
            raise SourceError(source, fault, "write them all the same way")
        moments = pd.to_datetime(series, utc=True, errors="coerce", format="ISO8601")
        return _arrow(moments, moments.isna().to_numpy(), np.zeros(len(series), bool), None)
    if zone is None:
        remedy = "say --zone (UTC, America/New_York ...)"
        raise SourceError(source, "has times without a zone", remedy)
    naive = pd.to_datetime(series, errors="coerce", format=stamp or "ISO8601")
    bad = naive.isna().to_numpy()
    once = naive.dt.tz_localize(zone, nonexistent="NaT", ambiguous="NaT")
    lost = once.isna().to_numpy() & ~bad
    skipped = (
        naive.dt.tz_localize(zone, nonexistent="NaT", ambiguous=True).isna().to_numpy() & lost
    )
    return _arrow(once.dt.tz_convert("UTC"), bad, lost, skipped)


def _arrow(
    moments: object, bad: np.ndarray, lost: np.ndarray, skipped: np.ndarray | None
) -> tuple[pa.Array, pa.Array]:
    faults = np.full(len(bad), None, dtype=object)
    faults[bad] = "not_a_time"
    if skipped is not None:
        faults[lost] = "two_such_local_times"
        faults[skipped] = "no_such_local_time"
    stamps = pa.Array.from_pandas(moments, type=pa.timestamp("us", tz="UTC"))
    return stamps, pa.array(faults, pa.string())
