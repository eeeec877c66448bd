"""Summaries of the bars between two times, for many decisions at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.continuous import Tape

MIN_PAIRS = 5
"""Minimum number of pairs of neighbouring minutes for a volatility figure."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Summary of the bars of n spans; prices are adjusted ticks, NaN where a span has no bar.

    Attributes
    ----------
    open, high, low, close
        First open, extremes, last close, shape (n,).
    volume, count
        Contracts traded and minutes with a bar, shape (n,).
    """

    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.int64]
    count: NDArray[np.int64]

    @property
    def size(self) -> NDArray[np.float64]:
        """Height, ticks, shape (n,)."""
        return self.high - self.low


def aggregate(tape: Tape, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Aggregate:
    """Summarise the bars that open in [start, stop), for n spans in any order, overlapping or not.

    Parameters
    ----------
    tape
        The bars.
    start, stop
        Shape (n,), UTC minutes since the epoch.
    """
    return between(tape, tape.first_at(start), tape.first_at(stop))


def between(tape: Tape, first: NDArray[np.int64], stop: NDArray[np.int64]) -> Aggregate:
    """Return open, high, low, close, volume and count of the bars of n spans.

    Parameters
    ----------
    tape
        Bars in time order.
    first, stop
        Shape (n,), tape positions: a span holds the bars in [first, stop).

    Returns
    -------
    Aggregate
        Shape (n,) each; prices NaN and volume 0 where a span has no bar.
    """
    count = np.maximum(stop - first, 0)
    some = np.flatnonzero(count)
    result = Aggregate(
        open=np.full(len(first), np.nan),
        high=np.full(len(first), np.nan),
        low=np.full(len(first), np.nan),
        close=np.full(len(first), np.nan),
        volume=np.zeros(len(first), np.int64),
        count=count,
    )
    if not len(some):
        return result
    begin, end = first[some], stop[some]
    result.open[some] = tape.open[begin]
    result.close[some] = tape.close[end - 1]
    # reduceat on (begin, end) pairs: the even positions hold the results. An index may not point
    # past the last bar, so the last bar is left out there and added by hand
    pairs = np.column_stack([begin, np.minimum(end, len(tape) - 1)]).ravel()
    to_the_end = end == len(tape)
    for name, ufunc, source in (
        ("high", np.maximum, tape.high),
        ("low", np.minimum, tape.low),
        ("volume", np.add, tape.volume),
    ):
        reduced = ufunc.reduceat(source, pairs)[::2]
        single = begin >= len(tape) - 1  # the last bar alone: reduceat has included it
        whole = ufunc(reduced, source[-1])
        getattr(result, name)[some] = np.where(to_the_end & ~single, whole, reduced)
    return result


class Spans:
    """Running integer sums over a tape: the sum of any span is exact and takes two look-ups."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        neighbour = np.zeros(len(tape), bool)
        neighbour[1:] = np.diff(tape.minute) == 1
        change = np.zeros(len(tape), np.int64)
        change[1:] = np.diff(tape.close)
        change[~neighbour] = 0
        self._pairs = _running(neighbour.astype(np.int64))
        self._squares = _running(change * change)
        self._volume = _running(tape.volume)
        # three times the typical price (high + low + close)/3: whole ticks
        self._turnover = _running((tape.high + tape.low + tape.close) * tape.volume)

    def rms_change(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the root mean square of the changes between neighbouring minutes, in ticks.

        NaN with fewer than ``MIN_PAIRS`` pairs. The change from the bar before the span to the
        span's first bar is left out, so that only bars inside the span count.

        Parameters
        ----------
        start, stop
            Shape (n,), UTC minutes: a span is [start, stop).
        """
        first, last = self.tape.first_at(start) + 1, self.tape.first_at(stop)
        first = np.minimum(first, last)
        pairs = self._pairs[last] - self._pairs[first]
        squares = self._squares[last] - self._squares[first]
        return np.where(pairs >= MIN_PAIRS, np.sqrt(squares / np.maximum(pairs, 1)), np.nan)

    def vwap(
        self,
        start: NDArray[np.int64],
        stop: NDArray[np.int64],
        reference: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Return the volume-weighted average of (high + low + close)/3, minus ``reference``.

        The sum is taken in integers relative to the reference, so that adjusted prices with
        another origin give the same result to the bit. NaN where nothing traded.

        Parameters
        ----------
        start, stop
            Shape (n,), UTC minutes; the bars that open in [start, stop).
        reference
            Shape (n,), adjusted ticks.

        Returns
        -------
        NDArray[float64]
            Ticks above (+) or below (-) the reference, shape (n,).
        """
        first, last = self.tape.first_at(start), self.tape.first_at(stop)
        traded = self._volume[last] - self._volume[first]
        total = self._turnover[last] - self._turnover[first] - 3 * reference * traded
        return np.where(traded > 0, total / np.maximum(3 * traded, 1), np.nan)


def _running(values: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=total[1:])
    return total
