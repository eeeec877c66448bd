"""Bars that a platform pushes: checked on arrival, and on disk before the reply is sent."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ml_core.bars.checks.bad_rows import AWAITED
from ml_core.bars.checks.quality import row_faults
from ml_core.bars.contract import SourceError
from ml_core.bars.sources.built_in import HttpSource
from ml_core.bars.sources.pushed import (
    PushedRow,
    RequestError,
    bars_of_rows,
    is_ahead,
    is_finished,
    keys_of,
    newest_of,
    received_rows,
    rows_of,
)
from ml_core.bars.sources.text.csv import TextReading
from ml_core.errors import InputError
from ml_core.files import sync
from ml_core.market.market import Market
from tasks.data.sources import feed_folder
from tasks.data.standing_sources import standing_source
from tasks.settings import Settings

_KNOWN_DAYS = timedelta(days=7)
"""Rows received longer ago may be stored again; reading them twice changes nothing."""

_MOST_FAULTS = 20

LONGEST_REQUEST = 4_000_000
"""Largest request in bytes: some tens of thousands of bars."""

_LONGEST_REQUEST = 16 * LONGEST_REQUEST  # as lines of the spool, which are longer

_FIELDS = {
    "not_a_time": ("ts", "describe it with --time-format, or send ISO 8601"),
    "no_time": ("ts", "send the time of each bar"),
    "no_such_local_time": ("ts", "send times in UTC: daylight saving skips this one"),
    "two_such_local_times": ("ts", "send times in UTC: daylight saving repeats this one"),
    "not_on_a_minute": ("ts", "send 1-minute bars, stamped on whole minutes"),
    "before_1970": ("ts", "send the time of each bar"),
    "not_a_price": ("open, high, low, close", "send four prices as numbers"),
    "price_not_positive": ("open, high, low, close", "send four prices above zero"),
    "no_volume": ("volume", "send the volume as a number; 0 where there is none"),
    "negative_volume": ("volume", "send what traded, not a balance"),
    "volume_not_in_steps": ("volume", 'say instrument.volume_step = "..." in the market file'),
    "ohlc_inconsistent": ("high, low", "the high is the highest of the four, the low the lowest"),
    "off_tick": ("open, high, low, close", "send this market's prices, whole ticks"),
    "price_out_of_range": ("open, high, low, close", "send this market's prices"),
}
"""Reason from the checks -> the field it concerns, and the remedy."""


class NotPushedError(InputError):
    """Error for bars pushed to a market whose standing source is not pushed bars."""

    market: str
    template = (
        "{market} takes no pushed bars; let it: orbcast ingest --market {market} --source http "
        "--stamp open --remember (or --stamp close)"
    )


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a pushed row; ``line`` and ``field`` are None where unknown."""

    line: int | None
    field: str | None
    fault: str
    remedy: str


class PushRefusedError(InputError):
    """Error for a request that is refused; nothing of it is stored."""

    faults: tuple[RowFault, ...]
    template = "{_lines:; }"

    @property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"line {row.line}: {row.fault}" for row in self.faults)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of a request, all of which is on disk.

    Attributes
    ----------
    market, received
        The market's name, and the number of rows received.
    finished
        Rows whose minute is over: they are bars.
    running
        Rows whose minute is not over; each counts once it can no longer change.
    already
        Rows that had been received before, identical.
    """

    market: str
    received: int
    finished: int
    running: int
    already: int


Key = tuple[str | None, int | None]


class PushedBars:
    """The spools of all markets that accept pushed bars; one process writes them.

    Parameters
    ----------
    settings
        The installation: its home and its markets.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._markets: dict[str, _Spool] = {}
        self._lock = threading.Lock()

    def take(self, name: str, body: bytes, received: datetime) -> Receipt:
        """Check a request's rows and store them; they are on disk when this returns.

        Raises
        ------
        UnknownNameError, NotPushedError
            There is no such market, or it does not accept pushed bars.
        PushRefusedError
            A row is invalid; nothing of the request is stored.
        OSError
            The disk write failed; nothing of the request is stored.
        """
        market = self._settings.market(name)
        spec = standing_source(self._settings.sources_file, name)
        if spec is None or spec.kind != HttpSource.name:
            raise NotPushedError(name.lower())
        reading = HttpSource(spec.paths, spec.columns, spec.options).pushed_reading(market.symbol)
        with self._lock:
            spool = self._markets.get(name.lower())
            if spool is None or spool.reading != reading:
                folder = feed_folder(self._settings.feeds_dir, market, HttpSource.name)
                spool = self._markets[name.lower()] = _Spool(folder, market, reading, received)
            return replace(spool.take(body, received), market=name.lower())


class _Spool:
    def __init__(self, folder: Path, market: Market, reading: TextReading, now: datetime) -> None:
        self._folder, self._market, self.reading = folder, market, reading
        self._last: dict[Key, PushedRow] = {}
        self._newest: dict[str | None, int] = {}
        self._samples: dict[Any, PushedRow] = {}
        recent = received_rows(folder, now - _KNOWN_DAYS)
        try:
            keys = keys_of(bars_of_rows(recent, reading)[0])
        except SourceError:
            return  # earlier rows were read with other options; new ones are added to them
        self._know(recent, keys)

    def take(self, body: bytes, received: datetime) -> Receipt:
        rows, keys = self._checked(body, received)
        new, finished = {}, 0
        newest = newest_of(keys, self._newest)
        for row, key in zip(rows, keys, strict=True):
            contract, stamp = key
            done = stamp is not None and is_finished(stamp, received, newest[contract], received)
            finished += done
            if not self._has(row, key):
                new[key] = row
        if new:
            self._append(received, list(new.values()))
            self._know(list(new.values()), list(new))
        return Receipt("", len(rows), finished, len(rows) - finished, len(rows) - len(new))

    def _has(self, row: PushedRow, key: Key) -> bool:
        """Return whether a row was received before and its repetition carries no information."""
        last = self._last.get(key)
        if last is None or (last.cells, last.layout) != (row.cells, row.layout):
            return False
        closes = (key[1] or 0) / 1e6 + 60.0
        return last.received.timestamp() >= closes or row.received.timestamp() < closes

    def _know(self, rows: list[PushedRow], keys: list[Key]) -> None:
        for row, key in zip(rows, keys, strict=True):
            self._last[key] = row
            self._samples[row.shape] = row
        self._newest = newest_of(keys, self._newest)

    def _checked(self, body: bytes, received: datetime) -> tuple[list[PushedRow], list[Key]]:
        """Return a request's rows, and each row's contract and minute.

        They are read together with one earlier row of each shape: rows that can be read alone
        may not be readable together.
        """
        try:
            rows = rows_of(body, received, self.reading)
            shapes = {row.shape for row in rows}
            beside = [row for shape, row in self._samples.items() if shape in shapes]
            table = bars_of_rows([*rows, *beside], self.reading)[0]
        except SourceError as error:
            place = (error.line, error.field) if isinstance(error, RequestError) else (None, None)
            raise PushRefusedError((RowFault(*place, error.fault, error.remedy),)) from error
        reasons = row_faults(table, self._market, received)
        keys = keys_of(table)
        faults = [
            fault
            for row, key, reason in zip(rows, keys, reasons, strict=False)
            if (fault := self._fault(row, key, str(reason), received)) is not None
        ]
        if not faults and any(reasons[len(rows) :]):
            words = "is written another way than the bars before (a decimal comma or point)"
            faults = [RowFault(None, None, words, "write them all the same way")]
        if faults:
            raise PushRefusedError(tuple(faults[:_MOST_FAULTS]))
        return rows, keys[: len(rows)]

    def _fault(self, row: PushedRow, key: Key, reason: str, received: datetime) -> RowFault | None:
        contract, stamp = key
        if contract != self._market.symbol and not re.fullmatch(
            self._market.contract_pattern, contract or ""
        ):
            fault = f"{contract!r} is no contract of {self._market.symbol}"
            remedy = f"push this market's bars; contracts match {self._market.contract_pattern}"
            return RowFault(row.line, "contract", fault, remedy)
        if stamp is not None and is_ahead(stamp, received):
            at = datetime.fromtimestamp(stamp / 1e6, received.tzinfo)
            fault = f"its minute begins at {at:%Y-%m-%d %H:%M} UTC, which is still to come"
            return RowFault(row.line, "ts", fault, "mend --zone, or this machine's clock")
        if not reason or reason in AWAITED:
            return None
        field, remedy = _FIELDS.get(reason, (None, "mend the row"))
        return RowFault(row.line, field, reason.replace("_", " "), remedy)

    def _append(self, received: datetime, rows: list[PushedRow]) -> None:
        """Append rows to the day's file; all are on disk when this returns, or none is."""
        path = self._folder / f"{received:%Y-%m-%d}.jsonl"
        is_new = not path.exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            size = _whole_lines(path)
            file.truncate(size)
            try:
                file.write(b"".join(row.to_line() for row in rows))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
        if is_new:
            sync(self._folder)


def _whole_lines(path: Path) -> int:
    """Return the size of a file's whole lines; a killed server may leave a partial one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _LONGEST_REQUEST, 0))
        tail = file.read()
    return size - len(tail) + tail.rfind(b"\n") + 1
