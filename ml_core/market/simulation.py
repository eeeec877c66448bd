"""A seeded simulated market of 1-minute bars with known truth.

Prices are a walk of Gaussian steps rounded to whole ticks over the exchange's real hours: pauses,
weekends, holidays and half-days come from the calendar. The size of a step depends on the hour of
the day (in New York and London, so it follows daylight saving) and on a level that varies from day
to day. A minute without trades, in which nothing moves, is more likely in quiet hours. Contracts
are 200 ticks apart, and volume moves to the next contract over the days around each roll.

The planted edge: in every opening range the volumes of the window's later and first half are
compared. After the window the price drifts towards UP if the later half was larger, towards DOWN
if it was smaller, until the next range begins or the session ends. Volumes are otherwise
independent of prices, so the sign of ``window_volume_tilt`` is all the information beyond the
corridor, and P(UP) is computed exactly with and without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import NumberError
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule
from ml_core.market.simulated_truth import DriftingWalk, SlotMinutes, Truth
from ml_core.market.simulated_walk import draw_walk, extremes, hours_of

ROLL_GAP_TICKS = 200
MAX_EDGE = 0.2
_MONTH_CODES = "FGHJKMNQUVXZ"
_GOLD_MONTHS = "GJMQVZ"
_ROLL_DAYS_BEFORE_MONTH_END = 3

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarket:
    """Bars of every contract, by minute and contract, in ticks; and the truth about them.

    Arrays have one element per bar: ``minute`` is the UTC minute since the epoch of the OPEN,
    ``contract`` an index into ``contracts``.
    """

    contracts: tuple[str, ...]
    minute: NDArray[np.int64]
    contract: NDArray[np.int32]
    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    volume: NDArray[np.int64]
    truth: Truth
    drift: float


def simulate(
    market: Market,
    schedule: Schedule,
    *,
    seed: int,
    edge: float = 0.0,
    on_progress: OnProgress | None = None,
    with_truth: bool = True,
) -> SimulatedMarket:
    """Simulate a market over a schedule's trading days.

    Parameters
    ----------
    market
        The market with its sessions, ranges and contract names.
    schedule
        Trading days; a longer schedule with the same first day begins with the same bars.
    seed
        The same seed gives the same bars on every machine.
    edge
        Accuracy points by which the best observer beats the driftless one; 0 plants no edge.
    on_progress
        Called with (slots computed, total slots), including the slots of the search for the drift.
    with_truth
        Whether to compute each slot's true probabilities, which takes most of the time; without
        them :attr:`SimulatedMarket.truth` has no rows.

    Raises
    ------
    NumberError
        ``edge`` is negative or above ``MAX_EDGE``.
    """
    if not 0.0 <= edge <= MAX_EDGE:
        remedy = f"give accuracy points from 0 to {MAX_EDGE}, such as 0.03"
        raise NumberError("edge", edge, remedy)
    hours = hours_of(schedule, seed)
    walk = draw_walk(hours, len(schedule), seed)
    slots = SlotMinutes.of(schedule, hours)
    world = DriftingWalk.of(hours, walk, slots)
    searched = world.slots_searched() if edge else 0
    in_all = searched + (len(slots.day) if with_truth else 0)

    def report(done: int) -> None:
        if on_progress is not None:
            on_progress(done, in_all)

    drift = world.drift_for(edge, report) if edge else 0.0
    close, corridors = world.closes(drift)
    if not with_truth:
        corridors = np.empty((0, 2), np.int64)
    truth = world.truth(corridors, drift, lambda done: report(searched + done))
    report(in_all)
    return _bars(_contracts(market, schedule), world, close, truth=truth, drift=drift)


@dataclass(frozen=True, slots=True)
class _Contracts:
    """Names of all contracts; and by day, which one trades and the share of the next one."""

    names: list[str]
    first: NDArray[np.int64]
    share_of_next: NDArray[np.float64]


def _bars(
    contracts: _Contracts,
    world: DriftingWalk,
    close: NDArray[np.int64],
    *,
    truth: Truth,
    drift: float,
) -> SimulatedMarket:
    hours, walk = world.hours, world.walk
    names, first, share = contracts.names, contracts.first, contracts.share_of_next
    high, low = extremes(close, walk)
    opened = np.concatenate([close[:1], close[:-1]])
    order = np.argsort(names)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    minute, code, columns, volume = [], [], [], []
    for which in (0, 1):  # the day's first contract, and the one after it
        part = share[hours.day] if which else 1.0 - share[hours.day]
        traded = np.floor(walk.volume * part).astype(np.int64)
        rows = np.flatnonzero(walk.trades & (traded > 0))
        contract = first[hours.day[rows]] + which
        gap = ROLL_GAP_TICKS * contract
        minute.append(hours.minute[rows])
        code.append(rank[contract])
        columns.append(np.stack([price[rows] + gap for price in (opened, high, low, close)]))
        volume.append(traded[rows])
    minutes, codes = np.concatenate(minute), np.concatenate(code)
    sort = np.lexsort((codes, minutes))
    prices = np.concatenate(columns, axis=1)[:, sort].astype(np.int32)
    return SimulatedMarket(
        contracts=tuple(names[index] for index in order),
        minute=minutes[sort],
        contract=codes[sort].astype(np.int32),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=np.concatenate(volume)[sort],
        truth=truth,
        drift=drift,
    )


def _contracts(market: Market, schedule: Schedule) -> _Contracts:
    matches = re.compile(market.contract_pattern).fullmatch
    codes = [month_code for month_code in _MONTH_CODES if matches(f"{market.symbol}{month_code}1")]
    if set(_GOLD_MONTHS) <= set(codes):
        codes = list(_GOLD_MONTHS)
    months = schedule.days.astype("datetime64[M]").astype(np.int64)
    # trading leaves a contract some days before the month it is named for
    expiries = [
        month
        for month in range(int(months[0]), int(months[-1]) + 14)
        if _MONTH_CODES[month % 12] in codes
    ]
    roll = np.array(expiries, "datetime64[M]").astype("datetime64[D]") - np.timedelta64(
        _ROLL_DAYS_BEFORE_MONTH_END, "D"
    )
    expiring = np.searchsorted(roll, schedule.days, side="right")
    first = expiring - expiring[0]
    names = [
        f"{market.symbol}{_MONTH_CODES[month % 12]}{(1970 + month // 12) % 10}"
        for month in expiries[int(expiring[0]) :]
    ]
    ahead = (roll[expiring].astype(np.int64) - schedule.days.astype(np.int64)).astype(np.float64)
    share = np.interp(ahead, [0.0, 1.0, 3.0, 6.0, 10.0], [0.6, 0.6, 0.35, 0.1, 0.0])
    return _Contracts(names, first, share)
