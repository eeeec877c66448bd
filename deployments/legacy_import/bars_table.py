"""Find the table of 1-minute bars among another system's tables, and the zone of its times."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from deployments import legacy_import
from deployments.legacy_import.findings import TableFinding, ZoneFinding
from ml_core.bars.contract import SourceError
from ml_core.bars.sources.times import TimeReading
from ml_core.market.calendar_days import market_dates
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute, to_minute
from tasks.runs.trying_again import with_patience

if TYPE_CHECKING:
    from deployments.legacy_import.database import LegacyTable, TimeSample


_OPEN_ENOUGH = 0.985

_USED = "1-minute bars"


def choose_bars_table(
    market: Market, path: str, tables: tuple[LegacyTable, ...], reading: TimeReading
) -> tuple[tuple[str, dict[str, str]] | None, tuple[TableFinding, ...]]:
    """Choose the table of 1-minute bars; also describe each table in words."""
    seen: list[TableFinding] = []
    candidates = []
    for table in tables:
        what, mapping = table.note or "other: not used", dict(table.mapping)
        if table.kind == "features":
            what = "a record of opening ranges, a row a day"
        elif table.kind == "bars":
            what = _bars_kind(market, path, table, mapping, reading)
            if what == _USED:
                candidates.append((table.name != "bars_1m", -table.rows, table.name, mapping))
        seen.append(
            TableFinding(
                name=table.name,
                rows=table.rows,
                what=what,
                kind=table.kind,
                columns=tuple(table.columns),
            )
        )
    if not candidates:
        return None, tuple(seen)
    _, _, name, mapping = min(candidates, key=lambda candidate: candidate[:3])
    return (name, mapping), tuple(
        replace(table, what=f"1-minute bars, but {name} is used")
        if table.what == _USED and table.name != name
        else table
        for table in seen
    )


def _bars_kind(
    market: Market, path: str, table: LegacyTable, mapping: dict[str, str], reading: TimeReading
) -> str:
    """Describe a table of bars in words; ``_USED`` if it has usable bars of the market."""
    if not table.rows:
        return "bars, but empty"
    try:
        sample = with_patience(
            lambda: legacy_import.database.sampled_times(path, table.name, mapping["ts"], reading)
        )
    except SourceError as error:
        return f"bars, but not used: {error.fault}; {error.remedy}"
    if not any(minute % 5 for minute in sample.minutes):
        return "bars, but not of one minute: not used"
    column = mapping["symbol"]
    names = (
        with_patience(lambda: legacy_import.database.symbols_of(path, table.name, column))
        if column
        else {}
    )
    if not _fit_symbol(market, mapping, names):
        symbols = ", ".join(list(names)[:4])
        return f"1-minute bars, but none of {market.symbol} (it has {symbols})"
    return _USED


def _fit_symbol(market: Market, mapping: dict[str, str], names: dict[str, int]) -> bool:
    """Return whether the table has this market's bars; its symbol column may have contracts."""
    if not mapping["symbol"] or market.symbol in names:
        return True
    if any(re.fullmatch(market.contract_pattern, name) for name in names):
        mapping["contract"], mapping["symbol"] = mapping["symbol"], ""
        return True
    return False


def zone_of_times(
    market: Market, column: str, kind: str, sample: TimeSample, *, is_named: bool
) -> ZoneFinding:
    """Return the zone of the times, checked against the exchange's hours."""
    minutes = np.array(sorted(sample.minutes), np.int64)
    stated = f"no zone, taken as {sample.local_zone}" if sample.local_zone else "its own zone"
    times = ZoneFinding(column=column, type=kind, stated=stated)
    if not len(minutes):
        return replace(times, fault=f"column {column} holds no readable time")
    zone = ZoneInfo(market.zone)
    local = np.array(
        [to_minute(from_minute(minute).replace(tzinfo=zone)) for minute in minutes.tolist()],
        np.int64,
    )
    years = [from_minute(int(minutes[end])).year for end in (0, -1)]
    hours = market_dates(market, years[0] - 1, years[1] + 1)
    as_utc, as_local = (float(hours.is_open(read).mean()) for read in (minutes, local))
    fault = None
    if as_utc < _OPEN_ENOUGH and as_local > as_utc and not is_named:
        remedy = (
            f"Give --zone {market.zone}"
            if sample.local_zone
            else f"Make a view that converts them ({column} AT TIME ZONE '{market.zone}')"
        )
        fault = (
            f"the times of {column} look like {market.zone}, not UTC: read as UTC, "
            f"{as_utc:.1%} of the bars lie in the exchange's hours; read as local, "
            f"{as_local:.1%}. {remedy}"
        )
    return replace(times, fault=fault, open_as_utc=as_utc, open_as_local=as_local)


def mixed_with(market: Market, mapping: dict[str, str], contracts: tuple[str, ...]) -> str | None:
    """Refuse to mix a ready-made series with contracts, which would store bars twice."""
    series = "contract" not in mapping
    others = [contract for contract in contracts if (contract != market.symbol) == series]
    if not others:
        return None
    kind = "a ready-made series without contracts" if series else "bars of single contracts"
    return (
        f"the table holds {kind}, and the lake has {', '.join(others[:3])} already: the same "
        "price would be in it twice. Import into a home of its own (orbcast --home FOLDER ...)"
    )
