"""Questions about a market's past ranges, each answered and counted as a trial."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from ml_core.features.audit import audit_lookahead
from ml_core.features.catalogue import Catalogue, Feature
from ml_core.features.condition import Condition, read_condition
from ml_core.features.named_sessions import session_features
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import Market
from ml_core.ranges.label_spec import LabelSpec
from ml_core.setups.conditional import (
    BREAK_SIDES,
    BreakSide,
    ConditionalStats,
    SettledRanges,
    conditional_stats,
)
from registry.news import news_of
from tasks.data.datasets import LabelError, period_of, read_bars_until
from tasks.settings import Settings
from tasks.training.questions import record_look

STATS = "stats"
"""Name of the search under which these questions are counted."""

_DIRECTION = {"UP": 1, "DOWN": -1, "NONE": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeQuestion:
    """A question about a market's past ranges.

    Attributes
    ----------
    condition, side
        Condition on features, and the side of the breakout whose trade is measured.
    opening_range
        Name of the only range to consider; None for every range.
    label
        Which trade is made of a breakout.
    first, last
        Trading days; None for the first or the last one.
    features
        Names of the features in the condition.
    """

    condition: Condition
    side: BreakSide
    opening_range: str | None
    label: LabelSpec
    first: date | None = None
    last: date | None = None
    features: tuple[Feature, ...]

    @property
    def values(self) -> dict[str, str | None]:
        """The question as plain values; equal questions have equal values."""
        own = [feature.code for feature in self.features if feature.code]
        return {
            **({"own_code": " ".join(own)} if own else {}),
            "condition": self.condition.text,
            "side": self.side,
            "opening_range": self.opening_range,
            "label": self.label.key,
            "first": str(self.first) if self.first else None,
            "last": str(self.last) if self.last else None,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the values, as hex."""
        text = json.dumps({"stats": self.values}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def range_question(
    catalogue: Catalogue,
    market: Market,
    condition: str,
    *,
    side: str,
    opening_range: str | None,
    label: LabelSpec,
    first: date | None,
    last: date | None,
) -> RangeQuestion:
    """Return a question from what a user gave.

    The condition may name features of the catalogue, and sessions of the market by their names.

    Raises
    ------
    ConditionError, LabelError
        The condition, the side or the label is invalid.
    """
    sides = [name for name in BREAK_SIDES if name == side]
    if not sides:
        raise LabelError("side", repr(side), f"use one of {', '.join(BREAK_SIDES)}")
    every = (*session_features(market), *catalogue.select_with_own())
    by_name = {feature.name: feature for feature in every}
    read = read_condition(condition, by_name)
    return RangeQuestion(
        condition=read,
        features=tuple(by_name[name] for name in read.names),
        side=sides[0],
        opening_range=opening_range,
        label=label,
        first=first,
        last=last,
    )


def answer_question(
    settings: Settings, name: str, question: RangeQuestion, at: datetime
) -> ConditionalStats:
    """Answer a question from every bar known by a time, and record the question once.

    The question is recorded before it is answered, and counts whatever the answer is. Own features
    that it names are audited first.

    Raises
    ------
    LookAheadError
        An own feature sees the future; the question is not recorded.
    UnknownRangeError, EmptyLakeError
        The market has no such range, or there are no bars.
    """
    market = settings.market(name)
    if question.opening_range is not None:
        market.range_index(question.opening_range)
    bars = read_bars_until(settings, name, market, at)
    first, last = period_of(bars, market, question.first, question.last)
    news = news_of(settings.database(), market.symbol)
    if own := tuple(feature for feature in question.features if feature.code):
        audit_lookahead(
            bars, market, question.label, own, first=first, last=last, news=news
        ).require_clean()
    assembly = assemble(
        bars,
        market,
        question.label,
        first=first,
        last=last,
        features=question.features,
        news=news,
    )
    table = slot_table(assembly).to_pylist()
    looks = record_look(
        settings,
        market,
        bars,
        at,
        study=STATS,
        name=STATS,
        looked_hash=question.hash,
        values=dict(question.values),
        features=question.features,
    )
    rows = [
        row
        for row in table
        if row["exclusion"] is None
        and row["break_direction"] is not None
        and row["resolved_at"] is not None
        and question.opening_range in {None, row["opening_range"]}
    ]
    columns = {
        feature: np.array([_number(row[feature]) for row in rows], np.float64)
        for feature in question.condition.names
    }
    settled = SettledRanges(
        day=np.array([row["trading_day"] for row in rows], "datetime64[D]"),
        direction=np.array([_DIRECTION[row["break_direction"]] for row in rows], np.int16),
        won=np.array([row["outcome"] == "WIN" for row in rows], np.bool_),
        r_net=np.array([_number(row["r_net"]) for row in rows], np.float64),
        holds=question.condition.holds(columns),
        decided=question.condition.is_known(columns),
    )
    return conditional_stats(
        settled,
        condition=question.condition.text,
        side=question.side,
        looks=looks,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
