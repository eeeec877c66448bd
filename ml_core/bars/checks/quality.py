"""Quality of a batch: bad rows are set aside with a reason, odd ones are kept and reported."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.arrow_values import MINUTE_US, codes_of, distinct
from ml_core.bars.checks.step import refuse_other_step
from ml_core.bars.contract import PRICES, RawBatch
from ml_core.errors import InputError
from ml_core.market.calendar_days import market_dates_around
from ml_core.market.exchange import TradeDates
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute

NOT_POSITIVE = "price_not_positive"
NOT_POSITIVE_REMEDY = (
    "A price of zero or below is a fault, or was adjusted for rolls, which loses the prices as "
    "traded: bring each contract's own bars. Where a market did trade there, as CL in April 2020, "
    "say so in its file (instrument.allow_nonpositive_prices = true) and ingest again"
)
FROM_THE_FUTURE = "from_the_future"
"""Why a bar whose minute has not begun is set aside; it may have closed by the next reading."""

STILL_RUNNING = "still_running"
"""Why the row of the running minute is set aside: it is no fault of a source that has one."""

AWAITED = (FROM_THE_FUTURE, STILL_RUNNING)
"""What later readings may find closed."""

REPEATED_HOUR = "two_such_local_times"
"""Why a bar of the hour that daylight saving repeats is set aside, where nothing tells which."""

_MOST_DECIMALS = 8
_EXAMPLES = 3
_ENOUGH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd that is no fault of a single row; the bars are kept.

    Attributes
    ----------
    check
        ``out_of_order``, ``off_session``, ``gap``, ``stale`` or ``spike``.
    count
        How often.
    examples
        The first few, in words.
    """

    check: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch after its checks.

    Attributes
    ----------
    good
        Rows of the raw table that are sound, in order of time and contract, each key once.
    quarantined
        The bad rows, with a ``reason`` column.
    reasons
        How many rows each reason set aside.
    duplicates
        Rows that repeated an earlier one to the letter, and are dropped.
    findings
        What was odd.
    """

    good: pa.Table
    quarantined: pa.Table
    reasons: dict[str, int]
    duplicates: int
    findings: tuple[Finding, ...]


class BatchRefusedError(InputError):
    """A batch with so many bad rows that none of it is taken."""

    name: str
    rows: int
    reasons: dict[str, int]
    lines: tuple[str, ...]
    limit: float
    volume_step: str = "0.001"
    template = (
        "{name} is refused whole: {_bad:,} of {rows:,} rows are bad ({_counts}); first: {lines:; "
        "}. {_remedy}"
    )

    @property
    def _bad(self) -> int:
        return sum(self.reasons.values())

    @property
    def _counts(self) -> str:
        return ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())

    @property
    def _remedy(self) -> str:
        if "volume_not_in_steps" in self.reasons:
            return (
                "Where lots are divided, say the smallest volume in the market file "
                f'(instrument.volume_step = "{self.volume_step}")'
            )
        if max(self.reasons, key=lambda reason: self.reasons[reason]) == REPEATED_HOUR:
            return (
                "The hour that daylight saving repeats is told apart where rows are in the order "
                "of time and both of its passes are there: write the times in UTC or with an "
                "offset"
            )
        if "contradicts_an_earlier_row" in self.reasons:
            return "Bars of several contracts need their column: --column contract=..."
        if NOT_POSITIVE in self.reasons:
            return NOT_POSITIVE_REMEDY
        if self._bad == self.rows:
            return "Not a row can be used: mend the source, or say how it is to be read"
        return (
            f"Mend the source, or raise quality.max_bad_share (now {self.limit:g}) in the market "
            "file if this is expected"
        )


def check(batch: RawBatch, market: Market, now: datetime) -> Checked:
    """Check every row of a batch, and the batch as a whole.

    Parameters
    ----------
    batch
        As its source gave it.
    market
        Its tick, calendar and limits.
    now
        Aware time; a bar that has not closed by then is set aside.

    Raises
    ------
    StepError
        The rows are not a minute apart.
    """
    table = batch.table
    contract, timed = codes_of(table["contract"])[1], table["ts"].is_valid().to_numpy()
    refuse_other_step(batch.name, _microseconds(table)[timed], contract[timed])
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


@dataclass(slots=True)
class BadRows:
    """The bad rows of a source, counted over all of its batches.

    Attributes
    ----------
    name
        What to call the source.
    limit
        Share of bad rows above which it is refused; a single one refuses no more than two rows.
    """

    name: str
    limit: float
    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    volume_decimals: int = 1

    @property
    def too_many(self) -> bool:
        """Whether the rows counted so far are to be refused."""
        running = self.reasons[STILL_RUNNING]
        bad, rows = self.reasons.total() - running, self.rows - running
        return bad > self.limit * rows and (bad > 1 or 2 * bad >= rows)

    @property
    def hopeless(self) -> bool:
        """Whether so many rows are bad that those to come will hardly change it."""
        return self.rows > _ENOUGH_ROWS and 2 * self.reasons.total() > self.rows

    def count_again(self, rows: int, reasons: dict[str, int]) -> None:
        """Count the rows of a batch that was taken in before."""
        self.rows += rows
        self.reasons.update(reasons)

    def count(self, table: pa.Table, checked: Checked) -> None:
        """Count a batch's rows."""
        self.count_again(len(table), checked.reasons)
        first = checked.quarantined.slice(0, _EXAMPLES - len(self.lines))
        lines = first["source_line"].to_pylist(), first["reason"].to_pylist()
        for row, (line, reason) in enumerate(zip(*lines, strict=True)):
            self.lines.append(f"row {line}: {reason}{_values_of(first.slice(row, 1), reason)}")
        if "volume_not_in_steps" in checked.reasons:
            parts = checked.quarantined.filter(
                pc.equal(checked.quarantined["reason"], "volume_not_in_steps")
            )
            needed = _decimals_of(parts["volume"].to_numpy())
            self.volume_decimals = max(self.volume_decimals, needed)

    def refusal(self) -> BatchRefusedError:
        """Return the error that names the counts and the first bad rows."""
        step = f"{10.0**-self.volume_decimals:.{self.volume_decimals}f}"
        return BatchRefusedError(
            self.name, self.rows, dict(self.reasons), tuple(self.lines), self.limit, step
        )


def _decimals_of(values: NDArray[np.float64]) -> int:
    """Return how many decimals numbers have, ``_MOST_DECIMALS`` at most."""
    finite = values[np.isfinite(values)]
    for decimals in range(1, _MOST_DECIMALS):
        if np.allclose(np.round(finite, decimals), finite, rtol=1e-12, atol=1e-12):
            return decimals
    return _MOST_DECIMALS


_OF_VOLUME = {"no_volume", "negative_volume", "volume_not_in_steps"}
_OF_PRICES = {NOT_POSITIVE, "not_a_price", "ohlc_inconsistent", "off_tick", "price_out_of_range"}
_OF_TIME = {"not_on_a_minute", "before_1970", FROM_THE_FUTURE, "contradicts_an_earlier_row"}


def _values_of(row: pa.Table, reason: str) -> str:
    """Return the values of a bad row, columns of ``RAW_SCHEMA``, that its reason is about."""
    names: tuple[str, ...] = ()
    if reason in _OF_VOLUME:
        names = ("volume",)
    if reason in _OF_PRICES:
        names = PRICES
    values = [f"{name} {row[name][0].as_py():.10g}" for name in names if row[name][0].is_valid]
    if reason in _OF_TIME:
        stamp = str(_microseconds(row).astype("datetime64[us]").astype("datetime64[ms]")[0])
        values = [f"{stamp.replace('T', ' ').removesuffix('.000')} UTC"]
    return f" ({', '.join(values)})" if values else ""


def row_faults(table: pa.Table, market: Market, now: datetime) -> NDArray[np.object_]:
    """Return the first reason that applies to each row of ``RAW_SCHEMA``, '' where none does."""
    price = {name: table[name].to_numpy() for name in PRICES}
    columns = tuple(price.values())
    volume = table["volume"].to_numpy()
    stamp = _microseconds(table)
    has_time = stamp != np.iinfo(np.int64).min
    closes_by = (to_minute(now) - 1) * MINUTE_US
    with np.errstate(invalid="ignore"):
        # column by column: a row of four is too short for NumPy to be fast along it
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
    """Order sound rows by time and contract, each key once; mark those that contradict another."""
    sound = np.flatnonzero(reason == "")
    stamp = _microseconds(table)[sound]
    contract = contract[sound]
    rank = np.lexsort((sound, contract, stamp))  # the first row given wins
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
    minute = _microseconds(good) // MINUTE_US
    hours = market_dates_around(market, int(minute[0]), int(minute[-1]))
    backwards = np.diff(_microseconds(table)) < 0
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
    return Finding(check, len(places), tuple(words.format(index) for index in places[:_EXAMPLES]))


def _moment(minute: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return minute.astype("datetime64[m]")


def _off_session(minute: NDArray[np.int64], hours: TradeDates) -> Finding:
    outside = ~hours.is_open(minute)
    return _finding("off_session", np.unique(_moment(minute[outside])), "{} UTC")


def _gaps(minute: NDArray[np.int64], hours: TradeDates, limit: int) -> Finding:
    """Stretches of the exchange's hours, between the first and last bar, without any bar."""
    seen = distinct(minute)
    # the hours' own edges stand as bars, so that a gap never counts time the exchange is shut
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
    # any of a bar's prices: a spike may be in its high or its low alone
    before = columns[-1][:-1]
    change = reduce(np.maximum, (np.abs(values[1:] - before) for values in columns))
    ticks = change / float(market.instrument.tick_size)
    jumps = np.flatnonzero(next_minute & (ticks >= market.quality.spike_ticks)) + 1
    same = reduce(np.logical_and, (np.diff(values) == 0 for values in columns), next_minute)
    # a run is stale once it is as long as the limit: count where each run reaches it
    streak = _run_lengths(same)
    stale = np.flatnonzero(streak == market.quality.stale_minutes - 1) + 1

    def named(check: str, rows: NDArray[np.int64]) -> Finding:
        words = tuple(f"{names[code[row]]} {_moment(when[row])} UTC" for row in rows[:_EXAMPLES])
        return Finding(check, len(rows), words)

    return [named("spike", jumps), named("stale", stale)]


def _run_lengths(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, for each place, how many true flags in a row end there."""
    count = np.cumsum(flags)
    return count - np.maximum.accumulate(np.where(flags, 0, count))


def _microseconds(table: pa.Table) -> NDArray[np.int64]:
    stamps: NDArray[np.int64] = table["ts"].cast(pa.timestamp("us")).to_numpy().view(np.int64)
    return stamps
