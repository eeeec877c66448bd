"""The result of a soak, checked against its plan and its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.soak.plan import Plan
from benchmarks.soak.record import Record
from benchmarks.soak.world import World
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.duckdb_file import read_duckdb
from ml_core.features.history import HISTORY_DAYS
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.schedule import to_minute
from ml_core.ranges.label_spec import LabelSpec
from registry.ledger.entries import Settled
from tasks.data.label_keys import labels_by_key
from tasks.settings import Settings

MOST_SILENT = 0.2
"""Share of slots with bars that may lack a prediction because of kills."""

Slots = dict[tuple[date, str], str]
"""Direction of each range's breakout."""


def look_at_ledger(record: Record, settings: Settings, world: World) -> None:
    """Note a fault for each slot without exactly one row, and breakout without its outcome."""
    faults = record.faults
    wanted = {(slot.trading_day, slot.opening_range) for slot in world.slots}
    settled = [
        row
        for row in settings.ledger().settled(world.market.symbol, mode="live")
        if row.prediction.role == "champion"
        and (row.prediction.trading_day, row.prediction.opening_range) in wanted
    ]
    rows = [row.prediction for row in settled]
    have = Counter((row.trading_day, row.opening_range) for row in rows)
    faults += [f"{day} {name} has no row" for day, name in sorted(wanted - have.keys())]
    faults += [f"{day} {name} has {n} rows" for (day, name), n in have.items() if n > 1]
    record.planned = len(wanted)
    record.slots = sum(count == 1 for count in have.values())
    record.answered = Counter(str(row.reason or row.status) for row in rows)
    record.predicted = record.answered["predicted"]
    lost = {*world.plan.without_data, world.plan.restore}  # no row of the restore's day is left
    with_bars = sum(world.day_number[slot.trading_day] not in lost for slot in world.slots)
    if record.predicted < (1.0 - MOST_SILENT) * with_bars:
        faults.append(f"only {record.predicted} of {with_bars} slots with bars were predicted")
    record.late = sum(row.late for row in rows)
    _look_at_outcomes(record, settings, world, settled)


def _look_at_outcomes(
    record: Record, settings: Settings, world: World, settled: list[Settled]
) -> None:
    """Compare the outcomes with those from the source's bars."""
    keys = {row.prediction.label for row in settled}
    labels = labels_by_key(settings, world.market.symbol, keys)
    for key in labels:
        breaks = _breaks(world, labels, key)
        outcomes: Slots = {
            (row.prediction.trading_day, row.prediction.opening_range): row.direction
            for row in settled
            if row.prediction.label == key and row.direction is not None
        }
        asked = {
            (row.prediction.trading_day, row.prediction.opening_range)
            for row in settled
            if row.prediction.label == key
        }
        breaks = {slot: way for slot, way in breaks.items() if slot in asked}
        record.breaks += len(breaks)
        record.outcomes += sum(outcomes.get(slot) == way for slot, way in breaks.items())
        for slot in sorted(breaks.keys() | outcomes.keys()):
            if outcomes.get(slot) != breaks.get(slot):
                words = f"{slot[0]} {slot[1]} broke {breaks.get(slot)}"
                record.faults.append(f"{words}, and its outcome is {outcomes.get(slot)}")


def _breaks(world: World, labels: Mapping[str, LabelSpec], key: str) -> Slots:
    """Return the direction of each breakout, by the source's bars, read again."""
    lake = Lake(world.clock.with_name("again"))
    last = world.slots[-1].decision + timedelta(days=2)
    columns = {"contract": "contract"}
    lake.ingest(
        read_duckdb(str(world.trader), world.market.symbol, columns=columns), world.market, last
    )
    first = world.plan.first - timedelta(days=HISTORY_DAYS + 2)
    bars = lake.read(world.market, (first - date(1970, 1, 1)).days * 1440, to_minute(last))
    days = (world.slots[0].trading_day, world.slots[-1].trading_day)
    assembly = assemble(bars, world.market, labels[key], first=days[0], last=days[1], features=())
    return {
        (row["trading_day"], row["opening_range"]): row["break_direction"]
        for row in slot_table(assembly).to_pylist()
        if row["break_direction"] is not None and row["resolved_at"] is not None
    }


def look_at_versions(record: Record, settings: Settings, symbol: str) -> None:
    """Note a fault for each duplicate version, and for versions with changed files."""
    models = settings.models()
    versions = models.versions(symbol)
    record.versions = len(versions)
    alike = Counter(version.sums_hash for version in versions)
    record.faults += [f"{n} versions have the files {one}" for one, n in alike.items() if n > 1]
    record.faults += [
        f"{version.version}: {models.faults(version)}"
        for version in versions
        if models.faults(version)
    ]


def look_at_lake(record: Record, settings: Settings, world: World) -> None:
    """Compare the lake's bars with the source's, including closes."""
    with duckdb.connect(str(world.trader), read_only=True) as connection:
        counted = connection.execute(
            "SELECT count(*), coalesce(sum(round(close * 10)), 0)::BIGINT FROM bars_1m"
        ).fetchone()
    lake = settings.lake()
    closes = 0
    for path in sorted((lake.root / world.market.symbol / "bars").glob("[0-9]*.parquet")):
        closes += round(pc.sum(pc.round(pc.multiply(pq.read_table(path)["close"], 10))).as_py())
    in_lake = (lake.status(world.market.symbol).bars, closes)
    if counted != in_lake:
        record.faults.append(
            f"the source has bars and sum of closes {counted}, the lake {in_lake}"
        )


def look_at_events(record: Record, plan: Plan) -> None:
    """Note a fault for each planned event that did not happen."""
    if plan.drift is not None and not record.by_drift:
        record.faults.append("no drift started a retrain")
    if plan.promotion is not None and not record.promoted:
        record.faults.append("no promotion waited for its person")
