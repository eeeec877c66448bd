"""The intraday decision: are the slot's bars here, what do the versions say of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml_core.bars.arrays import Bars
from ml_core.errors import OrbcastError
from ml_core.features.all import CATALOGUE
from ml_core.features.history import HISTORY_DAYS
from ml_core.learning.assemble import NoSlotError, assemble_live
from ml_core.learning.bundle import BundleCorruptError, load_bundle
from ml_core.learning.dataset import Dataset
from ml_core.learning.inference import Prediction, Predictor
from ml_core.learning.novelty import LOOKED_AT, may_silence
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from ml_core.ranges.label_spec import LabelSpec
from monitoring.breaker import Standing
from registry.errors import PrematureAnswerError, UnknownVersionError
from registry.ledger import Mode, PredictionEntry, Role
from registry.model_store import CHALLENGER, Serving, VersionRecord
from tasks.data.freshness import is_awaited
from tasks.health.breaker import breaker_of
from tasks.prediction.slots import Slot
from tasks.rollout.stage import stage_of
from tasks.runs.code_hash import code_hash
from tasks.settings import Settings

NO_MODEL = "no_model"
SKIP = "skip"
EVEN = 0.5
MISSED = "missed"
HOLIDAY = "holiday"
EXCHANGE_CLOSED = "exchange_closed"
STALE = "stale_data"
UNUSABLE = "model_unusable"
EXPIRED = "model_expired"
OTHER_MARKET = "market_changed"
NOVEL = "novel_input"
OFF = "off"

_BEHIND = "the bars had not come in up to the last minute of the window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A version asked in a role.

    Attributes
    ----------
    role, record
        Which version, as what.
    fallback
        Why it and not the champion, if so.
    faults, expired, other_market
        What is wrong with its files; that it is too old to answer, or was trained on another
        definition of the market.
    """

    role: Role
    record: VersionRecord
    fallback: str | None = None
    faults: tuple[str, ...] = ()
    expired: str | None = None
    other_market: str | None = None


def voices(settings: Settings, symbol: str, at: datetime) -> tuple[Voice, ...]:
    """Return the version that serves at a time, and the challenger beside it if there is another.

    Raises
    ------
    UnknownVersionError
        Nothing was ever registered.
    """
    models = settings.models()
    serving = models.serving(symbol, at)
    found = [_serving(serving)]
    challenger = models.current(symbol, CHALLENGER)
    if challenger is not None and challenger.version != serving.record.version:
        record = models.find(symbol, challenger.version)
        found.append(
            Voice(
                role="challenger",
                record=record,
                faults=models.faults(record),
                expired=models.expired(record, at),
                other_market=models.other_market(record),
            )
        )
    return tuple(found)


def _serving(serving: Serving) -> Voice:
    return Voice(
        role="champion",
        record=serving.record,
        fallback=serving.fallback,
        expired=serving.expired,
        other_market=serving.other_market,
    )


def read_bars(settings: Settings, market: Market, slot: Slot) -> Bars:
    """Read what the slot's decision can depend on: some weeks of bars closed by t0."""
    t0 = to_minute(slot.decision)
    return settings.lake().read(market, t0 - (HISTORY_DAYS + 2) * 1440, t0)


def ask(
    record: VersionRecord, market: Market, slot: Slot, bars: Bars
) -> tuple[Dataset, Prediction]:
    """Build the slot's row and have a version answer.

    Raises
    ------
    NoSlotError
        There is nothing to decide on; ``why`` is a typed reason.
    BundleCorruptError
        The version's files are not whole.
    """
    predictor = _predictor(record)
    recipe = predictor.bundle.recipe
    row = assemble_live(
        bars,
        market,
        recipe.label,
        trading_day=slot.trading_day,
        opening_range=slot.opening_range,
        features=CATALOGUE.select(predictor.bundle.feature_names),
    )
    return row, predictor.predict(row, time.monotonic())


def answers(
    settings: Settings, market: Market, slot: Slot, made_at: datetime, mode: Mode
) -> list[PredictionEntry]:
    """Return what each version says of a slot, or the typed reason why it says nothing.

    Parameters
    ----------
    settings, market, slot
        What is asked.
    made_at
        Aware time, now.
    mode
        Only a live answer can be late or missed.
    """
    if mode == "live" and made_at < slot.decision:
        raise PrematureAnswerError(str(slot), made_at, slot.decision)
    if mode == "live" and made_at > slot.decision + timedelta(
        minutes=settings.missed_after_minutes
    ):
        return not_answered(settings, market, {slot: MISSED}, made_at)
    common = _common(settings, market, slot, made_at, mode)
    if mode == "live" and stage_of(settings, slot.symbol, made_at)[0] == "off":
        return not_answered(settings, market, {slot: OFF}, made_at)
    at = made_at if mode == "live" else slot.decision  # a replay: what would have been said then
    try:
        asked = voices(settings, slot.symbol, at)
    except UnknownVersionError:
        return [_abstained(common, "champion", None, NO_MODEL)]
    here = read_bars(settings, market, slot)
    bars = None if is_awaited(settings, market, slot, here) else here
    said = [_answer(common, voice, market, slot, bars) for voice in asked]
    if said[0].reason == UNUSABLE:
        said[0] = _instead(settings, said[0], at, market, slot, bars)
    if any(each.reason == NOVEL for each in said):
        said = [_unless_too_many(settings, each) for each in said]
    if mode != "live":
        return said
    breaker = breaker_of(settings, slot.symbol, made_at)
    return said if breaker.closed else [_held_back(each, breaker) for each in said]


def _instead(
    settings: Settings,
    failed: PredictionEntry,
    at: datetime,
    market: Market,
    slot: Slot,
    bars: Bars | None,
) -> PredictionEntry:
    """Have the next version answer where the champion fails though its files are whole."""
    common = _common(settings, market, slot, failed.made_at, failed.mode)
    found, without = failed, dict[str, str]()
    while found.reason == UNUSABLE:
        without[str(found.version)] = str(found.outputs.get("detail"))
        try:
            voice = _serving(settings.models().serving(slot.symbol, at, without))
        except UnknownVersionError:
            return failed
        found = _answer(common, voice, market, slot, bars)
    return failed if found.reason in {EXPIRED, OTHER_MARKET} else found


def _held_back(entry: PredictionEntry, breaker: Standing) -> PredictionEntry:
    """Mark an answer given while the breaker is not closed: it recommends nothing."""
    marked = {**entry.outputs, "breaker": breaker.state, "breaker_cause": breaker.cause}
    recommends = SKIP if entry.status == "predicted" else None
    return replace(entry, recommendation=recommends, outputs=marked)


def not_answered(
    settings: Settings, market: Market, slots: dict[Slot, str], made_at: datetime
) -> list[PredictionEntry]:
    """Return the rows of live slots that went by unanswered, each with its typed reason."""
    if not slots:
        return []
    symbol = market.symbol
    try:
        asked: list[tuple[Role, VersionRecord | None]] = [
            (each.role, each.record) for each in voices(settings, symbol, made_at)
        ]
    except UnknownVersionError:
        asked = [("champion", None)]
    return [
        _abstained(common, role, record, why if record else NO_MODEL)
        for slot, why in slots.items()
        for common in [_common(settings, market, slot, made_at, "live")]
        for role, record in asked
    ]


def _common(
    settings: Settings, market: Market, slot: Slot, made_at: datetime, mode: Mode
) -> dict[str, Any]:
    behind = (made_at - slot.decision).total_seconds()
    return {
        "market": slot.symbol,
        "market_hash": MarketDefinition.of(market).hash,
        "trading_day": slot.trading_day,
        "opening_range": slot.opening_range,
        "mode": mode,
        "decision_time": slot.decision,
        "made_at": made_at,
        "late": mode == "live" and behind > settings.late_after_seconds,
    }


def _answer(
    common: dict[str, Any], voice: Voice, market: Market, slot: Slot, bars: Bars | None
) -> PredictionEntry:
    """Have a version answer, from bars that are all here; None if some are still awaited."""
    for why, detail in (
        (OTHER_MARKET, voice.other_market),
        (EXPIRED, voice.expired),
        (UNUSABLE, "; ".join(voice.faults)),
    ):
        if detail:
            return _abstained(common, voice.role, voice.record, why, detail)
    if bars is None:
        return _abstained(common, voice.role, voice.record, STALE, _BEHIND)
    try:
        row, said = ask(voice.record, market, slot, bars)
    except NoSlotError as error:
        return _abstained(common, voice.role, voice.record, error.why)
    except OrbcastError as error:
        return _abstained(common, voice.role, voice.record, UNUSABLE, str(error))
    answer = _predicted(common, voice, row, said, slot, bars)
    # the corridor asks for nothing but the range itself: there is nothing for it to be new to
    return _silenced(answer) if said.novel and voice.record.kind != "baseline" else answer


def _silenced(entry: PredictionEntry) -> PredictionEntry:
    """Return nothing of a row unlike the training data; what would have been said is kept."""
    return replace(
        entry,
        status="abstained",
        reason=NOVEL,
        p_up=None,
        baseline_p_up=None,
        recommendation=None,
        expected_net_r=None,
    )


def _unless_too_many(settings: Settings, entry: PredictionEntry) -> PredictionEntry:
    """Let a novel row be answered, and marked, where too many were silenced of late."""
    if entry.reason != NOVEL:
        return entry
    since = entry.trading_day - timedelta(days=LOOKED_AT)
    rows = settings.ledger().settled(
        entry.market, first=since, last=entry.trading_day, mode=entry.mode
    )
    before = [
        each.prediction.reason == NOVEL
        for each in rows
        if each.prediction.role == entry.role
        and each.prediction.decision_time < entry.decision_time
    ]
    if may_silence(before):
        return entry
    outputs = entry.outputs
    likelier = outputs["long" if outputs["p_up_given_break"] >= EVEN else "short"]
    return replace(
        entry,
        status="predicted",
        reason=None,
        p_up=outputs["p_up_given_break"],
        baseline_p_up=outputs["baseline_p_up_given_break"],
        recommendation=outputs["recommendation"],
        expected_net_r=likelier["expected_net_r"],
        outputs={**outputs, "novelty": {**outputs["novelty"], "too_many_silenced": True}},
    )


@lru_cache(maxsize=8)
def _loaded(folder: str, sums_hash: str) -> Predictor:
    del sums_hash  # part of the key: other files are another predictor

    try:
        return Predictor(load_bundle(Path(folder)))
    except OrbcastError:
        raise
    except Exception as error:
        # whole files of another release's making: another version is asked, the slot is not lost
        fault = f"cannot be read by this release: {type(error).__name__}: {error}"
        raise BundleCorruptError(folder, "its content", fault) from error


def _predictor(record: VersionRecord) -> Predictor:
    return _loaded(str(record.folder), record.sums_hash)


def _abstained(
    common: dict[str, Any],
    role: Role,
    record: VersionRecord | None,
    why: str,
    detail: str | None = None,
) -> PredictionEntry:
    # the label is the version's; without one the default question is the one left unanswered
    label = record.metrics.get("summary", {}).get("label") if record else None
    return PredictionEntry(
        **common,
        role=role,
        status="abstained",
        reason=why,
        label=label or LabelSpec().key,
        model=record.model if record else None,
        version=record.version if record else None,
        recipe_hash=record.recipe_hash if record else None,
        features={},
        outputs={"detail": detail} if detail else {},
    )


def _predicted(
    common: dict[str, Any],
    voice: Voice,
    row: Dataset,
    said: Prediction,
    slot: Slot,
    bars: Bars,
) -> PredictionEntry:
    likelier = said.long if said.p_up_given_break >= EVEN else said.short
    trained_to = _predictor(voice.record).bundle.trained["last_day"]
    return PredictionEntry(
        **common,
        role=voice.role,
        status="predicted",
        reason=None,
        label=said.label,
        model=said.model,
        version=said.version,
        recipe_hash=voice.record.recipe_hash,
        p_up=said.p_up_given_break,
        baseline_p_up=said.baseline_p_up_given_break,
        recommendation=said.recommendation,
        expected_net_r=likelier.expected_net_r,
        features={
            name: None if math.isnan(value) else value
            for name, value in zip(row.feature_names, row.features[0].tolist(), strict=True)
        },
        outputs={
            **said.to_json(),
            "reasons": [
                {
                    "feature": each.feature,
                    "value": each.value,
                    "contribution": each.contribution,
                    "words": each.words,
                }
                for each in said.reasons
            ],
            "fallback": voice.fallback,
            "code": code_hash(),
            "last_bar_minute": int(bars.minute[-1]),
            "after_training": str(slot.trading_day) > trained_to,
        },
    )
