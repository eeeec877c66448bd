"""Sessions completed by each decision, newest first, whatever their names in the market file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.continuous import Tape
from ml_core.features.aggregates import Aggregate, aggregate

SESSION_LOOKBACK_MINUTES = 7 * 1440


class CompletedSessions:
    """The sessions of every trading day, ordered by their ends, seen from n decisions.

    Parameters
    ----------
    tape
        The bars.
    decision
        Shape (n,), UTC minutes.
    """

    def __init__(self, tape: Tape, decision: NDArray[np.int64]) -> None:
        schedule = tape.schedule
        start, end = schedule.session_start.ravel(), schedule.session_end.ravel()
        order = np.argsort(end, kind="stable")
        self._tape = tape
        self._start, self._end = start[order], end[order]
        self._decision = decision
        self._last = np.searchsorted(self._end, decision, side="right") - 1
        # compute only the few sessions that some decision uses, each once
        wanted = np.unique(np.clip(self._last[:, None] - np.arange(4), 0, None))
        self._column = np.full(len(self._end), -1)
        self._column[wanted] = np.arange(len(wanted))
        self._bars = aggregate(tape, self._start[wanted], self._end[wanted])

    def back(self, number: int) -> Aggregate:
        """Return the ``number``-th latest completed session of each decision; 1 is the latest.

        NaN and 0 where the session had no bar, ended more than a week earlier, or predates the
        data.
        """
        index = self._last - (number - 1)
        seen = np.maximum(index, 0)
        recent = (index >= 0) & (self._decision - self._end[seen] <= SESSION_LOOKBACK_MINUTES)
        column = self._column[seen]

        def as_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.where(recent, values[column], np.nan)

        bars = self._bars
        return Aggregate(
            open=as_of(bars.open),
            high=as_of(bars.high),
            low=as_of(bars.low),
            close=as_of(bars.close),
            volume=np.where(recent, bars.volume[column], 0),
            count=np.where(recent, bars.count[column], 0),
        )

    def since_last(self) -> Aggregate:
        """Summarise the bars from the end of the latest completed session up to each decision."""
        begin = np.where(self._last >= 0, self._end[np.maximum(self._last, 0)], self._decision)
        begin = np.maximum(begin, self._decision - SESSION_LOOKBACK_MINUTES)
        return aggregate(self._tape, begin, self._decision)
