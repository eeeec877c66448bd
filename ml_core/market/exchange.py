"""Exchange trade dates: when a calendar's market opens and closes.

The dates are computed by pandas_market_calendars. For the calendars of the shipped markets they
are stored in the folder ``calendars``, so that a command does not have to import the library, and
pandas with it. Each file records the library's version; if another version is installed, the
library is used instead. `make calendars` writes the files again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_core.on_demand import library

calendars = library("pandas_market_calendars")

KEPT_YEARS = (2000, 2045)
_LIBRARY = "pandas_market_calendars"
_KEPT = Path(__file__).parent / "calendars"
KEPT_CALENDARS = frozenset(path.stem for path in _KEPT.glob("*.csv"))


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
    halt_start, halt_end
        Halts within the hours, UTC minutes, ascending, shape (h,); the end is exclusive.
    """

    day: NDArray[np.datetime64]
    open: NDArray[np.int64]
    close: NDArray[np.int64]
    early_close: NDArray[np.bool_]
    halt_start: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    halt_end: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def is_open(self, minute: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each UTC minute whether the exchange is open, shape (m,)."""
        day = np.searchsorted(self.open, minute, side="right") - 1
        inside = (day >= 0) & (minute < self.close[np.maximum(day, 0)])
        return inside & ~self.is_halted(minute, minute + 1)

    def is_halted(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each span of UTC minutes, same shape, whether it overlaps a halt."""
        ended = np.searchsorted(self.halt_end, start, side="right")
        begun = np.searchsorted(self.halt_start, stop, side="left")
        return begun > ended

    @property
    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """UTC minutes at which the exchange starts and stops trading, including halts."""
        starts = np.concatenate([self.open, self.halt_end])
        return np.sort(starts), np.sort(np.concatenate([self.close, self.halt_start]))


@lru_cache(maxsize=32)
def trade_dates(calendar: str, first_year: int, last_year: int) -> TradeDates:
    """Return every trade date of ``calendar`` from the first through the last year.

    The result never changes, so it is computed once per process.

    Parameters
    ----------
    calendar
        A name known to ``pandas_market_calendars``.
    first_year, last_year
        Calendar years, inclusive.
    """
    kept = (
        _read_shipped(calendar)
        if KEPT_YEARS[0] <= first_year <= last_year <= KEPT_YEARS[1]
        else None
    )
    if kept is None:
        return dates_by_library(calendar, first_year, last_year)
    span = np.array([f"{first_year}-01-01", f"{last_year + 1}-01-01"], "datetime64[D]")
    part = slice(*np.searchsorted(kept.day, span))
    return TradeDates(kept.day[part], kept.open[part], kept.close[part], kept.early_close[part])


def dates_by_library(calendar: str, first_year: int, last_year: int) -> TradeDates:
    """Compute the same with pandas_market_calendars; see :func:`trade_dates`."""
    exchange = calendars.get_calendar(calendar)
    schedule = exchange.schedule(f"{first_year}-01-01", f"{last_year}-12-31")
    opens, closes = (
        schedule[name].to_numpy("datetime64[m]").astype(np.int64)
        for name in ("market_open", "market_close")
    )
    early = schedule.index.isin(exchange.early_closes(schedule).index)
    return TradeDates(schedule.index.to_numpy("datetime64[D]"), opens, closes, early)


def write_calendars() -> None:
    """Write the files of the stored calendars: one line per run of weekdays with equal hours."""
    for calendar in KEPT_CALENDARS:
        dates = dates_by_library(calendar, *KEPT_YEARS)
        minutes = dates.day.astype(np.int64) * 1440
        hours = np.column_stack([dates.open - minutes, dates.close - minutes, dates.early_close])
        follows = dates.day[1:] == np.busday_offset(dates.day[:-1], 1)
        starts = np.flatnonzero(np.append(True, ~follows | (np.diff(hours, axis=0) != 0).any(1)))
        lengths = np.diff(starts, append=len(dates.day))
        lines = [
            f"{dates.day[start]},{length},{','.join(map(str, hours[start]))}\n"
            for start, length in zip(starts, lengths, strict=True)
        ]
        head = f"# {_LIBRARY} {version(_LIBRARY)}\n# first,weekdays,open,close,early_close\n"
        (_KEPT / f"{calendar}.csv").write_text(head + "".join(lines), encoding="utf-8")


@cache
def _read_shipped(calendar: str) -> TradeDates | None:
    """Read a stored calendar; None without a file, or if another version is installed."""
    if calendar not in KEPT_CALENDARS or not _is_installed(calendar):
        return None
    lines = (_KEPT / f"{calendar}.csv").read_text("utf-8").splitlines()[2:]
    rows = [line.split(",") for line in lines]
    first = np.array([row[0] for row in rows], "datetime64[D]")
    length, *hours = np.array([row[1:] for row in rows], np.int64).T
    opens, closes, early = (np.repeat(column, length) for column in hours)
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    day = np.busday_offset(np.repeat(first, length), place)
    minutes = day.astype(np.int64) * 1440
    return TradeDates(day, minutes + opens, minutes + closes, early.astype(bool))


def _is_installed(calendar: str) -> bool:
    """Check that the installed library is the one a calendar's file was made with."""
    with (_KEPT / f"{calendar}.csv").open(encoding="utf-8") as file:
        made_with = file.readline().split()[-1]
    try:
        return version(_LIBRARY) == made_with
    except PackageNotFoundError:
        return False
