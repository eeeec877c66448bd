"""The look-ahead audit: take the future away, then falsify it, and see whether features move.

A feature computed at t0 from what was known at t0 cannot change by a bit when every bar that
opens at or after t0 is deleted, nor when those bars are replaced by other prices and volumes.
One that does change has seen the future, whatever its code looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.errors import InputError
from ml_core.features.catalogue import Feature, compute
from ml_core.features.history import HISTORY_DAYS, read_history
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec

FUTURE_DAYS = 5
"""Days after t0 that are falsified: past the trading day's end, a weekend and a roll."""

Trick = Literal["deleted", "scrambled"]


@dataclass(frozen=True, slots=True)
class Leak:
    """One feature seen to depend on the future."""

    feature: str
    trading_day: str
    opening_range: str
    trick: Trick
    with_future: float
    without: float

    def __str__(self) -> str:
        return (
            f"{self.feature} at {self.trading_day} {self.opening_range}: {self.with_future:g} "
            f"with the real future, {self.without:g} with it {self.trick}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What the audit looked at and what it found.

    Attributes
    ----------
    market
        Symbol.
    decisions
        Slots looked at; each with the future deleted and with it scrambled.
    features
        Names looked at.
    never_seen
        Features that were missing in every slot looked at: nothing is proven of them.
    leaks
        Every change found, the first for each feature and slot and trick.
    """

    market: str
    decisions: int
    features: tuple[str, ...]
    never_seen: tuple[str, ...]
    leaks: tuple[Leak, ...]

    @property
    def clean(self) -> bool:
        """Whether no feature moved."""
        return not self.leaks

    @property
    def leaking(self) -> tuple[str, ...]:
        """Names of the features that moved, in order of the catalogue."""
        leaking = {leak.feature for leak in self.leaks}
        return tuple(name for name in self.features if name in leaking)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {**asdict(self), "clean": self.clean, "leaking": list(self.leaking)}


class NothingToAuditError(InputError):
    """A period without a single decision to look at."""

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
    days: int = 12,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Audit features on sampled trading days, every opening range of each.

    Parameters
    ----------
    bars
        Every outright contract's bars.
    market, spec, features
        What is audited: the roll rule and the labels are part of it.
    first, last
        Period the days are drawn from.
    days
        How many trading days to draw; the first and last usable are always among them.
    seed
        Of the draw and of the scrambling.
    on_progress
        Called with (decisions done, decisions in all).

    Raises
    ------
    NothingToAuditError
        No usable opening range in the period.
    """
    draw = np.random.default_rng(seed)
    schedule = build_schedule(market, first - timedelta(days=HISTORY_DAYS), last)
    history = read_history(bars, market, spec, schedule)
    inside = schedule.days[history.ranges.day] >= np.datetime64(first)
    usable = np.flatnonzero(inside & history.ranges.usable)
    if not len(usable):
        raise NothingToAuditError(market.symbol, first, last)
    drawn = _drawn_days(history.ranges.day[usable], days, draw)
    rows = usable[np.isin(history.ranges.day[usable], drawn)]
    truth = compute(history.view(rows), features)
    leaks: list[Leak] = []
    for done, (row, expected) in enumerate(zip(rows.tolist(), truth, strict=True)):
        slot = _Slot(
            day=schedule.days[history.ranges.day[row]].item(),
            spec=int(history.ranges.spec[row]),
            t0=int(history.ranges.decision[row]),
        )
        deleted = _again(bars.between(0, slot.t0), market, spec, features, slot)
        scrambled = _again(scrambled_after(bars, slot.t0, draw), market, spec, features, slot)
        leaks += _leaks_between(market, features, slot, "deleted", expected, deleted)
        leaks += _leaks_between(market, features, slot, "scrambled", expected, scrambled)
        if on_progress is not None:
            on_progress(done + 1, len(rows))
    missing = np.flatnonzero(np.isnan(truth).all(axis=0))
    return AuditReport(
        market=market.symbol,
        decisions=len(rows),
        features=tuple(feature.name for feature in features),
        never_seen=tuple(features[index].name for index in missing),
        leaks=tuple(leaks),
    )


@dataclass(frozen=True, slots=True)
class _Slot:
    day: date
    spec: int
    t0: int


def _leaks_between(
    market: Market,
    features: tuple[Feature, ...],
    slot: _Slot,
    trick: Trick,
    expected: NDArray[np.float64],
    got: NDArray[np.float64],
) -> list[Leak]:
    return [
        Leak(
            feature=features[index].name,
            trading_day=str(slot.day),
            opening_range=market.ranges[slot.spec].name,
            trick=trick,
            with_future=float(expected[index]),
            without=float(got[index]),
        )
        for index in np.flatnonzero(_bits(expected) != _bits(got))
    ]


def scrambled_after(bars: Bars, minute: int, draw: np.random.Generator) -> Bars:
    """Falsify every bar opening at or after ``minute``: other prices, other volumes.

    Prices become a random walk of ten times the usual size, volumes are multiplied by anything
    from nothing to ten thousand, contract by contract, so that any choice made from them flips.
    """
    near = bars.between(minute - HISTORY_DAYS * 1440, minute + FUTURE_DAYS * 1440)
    future = np.flatnonzero(near.minute >= minute)
    count = len(future)
    walk = np.cumsum(draw.normal(0.0, 50.0, count)).astype(np.int32)
    spread = draw.integers(1, 60, (2, count), dtype=np.int32)
    factor = 10.0 ** draw.uniform(-1.0, 4.0, len(near.contracts))

    def replaced(values: NDArray[np.int32], by: NDArray[np.int32]) -> NDArray[np.int32]:
        result = values.copy()
        result[future] = by
        return result

    middle = near.close[future] + walk
    volume = near.volume.copy()
    volume[future] = draw.permutation(volume[future]) * factor[near.contract[future]] + 1
    return Bars(
        symbol=near.symbol,
        contracts=near.contracts,
        minute=near.minute,
        contract=near.contract,
        open=replaced(near.open, middle),
        high=replaced(near.high, middle + spread[0]),
        low=replaced(near.low, middle - spread[1]),
        close=replaced(near.close, middle + (spread[0] - spread[1]) // 2),
        volume=volume,
    )


def _drawn_days(
    day: NDArray[np.int64], count: int, draw: np.random.Generator
) -> NDArray[np.int64]:
    days = np.unique(day)
    if len(days) <= count:
        return days
    ends = days[[0, -1]]
    between = draw.choice(days[1:-1], max(count - 2, 0), replace=False)
    return np.sort(np.concatenate([ends, between]))


def _again(
    bars: Bars,
    market: Market,
    spec: LabelSpec,
    features: tuple[Feature, ...],
    slot: _Slot,
) -> NDArray[np.float64]:
    """Compute one slot's features from other bars, shape (k,).

    Where bars are left after t0, knowledge reaches as far as they do: it is the features that
    must not look, not the audit that hides it from them.
    """
    future = len(bars) > 0 and int(bars.minute[-1]) >= slot.t0
    last = slot.day + timedelta(days=FUTURE_DAYS if future else 0)
    schedule = build_schedule(market, slot.day - timedelta(days=HISTORY_DAYS), last)
    history = read_history(bars, market, spec, schedule, None if future else slot.t0)
    day = int(np.searchsorted(schedule.days, np.datetime64(slot.day)))
    row = np.array([day * len(market.ranges) + slot.spec])
    values: NDArray[np.float64] = compute(history.view(row), features)[0]
    return values


def _bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bits of each number; every NaN the same, so that missing equals missing."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)
