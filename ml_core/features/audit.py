"""The look-ahead audit: remove the future, then falsify it, and check whether features change.

A feature computed at t0 from what was known at t0 cannot change by a bit when everything later
(bars, volumes, contracts, outcomes, the calendar, scheduled news not known yet) is deleted or
replaced by something else. Nor can it change when the same market is moved 28 years ahead, where a
table looked up by date has no entries. A feature that does change has used the future, whatever
its code looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.errors import DefectError, InputError
from ml_core.features.audited_slots import AuditedKind, draw_slots
from ml_core.features.catalogue import Feature, compute
from ml_core.features.false_future import (
    CALENDAR_CYCLE_YEARS,
    FUTURE_DAYS,
    FalseHistory,
    Trick,
    shifted_in_time,
    windows_apart,
    with_false_future,
)
from ml_core.features.false_news import false_news
from ml_core.features.history import HISTORY_DAYS, History, read_history
from ml_core.features.view import View
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec

DECISIONS = 60
"""Number of decisions audited by default."""

_WITH: dict[Trick, str] = {
    "deleted": "with it deleted",
    "scrambled": "with it scrambled",
    "moved": f"on the same bars {CALENDAR_CYCLE_YEARS} years later",
    "news deleted": "with news known only later deleted",
    "news scrambled": "with other news known only later",
}


class LookAheadError(DefectError):
    """Error for features that use data from the future; nothing is computed with them."""

    leaking: tuple[str, ...]
    example: str
    template = (
        "{_number} features see the future ({_first:, }), such as {example}; they are not used; "
        "correct them, `orbcast audit lookahead` lists them"
    )

    @property
    def _number(self) -> int:
        return len(self.leaking)

    @property
    def _first(self) -> tuple[str, ...]:
        return self.leaking[:5]


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature found to depend on the future, or on a table that the audit cannot hide.

    ``without`` is NaN also where the feature cannot be computed without the future.
    """

    feature: str
    trading_day: str
    opening_range: str
    trick: Trick
    with_future: float
    without: float

    def __str__(self) -> str:
        return (
            f"{self.feature} at {self.trading_day} {self.opening_range}: {self.with_future:g} "
            f"with the real future, {self.without:g} {_WITH[self.trick]}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """The counts of an audit.

    Attributes
    ----------
    decisions, features
        How many were audited.
    never_seen
        Features that were missing at every decision, separated by commas; None if there are none.
    clean
        Whether no feature moved.
    leaks
        Every change found, as text.
    """

    decisions: int
    features: int
    never_seen: str | None
    clean: bool
    leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What the audit covered and what it found.

    Attributes
    ----------
    market
        Symbol.
    decisions
        Number of slots audited, each with every trick.
    features
        Names of the audited features.
    never_seen
        Features that were missing in every audited slot: the audit shows nothing about them.
    leaks
        The changes found: one per feature, slot and trick.
    kinds
        How many decisions are of each kind, such as Fridays and half-days; 0 where the period has
        none.
    """

    json_properties: ClassVar = ("clean", "leaking")

    market: str
    decisions: int
    features: tuple[str, ...]
    never_seen: tuple[str, ...]
    leaks: tuple[Leak, ...]
    kinds: tuple[AuditedKind, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether no feature moved."""
        return not self.leaks

    def require_clean(self) -> None:
        """Refuse features that moved.

        Raises
        ------
        LookAheadError
            A feature sees the future.
        """
        if self.leaks:
            raise LookAheadError(self.leaking, str(self.leaks[0]))

    @property
    def leaking(self) -> tuple[str, ...]:
        """Names of the features that changed, in catalogue order."""
        leaking = {leak.feature for leak in self.leaks}
        return tuple(name for name in self.features if name in leaking)

    @property
    def summary(self) -> AuditSummary:
        """The counts of the report."""
        return AuditSummary(
            decisions=self.decisions,
            features=len(self.features),
            never_seen=", ".join(self.never_seen) or None,
            clean=self.clean,
            leaks=tuple(map(str, self.leaks)),
        )


class NothingToAuditError(InputError):
    """A period that holds no decision to audit."""

    symbol: str
    first: date
    last: date
    template = (
        "{symbol} has no usable opening range to audit from {first} to {last}; name a period with "
        "bars (`orbcast bars status`)"
    )


def audit_lookahead(
    bars: Bars,
    market: Market,
    spec: LabelSpec,
    features: tuple[Feature, ...],
    *,
    first: date,
    last: date,
    decisions: int = DECISIONS,
    seed: int = 0,
    news: tuple[NewsEvent, ...] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Audit features at decisions drawn from every kind of day and every opening range.

    Parameters
    ----------
    bars
        The bars of every outright contract.
    market, spec, features
        What is audited; this includes the roll rule and the labels.
    first, last
        Period the decisions are drawn from. The draw depends on the last day, so a nightly audit
        takes different decisions each night.
    decisions
        How many to draw; all decisions of the period if there are fewer.
    seed
        Seed of the draw and of the scrambling, combined with the last day.
    news
        Scheduled news on record, for features that read it.
    on_progress
        Called with (decisions done, total decisions).

    Raises
    ------
    NothingToAuditError
        No usable opening range in the period.
    """
    draw = np.random.default_rng([seed, last.toordinal()])
    schedule = build_schedule(
        market, first - timedelta(days=HISTORY_DAYS), last + timedelta(days=FUTURE_DAYS)
    )
    read = news if any(feature.news for feature in features) else None
    history = read_history(bars, market, spec, schedule, news=read)
    day = schedule.days[history.ranges.day]
    inside = (day >= np.datetime64(first)) & (day <= np.datetime64(last))
    usable = np.flatnonzero(inside & history.ranges.usable)
    if not len(usable):
        raise NothingToAuditError(market.symbol, first, last)
    slots = draw_slots(history, usable, decisions, draw)
    rows = slots.rows
    truth = compute(history.view(rows), features)
    leaks = _leaks_between(history, rows, features, truth, "moved", shifted_in_time(history, rows))
    leaks += _news_leaks(history, rows, features, truth)
    done = 0
    for windows in windows_apart(history, rows):
        for trick, by in _FALSE_FUTURES:
            false = with_false_future(bars, history, spec, rows, windows, draw if by else None)
            leaks += _leaks_between(history, rows, features, truth, trick, false)
        done += len(windows.decisions)
        if on_progress is not None:
            on_progress(done, len(rows))
    missing = np.flatnonzero(np.isnan(truth).all(axis=0))
    return AuditReport(
        market=market.symbol,
        decisions=len(rows),
        features=tuple(feature.name for feature in features),
        never_seen=tuple(features[index].name for index in missing),
        leaks=tuple(leak for _, leak in sorted(leaks, key=lambda row_and_leak: row_and_leak[0])),
        kinds=slots.kinds,
    )


_FALSE_FUTURES: tuple[tuple[Trick, bool], ...] = (("deleted", False), ("scrambled", True))


def _news_leaks(
    history: History,
    rows: NDArray[np.int64],
    features: tuple[Feature, ...],
    truth: NDArray[np.float64],
) -> list[tuple[int, Leak]]:
    """Return what moves when the news that a decision could not know is another, or none.

    Of each decision by itself: what one could not know yet is long known to another.
    """
    reading = [column for column, feature in enumerate(features) if feature.news]
    if not reading or history.news is None:
        return []
    chosen, expected = tuple(features[column] for column in reading), truth[:, reading]
    leaks = []
    for decision, row in enumerate(rows.tolist()):
        t0 = int(history.ranges.decision[row])
        for trick, news in false_news(history.news, t0):
            false = FalseHistory(
                replace(history, news=news), rows[[decision]], np.array([decision])
            )
            leaks += _leaks_between(history, rows, chosen, expected, trick, false)
    return leaks


def _leaks_between(
    history: History,
    rows: NDArray[np.int64],
    features: tuple[Feature, ...],
    truth: NDArray[np.float64],
    trick: Trick,
    false: FalseHistory,
) -> list[tuple[int, Leak]]:
    """Return the changes with the decision of each, in catalogue order."""
    if not len(false.rows):
        return []
    expected, view = truth[false.decisions], false.history.view(false.rows)
    got = np.column_stack([_without_future(feature, view) for feature in features])
    ranges, days = history.ranges, history.tape.schedule.days
    leaks = []
    for index, column in np.argwhere(_bits(expected) != _bits(got)).tolist():
        row = rows[false.decisions[index]]
        leak = Leak(
            feature=features[column].name,
            trading_day=str(days[ranges.day[row]]),
            opening_range=history.market.ranges[ranges.spec[row]].name,
            trick=trick,
            with_future=float(expected[index, column]),
            without=float(got[index, column]),
        )
        leaks.append((int(row), leak))
    return leaks


def _without_future(feature: Feature, view: View) -> NDArray[np.float64]:
    """Compute a feature; all NaN if it fails because the future it looks up is deleted."""
    try:
        return feature.values(view)
    except LookupError:
        return np.full(len(view), np.nan)


def _bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bits of each number; every NaN has the same, so that missing equals missing."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)
