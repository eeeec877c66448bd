"""Bad rows of a source, counted over its batches; a source with too many is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.arrow_values import microseconds_of
from ml_core.bars.checks.checked import Checked
from ml_core.bars.contract import PRICES
from ml_core.errors import InputError

NOT_POSITIVE = "price_not_positive"

NOT_POSITIVE_REMEDY = (
    "A price of zero or below is a fault, or was adjusted for rolls, which loses the prices as "
    "traded: use each contract's own bars. Where a market did trade there, as CL in April 2020, "
    "set it in its file (instrument.allow_nonpositive_prices = true) and ingest again"
)

FROM_THE_FUTURE = "from_the_future"
"""Reason for a bar whose minute has not begun; it may have closed by the next reading."""

STILL_RUNNING = "still_running"
"""Reason for the row of the running minute; it does not count as an error of the source."""

AWAITED = (FROM_THE_FUTURE, STILL_RUNNING)
"""Reasons for rows that may be closed bars in a later reading."""

REPEATED_HOUR = "two_such_local_times"
"""Reason for a bar in the hour that daylight saving repeats, if the repetition is ambiguous."""

_MOST_DECIMALS = 8

MOST_EXAMPLES = 3

_ENOUGH_ROWS = 50_000


class BatchRefusedError(InputError):
    """A batch has so many bad rows that it and the similar batches after it are not imported."""

    name: str
    rows: int
    reasons: dict[str, int]
    lines: tuple[str, ...]
    limit: float
    volume_step: str = "0.001"
    months_taken: int = 0
    template = (
        "{name} is refused{_whole}: {_bad:,} of {rows:,} rows are bad ({_counts}); first: "
        "{lines:; }. {_months_note}{_remedy}"
    )

    @property
    def _whole(self) -> str:
        return "" if self.months_taken else " whole"

    @property
    def _months_note(self) -> str:
        if not self.months_taken:
            return ""
        return (
            f"Its {self.months_taken:,} months with few of them were imported (`orbcast bars "
            "batches` lists them, `orbcast bars forget` undoes one). "
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
                "Where lots are divided, set the smallest volume in the market file "
                f'(instrument.volume_step = "{self.volume_step}")'
            )
        if max(self.reasons, key=lambda reason: self.reasons[reason]) == REPEATED_HOUR:
            return (
                "The hour that daylight saving repeats is distinguished where rows are in the "
                "order of time and both of its passes are there: write the times in UTC or "
                "with an offset"
            )
        if "contradicts_an_earlier_row" in self.reasons:
            return "Bars of several contracts need their column: --column contract=..."
        if NOT_POSITIVE in self.reasons:
            return NOT_POSITIVE_REMEDY
        if self._bad == self.rows:
            return "No row can be used: correct the source, or set how it is read"
        return (
            f"Correct the source, or raise quality.max_bad_share (now {self.limit:g}) in the "
            "market file if this is expected"
        )


@dataclass(slots=True)
class BadRows:
    """The bad rows of a source, counted over all of its batches.

    Attributes
    ----------
    name
        Name of the source in messages.
    limit
        Share of bad rows above which the source is refused; a single bad row refuses a source only
        if it has at most two rows.
    months_taken
        Number of its batches that were imported.
    """

    name: str
    limit: float
    rows: int = 0
    months_taken: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    volume_decimals: int = 1

    @property
    def too_many(self) -> bool:
        """Whether the rows counted so far must be refused."""
        running = self.reasons[STILL_RUNNING]
        bad, rows = self.reasons.total() - running, self.rows - running
        return bad > self.limit * rows and (bad > 1 or 2 * bad >= rows)

    @property
    def hopeless(self) -> bool:
        """Whether so many rows are bad that later rows will hardly change the result."""
        return self.rows > _ENOUGH_ROWS and 2 * self.reasons.total() > self.rows

    def count_again(self, rows: int, reasons: dict[str, int]) -> None:
        """Count the rows of a batch that was imported before."""
        self.rows += rows
        self.reasons.update(reasons)

    def count(self, table: pa.Table, checked: Checked) -> None:
        """Count a batch's rows."""
        self.count_again(len(table), checked.reasons)
        first = checked.quarantined.slice(0, MOST_EXAMPLES - len(self.lines))
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
        """Return the error with the counts and the first bad rows."""
        step = f"{10.0**-self.volume_decimals:.{self.volume_decimals}f}"
        return BatchRefusedError(
            self.name,
            self.rows,
            dict(self.reasons),
            tuple(self.lines),
            self.limit,
            step,
            self.months_taken,
        )


def _decimals_of(values: NDArray[np.float64]) -> int:
    """Return the number of decimals of the values, at most ``_MOST_DECIMALS``."""
    finite = values[np.isfinite(values)]
    for decimals in range(1, _MOST_DECIMALS):
        if np.allclose(np.round(finite, decimals), finite, rtol=1e-12, atol=1e-12):
            return decimals
    return _MOST_DECIMALS


_OF_VOLUME = {"no_volume", "negative_volume", "volume_not_in_steps"}

_OF_PRICES = {NOT_POSITIVE, "not_a_price", "ohlc_inconsistent", "off_tick", "price_out_of_range"}

_OF_TIME = {"not_on_a_minute", "before_1970", FROM_THE_FUTURE, "contradicts_an_earlier_row"}


def _values_of(row: pa.Table, reason: str) -> str:
    """Return those values of a bad row (columns of ``RAW_SCHEMA``) that its reason is about."""
    names: tuple[str, ...] = ()
    if reason in _OF_VOLUME:
        names = ("volume",)
    if reason in _OF_PRICES:
        names = PRICES
    values = [f"{name} {row[name][0].as_py():.10g}" for name in names if row[name][0].is_valid]
    if reason in _OF_TIME:
        stamp = str(microseconds_of(row).astype("datetime64[us]").astype("datetime64[ms]")[0])
        values = [f"{stamp.replace('T', ' ').removesuffix('.000')} UTC"]
    return f" ({', '.join(values)})" if values else ""
