"""What another system left: its bars taken in, its record compared, its models looked at."""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from deployments import legacy_import
from ml_core import features, ranges
from ml_core.bars.arrays import Bars
from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.bars.continuous import CHOICE_LOOKBACK_DAYS
from ml_core.bars.contract import OnProgress, SourceError
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.times import TimeReading, zone_in_name
from ml_core.errors import InputError, OrbcastError
from ml_core.json_values import json_values
from ml_core.market.calendar_days import market_dates
from ml_core.market.market import Market
from ml_core.market.schedule import NoTradingDaysError, build_schedule, from_minute, to_minute
from tasks.data.datasets import period_of
from tasks.data.intake import IntakeSummary, take_in
from tasks.data.sources import SourceSpec, open_source
from tasks.runs.trying_again import with_patience
from tasks.settings import Settings

if TYPE_CHECKING:
    from deployments.legacy_import.database import Found, TimeSample


_OPEN_ENOUGH = 0.985
_MOST_DIFFERENCES = 40
_USED = "1-minute bars"


class NothingNamedError(InputError):
    """An import without anything to read."""

    template = "nothing is named; give --duckdb FILE, --registry FOLDER, or both"


class NoFolderError(InputError):
    """A registry that is no folder."""

    path: str
    template = "{path} is no folder; name the folder that holds the model versions"


def survey(
    settings: Settings,
    name: str,
    *,
    source: SourceSpec | None,
    registry: Path | None,
    at: datetime,
    dry_run: bool,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Read what is there, take the bars in unless ``dry_run``, and say what can be used.

    Parameters
    ----------
    settings, name
        The installation; the name of a market file.
    source
        The other system's database, and how its times are read; its table is looked for.
    registry
        The other system's folder of model versions.
    at
        Aware time, now.
    dry_run
        Nothing of the lake is touched: the bars are checked and compared in a temporary one.
    on_progress
        Called with (batch name, batches done).

    Returns
    -------
    Plain values, for ``deployments.legacy_import.report``.

    Raises
    ------
    NothingNamedError, NoFolderError, SourceError
        The trader must name something that can be read.
    DatabaseLockedError
        The database stays open for writing elsewhere; worth another try.
    """
    if source is None and registry is None:
        raise NothingNamedError
    if registry is not None and not registry.is_dir():
        raise NoFolderError(str(registry))
    market = settings.market(name)
    values: dict[str, Any] = {
        "market": market.symbol,
        "name": name,
        "made_at": at.isoformat(),
        "dry_run": dry_run,
        "duckdb": None,
        "registry": None,
    }
    with tempfile.TemporaryDirectory(prefix="orbcast-legacy-") as folder:
        lake = Lake(Path(folder)) if dry_run else settings.lake()
        if source is not None:
            values["duckdb"] = _database(
                settings, market, source, at, lake=lake, dry_run=dry_run, on_progress=on_progress
            )
        bars = lake.read(market, None, to_minute(at))
        if dry_run and not len(bars):
            bars = settings.lake().read(market, None, to_minute(at))
        if values["duckdb"] is not None:
            values["duckdb"]["records"] = _records(market, values["duckdb"]["path"], bars)
        if registry is not None:
            values["registry"] = legacy_import.models.models_of(market, registry, bars)
    return values


def _database(
    settings: Settings,
    market: Market,
    source: SourceSpec,
    at: datetime,
    *,
    lake: Lake,
    dry_run: bool,
    on_progress: OnProgress | None,
) -> dict[str, Any]:

    path, given = source.paths[0], source.options
    reading = TimeReading(
        assumed_zone="UTC",
        zone=given.get("zone"),
        time_format=given.get("time_format"),
        stamp="close" if given.get("stamp") == "close" else "open",
    )
    tables = with_patience(lambda: legacy_import.database.tables(path))
    chosen, seen = _bars_table(market, path, tables, reading)
    values: dict[str, Any] = {"path": path, "tables": seen, "bars": None}
    if chosen is None:
        return values
    table, mapping = chosen
    sample = with_patience(
        lambda: legacy_import.database.sampled_times(path, table, mapping["ts"], reading)
    )
    # times that are UTC by their column's name are read so anyhow, as `orbcast ingest` reads them
    zone = given.get("zone") or (None if zone_in_name(mapping["ts"]) else sample.local_zone)
    options = {**given, "table": table, **({"zone": zone} if zone else {})}
    spec = source.model_copy(update={"columns": mapping, "options": options})
    bars: dict[str, Any] = {"table": table, "columns": mapping, "fault": None, "brought": None}
    values["bars"] = bars
    kind = next(
        candidate.columns[mapping["ts"]] for candidate in tables if candidate.name == table
    )
    bars["zone"] = _zone(market, mapping["ts"], kind, sample, is_named="zone" in given)
    status = settings.lake().status(market.symbol)
    bars["fault"] = bars["zone"]["fault"] or _mixed(market, mapping, status.contracts)
    if bars["fault"]:
        return values

    def take() -> tuple[BatchRecord, ...]:
        if dry_run:
            return lake.ingest(
                open_source(spec, market, at, settings.feeds_dir), market, at, on_progress
            )
        return take_in(settings, market, spec, at, on_progress=on_progress)

    try:
        records = with_patience(take)
    except (BatchRefusedError, SourceError) as error:
        bars["fault"] = str(error)
        return values
    status = lake.status(market.symbol)
    bars["brought"] = {
        **json_values(IntakeSummary.of(records, status)),
        "reasons": _reasons(records),
        "first_bar": _moment(status.first),
    }
    return values


def _bars_table(
    market: Market, path: str, tables: tuple[Found, ...], reading: TimeReading
) -> tuple[tuple[str, dict[str, str]] | None, list[dict[str, Any]]]:
    """Choose the table of 1-minute bars; say of each table what it is."""
    seen, candidates = [], []
    for table in tables:
        what, mapping = table.note or "other: not used", dict(table.mapping)
        if table.kind == "features":
            what = "a record of opening ranges, a row a day"
        elif table.kind == "bars":
            what = _bars_kind(market, path, table, mapping, reading)
            if what == _USED:
                candidates.append((table.name != "bars_1m", -table.rows, table.name, mapping))
        seen.append(
            {
                "name": table.name,
                "rows": table.rows,
                "what": what,
                "kind": table.kind,
                "columns": list(table.columns),
            }
        )
    if not candidates:
        return None, seen
    _, _, name, mapping = min(candidates, key=lambda candidate: candidate[:3])
    for row in seen:
        if row["what"] == _USED and row["name"] != name:
            row["what"] = f"1-minute bars, but {name} is used"
    return (name, mapping), seen


def _bars_kind(
    market: Market, path: str, table: Found, mapping: dict[str, str], reading: TimeReading
) -> str:
    """Return what a table of bars is, in words; ``_USED`` if the market's can be taken from it."""
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
    """Return whether the table has this market's bars; a symbol column may hold the contracts."""
    if not mapping["symbol"] or market.symbol in names:
        return True
    if any(re.fullmatch(market.contract_pattern, name) for name in names):
        mapping["contract"], mapping["symbol"] = mapping["symbol"], ""
        return True
    return False


def _zone(
    market: Market, column: str, kind: str, sample: TimeSample, *, is_named: bool
) -> dict[str, Any]:
    """Return which zone the times are in, checked against the exchange's hours."""
    minutes = np.array(sorted(sample.minutes), np.int64)
    stated = f"no zone, taken as {sample.local_zone}" if sample.local_zone else "its own zone"
    values: dict[str, Any] = {"column": column, "type": kind, "stated": stated, "fault": None}
    if not len(minutes):
        return {**values, "fault": f"column {column} holds no time that can be read"}
    zone = ZoneInfo(market.zone)
    local = np.array(
        [to_minute(from_minute(minute).replace(tzinfo=zone)) for minute in minutes.tolist()],
        np.int64,
    )
    years = [from_minute(int(minutes[end])).year for end in (0, -1)]
    hours = market_dates(market, years[0] - 1, years[1] + 1)
    values["open_as_utc"] = float(hours.is_open(minutes).mean())
    values["open_as_local"] = float(hours.is_open(local).mean())
    seems_local = values["open_as_local"] > values["open_as_utc"]
    if values["open_as_utc"] < _OPEN_ENOUGH and seems_local and not is_named:
        remedy = (
            f"Say --zone {market.zone}"
            if sample.local_zone
            else f"Make a view that converts them ({column} AT TIME ZONE '{market.zone}')"
        )
        values["fault"] = (
            f"the times of {column} look like {market.zone}, not UTC: read as UTC, "
            f"{values['open_as_utc']:.1%} of the bars lie in the exchange's hours; read as local, "
            f"{values['open_as_local']:.1%}. {remedy}"
        )
    return values


def _mixed(market: Market, mapping: dict[str, str], contracts: tuple[str, ...]) -> str | None:
    """Refuse to put a ready-made series beside contracts: one bar would be there twice."""
    series = "contract" not in mapping
    others = [contract for contract in contracts if (contract != market.symbol) == series]
    if not others:
        return None
    kind = "a ready-made series without contracts" if series else "bars of single contracts"
    return (
        f"the table holds {kind}, and the lake has {', '.join(others[:3])} already: the same "
        "price would be there twice. Import into a home of its own (orbcast --home FOLDER ...)"
    )


def _records(market: Market, path: str, bars: Bars) -> list[dict[str, Any]]:

    rows = []
    for table in with_patience(lambda: legacy_import.database.tables(path)):
        if table.kind != "features":
            continue
        about: dict[str, Any] = {
            "table": table.name,
            "rows": table.rows,
            "columns": [
                asdict(legacy_import.feature_names.judge(column, market))
                for column in table.columns
            ],
            "fault": None,
            "ranges": {},
            "differences": [],
            "more_differences": 0,
        }
        try:
            theirs = legacy_import.database.record_of(path, table, market.symbol)
            about |= _compared(market, theirs, bars)
        except OrbcastError as error:
            about["fault"] = str(error)
        rows.append(about)
    return rows


def _compared(
    market: Market, theirs: dict[tuple[str, str], dict[str, Any]], bars: Bars
) -> dict[str, Any]:

    if not theirs:
        return {"fault": f"it has no opening range of {market.symbol} with a high and a low"}
    if not len(bars):
        return {"fault": "there are no bars to compare it with"}
    days = sorted(date.fromisoformat(day) for day, _ in theirs)
    held = period_of(bars, market, None, None)
    first, last = max(days[0], held[0]), min(days[-1], held[1])
    try:
        lookback = timedelta(days=CHOICE_LOOKBACK_DAYS)
        schedule = build_schedule(market, first - lookback, last)
    except NoTradingDaysError:
        return {"fault": f"its days ({days[0]} to {days[-1]}) lie outside the bars"}
    same, own = (
        features.history.read_history(
            bars, market.model_copy(update={"roll": roll}), ranges.label_spec.LabelSpec(), schedule
        )
        for roll in (("none",) * 2 if market.roll == "none" else ("same_day_volume", market.roll))
    )
    within = {slot: row for slot, row in theirs.items() if str(first) <= slot[0] <= str(last)}
    if not within:
        return {"fault": f"its days ({days[0]} to {days[-1]}) lie outside the bars"}
    agreement, differences = legacy_import.outside_record.compare(
        within,
        legacy_import.outside_record.measured(same),
        touches=legacy_import.outside_record.exact_touches(same),
    )
    if not any(comparison.compared for comparison in agreement.values()):
        return {"fault": "no opening range is both in it and in the bars"}
    return {
        "first": str(first),
        "last": str(last),
        "outside": len(theirs) - len(within),
        "ranges": {name: asdict(comparison) for name, comparison in agreement.items()},
        "differences": [asdict(difference) for difference in differences[:_MOST_DIFFERENCES]],
        "more_differences": max(0, len(differences) - _MOST_DIFFERENCES),
        "unexplained": sum(not difference.reason for difference in differences),
        "roll_days": sorted(
            roll_day
            for roll_day in legacy_import.outside_record.roll_days(same, own)
            if roll_day >= str(first)
        ),
    }


def _reasons(records: tuple[BatchRecord, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for record in records:
        for name, rows in record.quarantined.items():
            total[name] = total.get(name, 0) + rows
    return total


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
