"""Each setup's daily results: every breakout traded once, then selected by side and filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.errors import InputError
from ml_core.features.all import CATALOGUE
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.market.market import Market
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, UNKNOWN, UP, label
from ml_core.setups.setup import DAYS, Setup, SetupGrid

_SIZE_FEATURE = "range_size_atr20"
_DIRECTIONS = {"long": (UP,), "short": (DOWN,), "both": (UP, DOWN)}

OnProgress = Callable[[int, int], None]


class BackwardPeriodError(InputError):
    """The first day of the period is after its last."""

    first: date
    last: date
    template = (
        "the period begins on {first}, after its end on {last}; give a first day that is not "
        "after the last"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTable:
    """Every breakout of a period as a trade, per target and stop: d days, r ranges, q rules.

    Attributes
    ----------
    market
        Its symbol.
    cost_ticks
        Round-trip cost included in the net figures.
    days
        datetime64[D], shape (d,), ascending: trading days with a usable range.
    ranges
        r names.
    rules
        q pairs of stop and RR.
    direction
        Shape (d, r): UP, DOWN, or 0 without a settled breakout.
    size
        Shape (d, r): height of the range over ATR-20, known at t0; NaN where unknown.
    gross, net
        Shape (d, r, q): R from the actual entry before and after costs; NaN without a trade.
    """

    market: str
    cost_ticks: float
    days: NDArray[np.datetime64]
    ranges: tuple[str, ...]
    rules: tuple[tuple[str, float], ...]
    direction: NDArray[np.int16]
    size: NDArray[np.float64]
    gross: NDArray[np.float64]
    net: NDArray[np.float64]

    @property
    def weekday(self) -> NDArray[np.int64]:
        """Weekday of each trading day, Monday 0, shape (d,)."""
        # 1970-01-01 was a Thursday
        return (self.days.astype("datetime64[D]").astype(np.int64) + 3) % 7


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupReturns:
    """The results of k setups on each of d days.

    Attributes
    ----------
    market, cost_ticks
        As in :class:`TradeTable`.
    days
        datetime64[D], shape (d,).
    search_days
        Number of days, from the first, that the size filters were fitted on.
    setups
        The k setups.
    traded
        Shape (d, k): whether the setup traded; at most once per day.
    gross, net
        Shape (d, k): R before and after costs, 0 on a day without a trade.
    """

    market: str
    cost_ticks: float
    days: NDArray[np.datetime64]
    search_days: int
    setups: tuple[Setup, ...]
    traded: NDArray[np.bool_]
    gross: NDArray[np.float64]
    net: NDArray[np.float64]


def trade_table(
    bars: Bars,
    market: Market,
    grid: SetupGrid,
    *,
    first: date,
    last: date,
    on_progress: OnProgress | None = None,
) -> TradeTable:
    """Trade every breakout of the period with every target and stop of the grid.

    Labels use the actual entry and are scanned to the session's end. A trade belongs to its
    trading day and is left out if that day ends before the trade does, so that no label reaches
    from one period into the next.

    Parameters
    ----------
    bars, market
        The bars, from ``HISTORY_DAYS`` before ``first`` if available, and their market.
    grid
        The targets and stops.
    first, last
        Trading days, both included.
    on_progress
        Called with (rules done, total rules).

    Raises
    ------
    BackwardPeriodError
        ``first`` is after ``last``.
    NoBarsError
        The period holds no bar.
    """
    if first > last:
        raise BackwardPeriodError(first, last)
    assembly = assemble(
        bars,
        market,
        LabelSpec(),
        first=first,
        last=last,
        features=CATALOGUE.select((_SIZE_FEATURE,)),
    )
    rules = tuple(product(dict.fromkeys(grid.stops), dict.fromkeys(grid.rrs)))
    results = []
    for done, (stop, rr) in enumerate(rules):
        if on_progress is not None:
            on_progress(done, len(rules))
        results.append(_outcomes(assembly, LabelSpec.model_validate({"stop": stop, "rr": rr})))
    return _laid_out(assembly, rules, results)


def _outcomes(
    assembly: Assembly, spec: LabelSpec
) -> tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.float64]]:
    """Return direction, gross and net R of every slot.

    The values are 0 and NaN without a settled trade.
    """
    cost = assembly.market.instrument.round_trip_cost_ticks
    labels = label(assembly.tape, assembly.ranges, spec, cost)
    day_end = assembly.tape.schedule.day_end[assembly.ranges.day]
    traded = (labels.outcome != UNKNOWN) & (labels.resolved_minute <= day_end)
    return (
        np.where(traded, labels.direction, 0).astype(np.int16),
        np.where(traded, labels.r_gross, np.nan),
        np.where(traded, labels.r_net, np.nan),
    )


def _laid_out(
    assembly: Assembly,
    rules: tuple[tuple[str, float], ...],
    results: list[tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.float64]]],
) -> TradeTable:
    """Arrange slots by day and range; NaN for slots without a usable range."""
    rows = assembly.reported[assembly.ranges.usable[assembly.reported]]
    index, day_row = np.unique(assembly.ranges.day[rows], return_inverse=True)
    place = (day_row, assembly.ranges.spec[rows])
    shape = (len(index), len(assembly.market.ranges))
    size = np.full(shape, np.nan)
    size[place] = assembly.dataset.features[:, 0]
    direction = np.zeros(shape, np.int16)
    gross, net = (np.full((*shape, len(rules)), np.nan) for _ in range(2))
    for which, (side, before, after) in enumerate(results):
        direction[place] = side[rows]
        gross[(*place, which)] = before[rows]
        net[(*place, which)] = after[rows]
    return TradeTable(
        market=assembly.market.symbol,
        cost_ticks=assembly.market.instrument.round_trip_cost_ticks,
        days=assembly.tape.schedule.days[index],
        ranges=tuple(range_.name for range_ in assembly.market.ranges),
        rules=rules,
        direction=direction,
        size=size,
        gross=gross,
        net=net,
    )


def setup_returns(table: TradeTable, setups: tuple[Setup, ...], search_days: int) -> SetupReturns:
    """Return each setup's result on each day.

    Every filter is known when the trade is entered: the side is that of the breakout traded, the
    weekday that of the trading day, and a range is small or large relative to the median of its
    own search period, which is fixed before the days that confirm.

    Parameters
    ----------
    table
        The trades; their rules include those of the setups.
    setups
        The setups to apply.
    search_days
        Number of days, from the first, over which the medians are taken.
    """
    weekday = table.weekday
    median = _medians(table.size[:search_days])
    on_day = {name: weekday == at for at, name in enumerate(DAYS[1:])}
    of_size = {"small": table.size <= median, "large": table.size > median}
    of_side = {name: np.isin(table.direction, ways) for name, ways in _DIRECTIONS.items()}
    traded = np.zeros((len(setups), len(table.days)), bool)
    gross, net = (np.zeros((len(setups), len(table.days))) for _ in range(2))
    for row, setup in enumerate(setups):
        spec, rule = (
            table.ranges.index(setup.opening_range),
            table.rules.index((setup.stop, setup.rr)),
        )
        taken = of_side[setup.side][:, spec] & np.isfinite(table.net[:, spec, rule])
        if setup.size != "any":
            taken = taken & of_size[setup.size][:, spec]
        if setup.day != "all":
            taken = taken & on_day[setup.day]
        traded[row] = taken
        gross[row, taken] = table.gross[taken, spec, rule]
        net[row, taken] = table.net[taken, spec, rule]
    return SetupReturns(
        market=table.market,
        cost_ticks=table.cost_ticks,
        days=table.days,
        search_days=search_days,
        setups=setups,
        traded=traded.T,
        gross=gross.T,
        net=net.T,
    )


def _medians(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column's known values, shape (r,); NaN (no match) without any."""
    sizes = [column[np.isfinite(column)] for column in size.T]
    return np.array([np.median(column) if len(column) else np.nan for column in sizes])
