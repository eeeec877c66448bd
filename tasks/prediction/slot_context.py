"""A slot's context, read once: bars, stage, breaker, versions and the ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from ml_core.bars.arrays import Bars
from ml_core.decision import decide
from ml_core.decision.abstain import NOVEL, OF_SLOT, abstention
from ml_core.decision.context import RoleVersion, SlotContext
from ml_core.decision.entry import Mode, Role
from ml_core.decision.plan_slot import OPEN_DAYS
from ml_core.decision.slot import Slot
from ml_core.errors import OrbcastError
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.inference import Predictor
from ml_core.learning.predictions.novelty import LOOKBACK_SLOTS
from ml_core.learning.predictions.prediction import Prediction
from ml_core.learning.saved_bundle import load_bundle
from ml_core.learning.version_folder import BundleCorruptError
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from registry.errors import PrematurePredictionError, UnknownVersionError, UnusableVersionError
from registry.models.versions import CHALLENGER, Serving, VersionRecord
from registry.news import news_of
from registry.strategy import strategy_records
from tasks.data.freshness import is_awaited
from tasks.health.breaker import breaker_of
from tasks.prediction.slot_bars import Arrival, read_bars
from tasks.rollout.stage import stage_of
from tasks.runs.code_hash import code_hash
from tasks.settings import Settings


def load_context(
    settings: Settings,
    market: Market,
    slot: Slot,
    made_at: datetime,
    mode: Mode,
    arrival: Arrival | None = None,
) -> SlotContext:
    """Read everything that the decision on a slot depends on, each part once.

    A recorded slot is not decided again, so its versions and bars are not read.

    Parameters
    ----------
    settings, market, slot
        The installation, and the slot with its market.
    made_at
        Aware time, now.
    mode
        Only a live prediction can be late or missed.
    arrival
        The slot's bars from the wait for them; by default, they are read from the lake.

    Raises
    ------
    PrematurePredictionError
        The window of a live slot has not closed.
    """
    context = bare_context(settings, market, slot, made_at, mode)
    context = replace(
        context,
        recorded=settings.ledger().of_slot(
            slot.symbol, slot.trading_day, slot.opening_range, mode
        ),
        plans=strategy_records(
            settings.database(),
            slot.symbol,
            mode=mode,
            first=slot.trading_day - OPEN_DAYS,
            last=slot.trading_day,
        ),
        news=news_of(settings.database(), slot.symbol),
    )
    if mode == "live":
        stage, position = stage_of(settings, slot.symbol, made_at)
        context = replace(context, stage=stage, approval=position.bound_to)
    if context.recorded:
        return context
    if mode == "live" and made_at < slot.decision:
        raise PrematurePredictionError(str(slot), made_at, slot.decision)
    return _with_evidence(settings, context, arrival)


def bare_context(
    settings: Settings, market: Market, slot: Slot, made_at: datetime, mode: Mode
) -> SlotContext:
    """Return a slot's context with only what is known without reading anything."""
    return SlotContext(
        market=market,
        market_hash=MarketDefinition.of(market).hash,
        slot=slot,
        mode=mode,
        made_at=made_at,
        late_after=timedelta(seconds=settings.late_after_seconds),
        missed_after=timedelta(minutes=settings.missed_after_minutes),
    )


def _with_evidence(
    settings: Settings, context: SlotContext, arrival: Arrival | None
) -> SlotContext:
    """Add the versions and, if one is to predict, bars, breaker and silenced slots."""
    symbol, live = context.slot.symbol, context.mode == "live"
    versions = versions_for(settings, symbol, _serving_time(context))
    context = replace(context, versions=versions)
    if not versions or abstention(context, versions[0], OF_SLOT):
        return context
    bars = arrival.bars if arrival else None
    if arrival and bars is not None:
        awaited = not arrival.present
    else:
        bars = read_bars(settings, context.market, context.slot)
        awaited = is_awaited(settings, context.market, context.slot, bars)
    breaker = breaker_of(settings, symbol, context.made_at) if live else None
    return replace(
        context,
        versions=tuple(map(loaded, versions)),
        bars=bars,
        awaited=awaited,
        breaker=breaker.state if breaker else "closed",
        breaker_cause=breaker.cause if breaker else "",
        silenced=_silenced(settings, context),
        seconds=time.monotonic(),
        code=code_hash(),
        catalogue=settings.catalogue(),
    )


def _serving_time(context: SlotContext) -> datetime:
    """Return the time as of which versions serve; in a replay, the decision time."""
    return context.made_at if context.mode == "live" else context.slot.decision


def _silenced(settings: Settings, context: SlotContext) -> dict[Role, tuple[bool, ...]]:
    """Return by role which earlier slots were silenced as novel; empty if all are baselines."""
    slot = context.slot
    if all(version.kind == "baseline" for version in context.versions):
        return {}
    reasons = settings.ledger().reasons(
        slot.symbol,
        first=slot.trading_day - timedelta(days=LOOKBACK_SLOTS),
        before=slot.decision,
        mode=context.mode,
    )
    return {
        role: tuple(reason == NOVEL for reason in reasons.get(role, ()))
        for role in {version.role for version in context.versions}
    }


def versions_for(settings: Settings, symbol: str, at: datetime) -> tuple[RoleVersion, ...]:
    """Return the version that serves at a time, and the challenger if it is a different one.

    Empty if no version was ever registered.
    """
    models = settings.models()
    try:
        serving = models.serving(symbol, at)
    except UnknownVersionError:
        return ()
    versions = [_champion(serving)]
    challenger = models.current(symbol, CHALLENGER)
    if challenger is not None and challenger.version != serving.record.version:
        try:
            record = models.find(symbol, challenger.version)
        except UnknownVersionError:  # its row is gone; `orbcast verify` reports it
            return tuple(versions)
        version = role_version("challenger", record)
        versions.append(
            replace(
                version,
                damaged="; ".join(models.faults(record)) or None,
                expired=models.expired(record, at),
                other_market=models.other_market(record),
            )
        )
    return tuple(versions)


def next_version(
    settings: Settings, context: SlotContext, without: Mapping[str, str]
) -> RoleVersion | None:
    """Return the version that serves if some cannot predict; None if there is none."""
    models = settings.models()
    serving = models.serving(context.slot.symbol, _serving_time(context), without)
    return None if serving.damaged else loaded(_champion(serving))


def _champion(serving: Serving) -> RoleVersion:
    return replace(
        role_version("champion", serving.record),
        fallback=serving.fallback,
        expired=serving.expired,
        other_market=serving.other_market,
        damaged=serving.damaged,
    )


def role_version(role: Role, record: VersionRecord) -> RoleVersion:
    """Return a registered version in a role, without any known fault."""
    return RoleVersion(
        role=role,
        model=record.model,
        version=record.version,
        recipe_hash=record.recipe_hash,
        kind=record.kind,
        folder=record.folder,
        sums_hash=record.sums_hash,
        label=record.metrics.get("summary", {}).get("label"),
    )


def loaded(version: RoleVersion) -> RoleVersion:
    """Return a version with its predictor, or with the reason why it cannot be read."""
    if version.other_market or version.expired or version.damaged:
        return version
    try:
        return replace(version, predictor=_loaded(str(version.folder), version.sums_hash))
    except OrbcastError as error:
        return replace(version, unreadable=str(error))


def ask(
    settings: Settings, record: VersionRecord, market: Market, slot: Slot, bars: Bars
) -> tuple[Dataset, Prediction]:
    """Build the slot's row and let a registered version predict, even if it should not serve.

    Raises
    ------
    NoSlotError
        The slot has nothing to predict; ``why`` is a typed reason.
    BundleCorruptError, VersionFailedError
        The version's files are damaged, or it cannot predict.
    """
    predictor = _loaded(str(record.folder), record.sums_hash)
    news = news_of(settings.database(), market.symbol)
    return decide.ask(predictor, market, slot, bars, time.monotonic(), settings.catalogue(), news)


def ask_serving(
    settings: Settings, market: Market, slot: Slot, bars: Bars
) -> tuple[Serving, Prediction]:
    """Predict a slot with the serving version, or with the next one if that one fails.

    Raises
    ------
    NoSlotError
        The slot has nothing to predict.
    UnknownVersionError, UnusableVersionError
        There is no version, or none that can predict.
    """
    without = dict[str, str]()
    while True:
        serving = settings.models().serving(market.symbol, slot.decision, without)
        if serving.damaged:
            raise UnusableVersionError(serving.record.version, (serving.damaged,))
        try:
            return serving, ask(settings, serving.record, market, slot, bars)[1]
        except (BundleCorruptError, decide.VersionFailedError) as error:
            without[serving.record.version] = str(error)


@lru_cache(maxsize=256)  # two versions of each of many markets; some hundred kilobytes each
def _loaded(folder: str, sums_hash: str) -> Predictor:
    del sums_hash  # only part of the cache key: changed files give another predictor
    try:
        return Predictor(load_bundle(Path(folder)))
    except OrbcastError:
        raise
    except Exception as error:
        # intact files of another release: another version predicts, and the slot is not lost
        fault = f"cannot be read by this release: {type(error).__name__}: {error}"
        raise BundleCorruptError(folder, "its content", fault) from error
