"""Exchange trade dates: when a calendar's market opens and closes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TradeDates:
    """Trade dates of one exchange calendar, ascending.

    Attributes
    ----------
    day
        datetime64[D], shape (n,).
    open, close
        UTC minutes since the Unix epoch, shape (n,); close is exclusive.
    early_close
        Whether the exchange closes earlier than its regular time, shape (n,).
    """

    day: NDArray[np.datetime64]
    open: NDArray[np.int64]
    close: NDArray[np.int64]
    early_close: NDArray[np.bool_]

    def is_open(self, minute: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each UTC minute whether the exchange is open then, shape (m,)."""
        day = np.searchsorted(self.open, minute, side="right") - 1
        return (day >= 0) & (minute < self.close[np.maximum(day, 0)])


@lru_cache(maxsize=32)
def trade_dates(calendar: str, first_year: int, last_year: int) -> TradeDates:
    """Give every trade date of ``calendar`` from the first through the last year.

    The calendar is a published fact, the same at every call, so it is worked out once a process.

    Parameters
    ----------
    calendar
        A name known to ``pandas_market_calendars``.
    first_year, last_year
        Calendar years, inclusive.
    """
    import pandas_market_calendars as calendars  # noqa: PLC0415 - pulls in pandas, once

    exchange = calendars.get_calendar(calendar)
    schedule = exchange.schedule(f"{first_year}-01-01", f"{last_year}-12-31")
    opens, closes = (
        schedule[name].to_numpy("datetime64[m]").astype(np.int64)
        for name in ("market_open", "market_close")
    )
    early = schedule.index.isin(exchange.early_closes(schedule).index)
    return TradeDates(schedule.index.to_numpy("datetime64[D]"), opens, closes, early)
