"""Survey of another system: import its bars, compare its record, examine its models."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deployments import legacy_import
from deployments.legacy_import.bars_table import (
    choose_bars_table,
    mixed_with,
    zone_of_times,
)
from deployments.legacy_import.findings import (
    BarsFinding,
    DatabaseFinding,
    ImportedBars,
    LegacyFindings,
    RecordFinding,
)
from ml_core import features, ranges
from ml_core.bars.arrays import Bars
from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.bars.continuous import CHOICE_LOOKBACK_DAYS
from ml_core.bars.contract import OnProgress, SourceError
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.times import TimeReading, zone_in_name
from ml_core.errors import InputError, OrbcastError
from ml_core.json_values import field_values
from ml_core.market.market import Market
from ml_core.market.schedule import NoTradingDaysError, build_schedule, to_minute
from tasks.data.datasets import period_of
from tasks.data.intake import IntakeSummary, take_in
from tasks.data.sources import SourceSpec, open_source
from tasks.runs.trying_again import with_patience
from tasks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployments.legacy_import.outside_record import Slot

_MOST_DIFFERENCES = 40


class NothingToImportError(InputError):
    """Neither a database nor a registry is named."""

    template = "nothing is named; give --duckdb FILE, --registry FOLDER, or both"


class NoFolderError(InputError):
    """A registry that is not a folder."""

    path: str
    template = "{path} is not a folder; name the folder that holds the model versions"


def survey(
    settings: Settings,
    name: str,
    *,
    source: SourceSpec | None,
    registry: Path | None,
    at: datetime,
    dry_run: bool,
    on_progress: OnProgress | None = None,
) -> LegacyFindings:
    """Read the other system's data, import its bars unless ``dry_run``, judge what can be used.

    Parameters
    ----------
    settings, name
        Settings; name of a market file.
    source
        The other system's database, and how its times are read; the table of bars is detected.
    registry
        The other system's folder of model versions.
    at
        Aware time, now.
    dry_run
        Leave the lake unchanged: check and compare the bars in a temporary lake.
    on_progress
        Called with (batch name, batches done).

    Raises
    ------
    NothingToImportError, NoFolderError, SourceError
        The trader must name a database or folder that can be read.
    DatabaseLockedError
        Another program keeps the database open for writing; a later try may succeed.
    """
    if source is None and registry is None:
        raise NothingToImportError
    if registry is not None and not registry.is_dir():
        raise NoFolderError(str(registry))
    market = settings.market(name)
    database, models = None, None
    with tempfile.TemporaryDirectory(prefix="orbcast-legacy-") as folder:
        lake = Lake(Path(folder)) if dry_run else settings.lake()
        if source is not None:
            database = _database(
                settings, market, source, at, lake=lake, dry_run=dry_run, on_progress=on_progress
            )
        bars = lake.read(market, None, to_minute(at))
        if dry_run and not len(bars):
            bars = settings.lake().read(market, None, to_minute(at))
        if database is not None:
            database = replace(database, records=_records(market, database.path, bars))
        if registry is not None:
            models = legacy_import.models.models_of(market, registry, bars)
    return LegacyFindings(
        market=market.symbol,
        name=name,
        made_at=at,
        dry_run=dry_run,
        duckdb=database,
        registry=models,
    )


def _database(
    settings: Settings,
    market: Market,
    source: SourceSpec,
    at: datetime,
    *,
    lake: Lake,
    dry_run: bool,
    on_progress: OnProgress | None,
) -> DatabaseFinding:
    path, given = source.paths[0], source.options
    reading = TimeReading(
        assumed_zone="UTC",
        zone=given.get("zone"),
        time_format=given.get("time_format"),
        stamp="close" if given.get("stamp") == "close" else "open",
    )
    tables = with_patience(lambda: legacy_import.database.tables(path))
    chosen, seen = choose_bars_table(market, path, tables, reading)
    if chosen is None:
        return DatabaseFinding(path=path, tables=seen, bars=None)
    table, mapping = chosen
    sample = with_patience(
        lambda: legacy_import.database.sampled_times(path, table, mapping["ts"], reading)
    )
    # times that are UTC by their column's name are read as UTC, as `orbcast ingest` does
    zone = given.get("zone") or (None if zone_in_name(mapping["ts"]) else sample.local_zone)
    options = {**given, "table": table, **({"zone": zone} if zone else {})}
    spec = source.model_copy(update={"columns": mapping, "options": options})
    kind = next(
        candidate.columns[mapping["ts"]] for candidate in tables if candidate.name == table
    )
    times = zone_of_times(market, mapping["ts"], kind, sample, is_named="zone" in given)
    status = settings.lake().status(market.symbol)
    bars = BarsFinding(
        table=table,
        columns=mapping,
        zone=times,
        fault=times.fault or mixed_with(market, mapping, status.contracts),
    )
    if bars.fault is None:
        bars = _taken_in(
            settings, market, spec, bars, at, lake=lake, dry_run=dry_run, on_progress=on_progress
        )
    return DatabaseFinding(path=path, tables=seen, bars=bars)


def _taken_in(
    settings: Settings,
    market: Market,
    spec: SourceSpec,
    bars: BarsFinding,
    at: datetime,
    *,
    lake: Lake,
    dry_run: bool,
    on_progress: OnProgress | None,
) -> BarsFinding:
    """Import the bars; return them with the result, or the reason why they were refused."""

    def take() -> tuple[BatchRecord, ...]:
        if dry_run:
            return lake.ingest(
                open_source(spec, market, at, settings.feeds_dir), market, at, on_progress
            )
        return take_in(settings, market, spec, at, on_progress=on_progress)

    try:
        records = with_patience(take)
    except (BatchRefusedError, SourceError) as error:
        return replace(bars, fault=str(error))
    status = lake.status(market.symbol)
    summary = IntakeSummary.of(records, status)
    brought = ImportedBars(
        **field_values(summary), reasons=_reasons(records), first_bar=status.first
    )
    return replace(bars, brought=brought)


def _records(market: Market, path: str, bars: Bars) -> tuple[RecordFinding, ...]:
    records = []
    for table in with_patience(lambda: legacy_import.database.tables(path)):
        if table.kind != "features":
            continue
        record = RecordFinding(
            table=table.name,
            rows=table.rows,
            columns=tuple(
                legacy_import.feature_names.judge(column, market) for column in table.columns
            ),
            ranges={},
        )
        try:
            theirs = legacy_import.database.record_of(path, table, market.symbol)
            records.append(_compared(market, record, theirs, bars))
        except OrbcastError as error:
            records.append(replace(record, fault=str(error)))
    return tuple(records)


def _compared(
    market: Market,
    record: RecordFinding,
    theirs: Mapping[Slot, Mapping[str, object]],
    bars: Bars,
) -> RecordFinding:
    if not theirs:
        fault = f"it has no opening range of {market.symbol} with a high and a low"
        return replace(record, fault=fault)
    if not len(bars):
        return replace(record, fault="there are no bars to compare it with")
    days = sorted(date.fromisoformat(day) for day, _ in theirs)
    beyond = f"its days ({days[0]} to {days[-1]}) lie outside the bars"
    held = period_of(bars, market, None, None)
    first, last = max(days[0], held[0]), min(days[-1], held[1])
    try:
        lookback = timedelta(days=CHOICE_LOOKBACK_DAYS)
        schedule = build_schedule(market, first - lookback, last)
    except NoTradingDaysError:
        return replace(record, fault=beyond)
    same, own = (
        features.history.read_history(
            bars, market.model_copy(update={"roll": roll}), ranges.label_spec.LabelSpec(), schedule
        )
        for roll in (("none",) * 2 if market.roll == "none" else ("same_day_volume", market.roll))
    )
    within = {slot: row for slot, row in theirs.items() if str(first) <= slot[0] <= str(last)}
    if not within:
        return replace(record, fault=beyond)
    agreement, differences = legacy_import.outside_record.compare(
        within,
        legacy_import.outside_record.measured(same),
        touches=legacy_import.outside_record.exact_touches(same),
    )
    if not any(comparison.compared for comparison in agreement.values()):
        return replace(record, fault="no opening range is both in it and in the bars")
    rolls = legacy_import.outside_record.roll_days(same, own)
    return replace(
        record,
        first=str(first),
        last=str(last),
        outside=len(theirs) - len(within),
        ranges=agreement,
        differences=tuple(differences[:_MOST_DIFFERENCES]),
        more_differences=max(0, len(differences) - _MOST_DIFFERENCES),
        unexplained=sum(not difference.reason for difference in differences),
        roll_days=tuple(sorted(day for day in rolls if day >= str(first))),
    )


def _reasons(records: tuple[BatchRecord, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for record in records:
        for name, rows in record.quarantined.items():
            total[name] = total.get(name, 0) + rows
    return total
