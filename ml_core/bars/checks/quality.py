"""Quality of a batch: bad rows are quarantined with a reason, unusual ones kept and reported."""

from __future__ import annotations

from datetime import datetime
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.bars.arrow_values import MINUTE_US, codes_of, distinct, microseconds_of
from ml_core.bars.checks.bad_rows import (
    FROM_THE_FUTURE,
    MOST_EXAMPLES,
    NOT_POSITIVE,
    STILL_RUNNING,
)
from ml_core.bars.checks.checked import Checked, Finding
from ml_core.bars.checks.step import refuse_other_step
from ml_core.bars.contract import PRICES, RawBatch
from ml_core.market.calendar_days import market_dates_around
from ml_core.market.exchange import TradeDates
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute


def check(batch: RawBatch, market: Market, now: datetime) -> Checked:
    """Check every row of a batch, and the batch as a whole.

    Parameters
    ----------
    batch
        The batch as read from its source.
    market
        The market with its tick, calendar and limits.
    now
        The time, aware; bars that have not closed by then are set aside.

    Raises
    ------
    StepError
        The rows are not a minute apart.
    """
    table = batch.table
    contract, timed = codes_of(table["contract"])[1], table["ts"].is_valid().to_numpy()
    refuse_other_step(batch.name, microseconds_of(table)[timed], contract[timed])
    reason = row_faults(table, market, now)
    order, reason, duplicates = _repeats(table, contract, reason)
    bad = np.flatnonzero(reason != "")
    names, counts = np.unique(reason[bad], return_counts=True)
    good = table.take(order)
    return Checked(
        good=good,
        quarantined=table.take(bad).append_column("reason", pa.array(reason[bad].tolist())),
        reasons={str(name): int(count) for name, count in zip(names, counts, strict=True)},
        duplicates=duplicates,
        findings=_findings(table, good, market),
    )


def row_faults(table: pa.Table, market: Market, now: datetime) -> NDArray[np.object_]:
    """Return the first reason that applies to each row of ``RAW_SCHEMA``; '' if none does."""
    price = {name: table[name].to_numpy() for name in PRICES}
    columns = tuple(price.values())
    volume = table["volume"].to_numpy()
    stamp = microseconds_of(table)
    has_time = stamp != np.iinfo(np.int64).min
    closes_by = (to_minute(now) - 1) * MINUTE_US
    with np.errstate(invalid="ignore"):
        # column by column: NumPy is slow along rows of four
        top: NDArray[np.float64] = reduce(np.maximum, columns)
        bottom: NDArray[np.float64] = reduce(np.minimum, columns)
        not_positive = np.less_equal(bottom, 0)
        not_positive &= not market.instrument.allow_nonpositive_prices
        no_price = np.logical_not(np.isfinite(top) & np.isfinite(bottom))
        in_range = market.instrument.holds_price(top) & market.instrument.holds_price(bottom)
        on_tick = reduce(np.logical_and, map(market.instrument.is_on_tick, columns))
        faults: list[tuple[str, NDArray[np.bool_]]] = [
            ("no_contract", table["contract"].is_null().to_numpy()),
            ("no_time", ~has_time),
            ("not_on_a_minute", stamp % MINUTE_US != 0),
            ("before_1970", stamp < 0),
            (FROM_THE_FUTURE, stamp > closes_by + MINUTE_US),
            (STILL_RUNNING, stamp > closes_by),
            ("not_a_price", no_price),
            (NOT_POSITIVE, not_positive),
            ("no_volume", ~np.isfinite(volume)),
            ("negative_volume", volume < 0),
            ("volume_not_in_steps", ~market.instrument.is_on_volume_step(volume)),
            ("ohlc_inconsistent", (price["high"] < top) | (price["low"] > bottom)),
            ("off_tick", np.logical_not(on_tick)),
            ("price_out_of_range", np.logical_not(in_range)),
        ]
    own: NDArray[np.object_] = table["fault"].fill_null("").to_numpy()
    reason, is_silent = own.copy(), own == ""
    for name, wrong in reversed(faults):
        reason[wrong & is_silent] = name
    return reason


def _repeats(
    table: pa.Table, contract: NDArray[np.int64], reason: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.object_], int]:
    """Order valid rows by time and contract, each key once; mark contradictory rows."""
    sound = np.flatnonzero(reason == "")
    stamp = microseconds_of(table)[sound]
    contract = contract[sound]
    rank = np.lexsort((sound, contract, stamp))  # the first row in the source wins
    rows, stamp, contract = sound[rank], stamp[rank], contract[rank]
    if not len(rows):
        return rows, reason, 0
    again = np.zeros(len(rows), bool)
    again[1:] = (np.diff(stamp) == 0) & (np.diff(contract) == 0)
    if not again.any():
        return rows, reason, 0
    values = np.column_stack([table[name].to_numpy() for name in (*PRICES, "volume")])
    leader = np.maximum.accumulate(np.where(again, 0, np.arange(len(rows))))
    same = (values[rows] == values[rows[leader]]).all(axis=1)
    reason[rows[again & ~same]] = "contradicts_an_earlier_row"
    return rows[~again], reason, int((again & same).sum())


def _findings(table: pa.Table, good: pa.Table, market: Market) -> tuple[Finding, ...]:
    if not len(good):
        return ()
    minute = microseconds_of(good) // MINUTE_US
    hours = market_dates_around(market, int(minute[0]), int(minute[-1]))
    backwards = np.diff(microseconds_of(table)) < 0
    findings = [
        _finding("out_of_order", np.flatnonzero(backwards) + 2, "row {}"),
        _off_session(minute, hours),
        _gaps(minute, hours, market.quality.gap_minutes),
        *_by_contract(good, minute, market),
    ]
    return tuple(finding for finding in findings if finding.count)


def _finding(
    check: str, places: NDArray[np.int64] | NDArray[np.datetime64], words: str
) -> Finding:
    return Finding(
        check, len(places), tuple(words.format(index) for index in places[:MOST_EXAMPLES])
    )


def _moment(minute: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return minute.astype("datetime64[m]")


def _off_session(minute: NDArray[np.int64], hours: TradeDates) -> Finding:
    outside = ~hours.is_open(minute)
    return _finding("off_session", np.unique(_moment(minute[outside])), "{} UTC")


def _gaps(minute: NDArray[np.int64], hours: TradeDates, limit: int) -> Finding:
    """Find periods without bars within the exchange's hours, between the first and last bar."""
    seen = distinct(minute)
    # the edges of the hours count as bars, so that a gap never includes closed time
    starts, stops = hours.edges
    edges = np.concatenate([starts - 1, stops])
    within = edges[(edges >= seen[0]) & (edges <= seen[-1])]
    marks = distinct(np.sort(np.concatenate([seen, within]), kind="stable"))
    start, length = marks[:-1], np.diff(marks) - 1
    open_then = hours.is_open(start + 1)
    return _finding("gap", _moment(start[(length >= limit) & open_then] + 1), "from {} UTC")


def _by_contract(good: pa.Table, minute: NDArray[np.int64], market: Market) -> list[Finding]:
    names, contract = codes_of(good["contract"])
    order = np.lexsort((minute, contract))
    code, when = contract[order], minute[order]
    columns = [good[name].to_numpy()[order] for name in PRICES]
    next_minute = (np.diff(code) == 0) & (np.diff(when) == 1)
    # all prices of a bar: a spike may be only in its high or low
    before = columns[-1][:-1]
    change = reduce(np.maximum, (np.abs(values[1:] - before) for values in columns))
    ticks = change / float(market.instrument.tick_size)
    jumps = np.flatnonzero(next_minute & (ticks >= market.quality.spike_ticks)) + 1
    same = reduce(np.logical_and, (np.diff(values) == 0 for values in columns), next_minute)
    # a run is stale once it reaches the limit: count where each run reaches it
    streak = _run_lengths(same)
    stale = np.flatnonzero(streak == market.quality.stale_minutes - 1) + 1

    def named(check: str, rows: NDArray[np.int64]) -> Finding:
        words = tuple(
            f"{names[code[row]]} {_moment(when[row])} UTC" for row in rows[:MOST_EXAMPLES]
        )
        return Finding(check, len(rows), words)

    return [named("spike", jumps), named("stale", stale)]


def _run_lengths(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, for each position, the length of the run of true flags that ends there."""
    count = np.cumsum(flags)
    return count - np.maximum.accumulate(np.where(flags, 0, count))
