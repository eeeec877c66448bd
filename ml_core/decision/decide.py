"""The decision on a slot: from what is known to one ledger entry per version."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from ml_core.bars.arrays import Bars
from ml_core.decision import mark
from ml_core.decision.abstain import (
    EXPIRED,
    NO_MODEL,
    OTHER_MARKET,
    UNUSABLE,
    Abstention,
    abstention,
)
from ml_core.decision.context import RoleVersion, SlotContext
from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.errors import OperatorError, OrbcastError
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Catalogue
from ml_core.learning.datasets.assemble import NoSlotError, assemble_live
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.inference import Predictor
from ml_core.learning.predictions.prediction import Prediction
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.ranges.label_spec import LabelSpec

EVEN = 0.5

Fallback = Callable[[Mapping[str, str]], RoleVersion | None]
"""Takes versions that failed to predict, with the reasons, and returns the version that serves
without them; None if no other is left."""


class VersionFailedError(OperatorError):
    """A version whose files are intact but that cannot predict."""

    version: str
    fault: str
    template = "version {version} fails when it predicts: {fault}"


def decide(context: SlotContext, fallback: Fallback) -> tuple[PredictionEntry, ...]:
    """Return each version's prediction for a slot, or the typed reason for giving none.

    Parameters
    ----------
    context
        What is known of the slot.
    fallback
        Called if the champion fails although its files are intact.
    """
    if not context.versions:
        return (abstained(context, None, Abstention(NO_MODEL)),)
    champion, *others = (entry_of(context, version) for version in context.versions)
    if champion.reason == UNUSABLE:
        champion = _instead(context, champion, fallback)
    return (champion, *others)


def entry_of(context: SlotContext, version: RoleVersion) -> PredictionEntry:
    """Return one version's entry, after applying every rule."""
    why = abstention(context, version)
    entry = abstained(context, version, why) if why else _predicted_entry(context, version)
    for rule in mark.RULES:
        entry = rule(context, version, entry)
    return entry


def abstained(
    context: SlotContext, version: RoleVersion | None, why: Abstention
) -> PredictionEntry:
    """Return the entry of a version that gives no prediction; of the champion if there is none."""
    # the version's label; without a version, the default label
    return _entry_of(context)(
        role=version.role if version else "champion",
        status="abstained",
        reason=why.reason,
        label=(version and version.label) or LabelSpec().key,
        model=version.model if version else None,
        version=version.version if version else None,
        recipe_hash=version.recipe_hash if version else None,
        features={},
        outputs=Outputs(detail=why.detail),
    )


def ask(
    predictor: Predictor,
    market: Market,
    slot: Slot,
    bars: Bars,
    seconds: float,
    catalogue: Catalogue | None,
    news: tuple[NewsEvent, ...] = (),
) -> tuple[Dataset, Prediction]:
    """Build the slot's row and get a version's prediction.

    Parameters
    ----------
    predictor, market, slot
        The loaded version, and the slot to predict.
    bars
        Weeks of bars closed by the decision.
    seconds
        Reading of a monotonic clock.
    catalogue
        All features; None for the shipped ones.
    news
        Scheduled news on record; what was not known by the decision is left out.

    Raises
    ------
    NoSlotError
        The slot has no usable range; ``why`` is a typed reason.
    VersionFailedError
        The version cannot predict, for any reason, or a figure of its prediction is not a number.
    """
    bundle = predictor.bundle
    try:
        row = assemble_live(
            bars,
            market,
            bundle.recipe.label,
            trading_day=slot.trading_day,
            opening_range=slot.opening_range,
            features=(catalogue or CATALOGUE).learned(bundle.feature_names, bundle.own),
            news=news,
        )
        prediction = predictor.predict(row, seconds)
        is_number = all(map(math.isfinite, _figures(prediction)))
    except NoSlotError:
        raise
    except Exception as error:
        words = (str(error).splitlines() or [""])[0]
        fault = words if isinstance(error, OrbcastError) else f"{type(error).__name__}: {words}"
        raise VersionFailedError(predictor.version, fault) from error
    if not is_number:
        raise VersionFailedError(predictor.version, "its prediction is not a number")
    return row, prediction


def _figures(prediction: Prediction) -> tuple[float, ...]:
    novelty = prediction.novelty
    return (
        *((novelty.dissimilarity, novelty.threshold) if novelty else ()),
        prediction.p_up,
        prediction.p_down,
        prediction.p_none,
        prediction.baseline_p_up_given_break,
        prediction.long.expected_net_r,
        prediction.short.expected_net_r,
    )


def logged_features(row: Dataset) -> dict[str, float | None]:
    """Return the features of a slot's row by name for the ledger, with None for NaN."""
    return {
        name: None if math.isnan(value) else value
        for name, value in zip(row.feature_names, row.features[0].tolist(), strict=True)
    }


def _instead(context: SlotContext, failed: PredictionEntry, fallback: Fallback) -> PredictionEntry:
    """Get the next version's prediction if the champion fails although its files are intact."""
    entry, without = failed, dict[str, str]()
    while entry.reason == UNUSABLE:
        without[str(entry.version)] = entry.outputs.detail or ""
        version = fallback(without)
        if version is None:
            return failed
        entry = entry_of(context, version)
    return failed if entry.reason in {EXPIRED, OTHER_MARKET} else entry


def _entry_of(context: SlotContext) -> partial[PredictionEntry]:
    """Return a partial entry with the slot and the time, to be completed per version."""
    return partial(
        PredictionEntry,
        market=context.slot.symbol,
        market_hash=context.market_hash,
        trading_day=context.slot.trading_day,
        opening_range=context.slot.opening_range,
        mode=context.mode,
        decision_time=context.slot.decision,
        made_at=context.made_at,
        late=context.late,
    )


def _predicted_entry(context: SlotContext, version: RoleVersion) -> PredictionEntry:
    predictor, bars = version.predictor, context.bars
    assert predictor is not None  # noqa: S101 - no rule matched, so it was loaded
    assert bars is not None  # noqa: S101 - the same
    try:
        row, prediction = ask(
            predictor,
            context.market,
            context.slot,
            bars,
            context.seconds,
            context.catalogue,
            context.news,
        )
    except NoSlotError as error:
        return abstained(context, version, Abstention(error.why))
    except OrbcastError as error:
        return abstained(context, version, Abstention(UNUSABLE, str(error)))
    up = prediction.p_up_given_break >= EVEN
    return _entry_of(context)(
        role=version.role,
        status="predicted",
        reason=None,
        label=prediction.label,
        model=prediction.model,
        version=prediction.version,
        recipe_hash=version.recipe_hash,
        p_up=prediction.p_up_given_break,
        baseline_p_up=prediction.baseline_p_up_given_break,
        recommendation=prediction.recommendation,
        expected_net_r=(prediction.long if up else prediction.short).expected_net_r,
        features=logged_features(row),
        outputs=Outputs(
            prediction=prediction,
            fallback=version.fallback,
            code=context.code,
            last_bar_minute=int(bars.minute[-1]),
            after_training=str(context.slot.trading_day) > predictor.bundle.trained["last_day"],
        ),
    )
