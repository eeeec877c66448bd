"""Import platforms' files of executions into the record; a repeat changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from ml_core.fills.fill import Fill, FillsFile, merged, reported_twice
from ml_core.fills.off_bars import FillOffBars, fills_off_bars
from ml_core.fills.read import FillsReading, read_fills
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from registry.fills import fills_of, import_fills
from tasks.prediction.slots import trading_day_at
from tasks.settings import Settings

ImportStatus = Literal["imported", "already", "not kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsImport:
    """Result of the import of one file of executions.

    Attributes
    ----------
    file
        The file as it was read.
    batch_id
        Id of the import; "" if nothing was recorded.
    status
        Whether it was imported now, had been imported before, or was only previewed.
    added, changed, unchanged
        Numbers of its executions: new ones, those on record with another commission or order,
        and those on record as they are.
    off_bars
        Those at prices that the bars around them do not have.
    """

    file: FillsFile
    batch_id: str
    status: ImportStatus
    added: int
    changed: int
    unchanged: int = field(metadata={"alias": "known"})
    off_bars: tuple[FillOffBars, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsIntake:
    """Result of the import of several files, and what is on record now.

    Attributes
    ----------
    symbol, imports
        The market, and one import for each file.
    fills
        Executions on record; in a preview, as they would be afterwards.
    reported_twice
        Those among them that two platforms seem to have reported.
    """

    symbol: str
    imports: tuple[FillsImport, ...]
    fills: int
    reported_twice: int


def take_in_fills(
    settings: Settings,
    name: str,
    paths: Sequence[Path],
    reading: FillsReading,
    at: datetime,
    *,
    keep: bool = True,
) -> FillsIntake:
    """Read all files of executions first, then record their executions.

    Parameters
    ----------
    settings, name
        The installation, and the name of a market file.
    paths, reading
        The files, and the facts that they do not state themselves.
    at
        Aware time, now.
    keep
        Whether their executions are recorded; if False, this is a preview.

    Raises
    ------
    FillsFileError, SourceError
        A file cannot be read; nothing of any file is recorded.
    LakeDamagedError
        The bars that the prices are compared with cannot be read; nothing is recorded.
    BusyDatabaseError
        The database did not become free in time.
    """
    market, database = settings.market(name), settings.database()
    files = [read_fills(path, market, reading, at=at) for path in paths]
    off_bars = [_off_bars(settings, market, file) for file in files]
    imports = []
    on_record = fills_of(database, market.symbol)
    for file, off in zip(files, off_bars, strict=True):
        status: ImportStatus = "not kept"
        batch_id = ""
        if keep:
            batch, is_new = import_fills(database, market.symbol, file, at)
            batch_id, status = batch.batch_id, "imported" if is_new else "already"
        now = fills_of(database, market.symbol) if keep else merged([on_record, file.fills])
        imports.append(_import(file, batch_id, status, on_record, now, off))
        on_record = now
    return FillsIntake(
        symbol=market.symbol,
        imports=tuple(imports),
        fills=len(on_record),
        reported_twice=reported_twice(on_record),
    )


def _off_bars(settings: Settings, market: Market, file: FillsFile) -> tuple[FillOffBars, ...]:
    if not file.fills:
        return ()
    first, last = (to_minute(file.fills[at].time) for at in (0, -1))
    bars = settings.lake().read(market, first - 1, last + 2)
    return fills_off_bars(file.fills, bars, market.instrument)


def _import(
    file: FillsFile,
    batch_id: str,
    status: ImportStatus,
    before: Iterable[Fill],
    now: Iterable[Fill],
    off_bars: tuple[FillOffBars, ...],
) -> FillsImport:
    earlier = {fill.key: (fill.content, fill.commission, fill.order_id) for fill in before}
    added = changed = 0
    own = {fill.key for fill in file.fills}
    for fill in now:
        if fill.key in own:
            added += fill.key not in earlier
            values = (fill.content, fill.commission, fill.order_id)
            changed += earlier.get(fill.key, values) != values
    return FillsImport(
        file=file,
        batch_id=batch_id,
        status=status,
        added=added,
        changed=changed,
        unchanged=len(file.fills) - added - changed,
        off_bars=off_bars,
    )


def fills_between(
    settings: Settings, name: str, first: date | None, last: date | None
) -> tuple[Fill, ...]:
    """Return the executions of some trading days, both included, in order of time."""
    market = settings.market(name)
    return tuple(
        fill
        for fill in fills_of(settings.database(), market.symbol)
        if (first is None or trading_day_at(market, fill.time) >= first)
        and (last is None or trading_day_at(market, fill.time) <= last)
    )
