"""The comparison: one query per window, the way hobby systems build their samples.

For every opening range there is one SQL query for the window, one for the day so far, one for each
of the previous sessions, one for the daily history and one for the scan after it. The table is
indexed by DuckDB's own zone maps, and everything else is done in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ml_core.bars.continuous import Tape
    from ml_core.market.market import Market

_SUMMARY = (
    "SELECT max(high), min(low), first(open ORDER BY minute), last(close ORDER BY minute), "
    "sum(volume), count(*), sum((high + low + close) / 3 * volume) / sum(volume), "
    "stddev(close) FROM bars WHERE minute >= ? AND minute < ?"
)


def load(tape: Tape) -> duckdb.DuckDBPyConnection:
    """Put the continuous bars into an in-memory DuckDB table."""
    frame = pd.DataFrame(
        {
            name: getattr(tape, name)
            for name in ("minute", "open", "high", "low", "close", "volume")
        }
    )
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.register("frame", frame)
    connection.execute("CREATE TABLE bars AS SELECT * FROM frame ORDER BY minute")
    return connection


def build(
    connection: duckdb.DuckDBPyConnection, tape: Tape, market: Market, days: np.ndarray
) -> int:
    """Build samples of these schedule rows with a query for each window; return their number."""
    schedule = tape.schedule
    built = 0
    for day in days.tolist():
        for spec in range(len(market.ranges)):
            start, t0 = int(schedule.range_start[day, spec]), int(schedule.range_end[day, spec])
            window = connection.execute(_SUMMARY, [start, t0]).fetchone()
            if window is None or not window[5]:
                continue
            spans = [(int(schedule.day_start[day]), t0)]
            spans += [(t0 - minutes, t0) for minutes in (15, 30, 60, 240, 1440)]
            spans += [
                (
                    int(schedule.session_start[back, session]),
                    int(schedule.session_end[back, session]),
                )
                for back in (day - 1, day)
                for session in range(len(market.sessions))
                if int(schedule.session_end[back, session]) <= t0
            ]
            spans += [
                (int(schedule.day_start[day - back]), int(schedule.day_end[day - back]))
                for back in range(1, 22)
            ]
            for span in spans:
                connection.execute(_SUMMARY, list(span)).fetchone()
            after = connection.execute(
                "SELECT minute, high, low, close FROM bars WHERE minute >= ? AND minute < ? "
                "ORDER BY minute",
                [t0, int(schedule.session_scan_end[day, spec])],
            ).fetchdf()
            high, low = window[0], window[1]
            outside = after[(after["close"] > high) | (after["close"] < low)]
            if len(outside):
                entry = float(outside.iloc[0]["close"])
                later = after[after["minute"] > outside.iloc[0]["minute"]]
                risk = entry - low if entry > high else high - entry
                for bar in later.itertuples():
                    if abs(bar.high - entry) >= risk or abs(bar.low - entry) >= risk:
                        break
            built += 1
    return built
