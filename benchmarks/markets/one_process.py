"""The work itself without Prefect: each market trained and predicted in one process.

Its processor seconds say what a machine needs that is busy with other things now.
"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.markets.world import COMMON, MarketWorld
from tasks.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOfMarkets:
    """Processor seconds of the work for some markets.

    Attributes
    ----------
    markets
        Number of markets.
    imported, trained
        Seconds to import all bars, and to train and register each market's versions.
    loaded
        Seconds to load what the predictions need, before their ranges close.
    recorded
        Seconds until all rows and plans are recorded, from the ranges' close.
    statuses
        Number of rows by what they say.
    peak_mb
        Peak memory of the process after training, and after predicting.
    """

    markets: int
    imported: float
    trained: float
    loaded: float
    recorded: float
    statuses: dict[str, int]
    peak_mb: tuple[float, float]


def work_of_markets(folder: Path, worlds: Path, markets: int, years: float) -> WorkOfMarkets:
    """Train and predict markets in this process; the environment names their home then."""
    home, clock = folder / "home", folder / "clock"
    home.mkdir(parents=True)
    os.environ |= {"ORBCAST_HOME": str(home), "ORBCAST_CLOCK_FILE": str(clock)}
    os.environ.pop("ORBCAST_MARKETS", None)
    from tasks.data.ingest import read_source  # noqa: PLC0415 - they read the environment
    from tasks.prediction.await_bars import MarketSlot  # noqa: PLC0415
    from tasks.prediction.predict import get_ready  # noqa: PLC0415
    from tasks.prediction.predict_together import record_slots  # noqa: PLC0415

    settings = Settings(home=home)
    world = MarketWorld(worlds, settings, markets, years)
    world.prepare()
    before = COMMON - timedelta(hours=20)
    _set_clock(clock, before)
    began = time.process_time()
    for name in world.names:
        read_source(name, None, before, full=True)
    imported = time.process_time()
    for name in world.names:
        _train(settings, name, before)
    trained, peak_trained = time.process_time(), _peak_mb()
    # an hour before, as the run of the range before would have left it
    world.append_bars(COMMON - timedelta(hours=1))
    for name in world.names:
        read_source(name, None, COMMON - timedelta(hours=1), full=False)
    world.append_bars(COMMON)
    _set_clock(clock, COMMON)
    loading = time.process_time()
    for name in world.names:
        get_ready(name)
    loaded = time.process_time()
    slots = [MarketSlot(market=name, slot=slot) for name, slot in world.common_slots()]
    result = record_slots.fn(slots)
    recorded = time.process_time()
    statuses = dict[str, int]()
    for one in result.recorded:
        entry = one.predicted.entries[0]
        words = entry.reason or entry.status
        statuses[words] = statuses.get(words, 0) + 1
    for fault in result.faults:
        statuses[str(fault)] = 1
    return WorkOfMarkets(
        markets=markets,
        imported=imported - began,
        trained=trained - imported,
        loaded=loaded - loading,
        recorded=recorded - loaded,
        statuses=statuses,
        peak_mb=(peak_trained, _peak_mb()),
    )


def _train(settings: Settings, name: str, at: datetime) -> None:
    from tasks.training.promotion import decide_who_serves  # noqa: PLC0415
    from tasks.training.train import gather, train_version  # noqa: PLC0415

    baseline, chosen = settings.recipe("baseline"), settings.recipe("residual-mirrored")
    material = gather.fn(name, chosen, None, None, at)
    versions = [train_version.fn(material, recipe, at) for recipe in (baseline, chosen)]
    symbol = settings.market(name).symbol
    decide_who_serves.fn(symbol, versions, versions[1].version, material, at)


def _set_clock(clock: Path, at: datetime) -> None:
    clock.write_text(str((at - datetime.now(UTC)).total_seconds()), "utf-8")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
