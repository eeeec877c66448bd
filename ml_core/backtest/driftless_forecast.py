"""The driftless baseline of a rule's trade on one range, known when the range closes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml_core.array_types import IntArray
from ml_core.backtest.driftless_rule import SEED
from ml_core.learning.datasets.assemble import Assembly
from ml_core.ranges.labels import DOWN, UP
from ml_core.strategy.feeds import driftless_bars
from ml_core.strategy.rules import Rules
from ml_core.strategy.setups import Setups, setups_of
from ml_core.strategy.simulate import simulate

WALKS = 40
"""Number of simulated prices per earlier day."""

DAYS = 20
"""Number of earlier days used: a month, which the live decision has read anyway."""

MIN_DAYS = 5
"""Minimum number of earlier days for a forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftlessForecast:
    """The baseline of a rule's trade, as known when the range closes.

    Attributes
    ----------
    entered
        Probability that the rule enters.
    above_zero, net_r
        For an entered trade: probability that it ends above 0 after costs, and expected net R.
    error
        Standard error of ``net_r``, over the days.
    days
        Number of earlier days used.
    """

    entered: float
    above_zero: float
    net_r: float
    error: float
    days: int

    @property
    def words(self) -> str:
        """The forecast as one sentence."""
        return (
            f"a price without drift enters it in {self.entered:.0%} of cases, ends above 0 in "
            f"{self.above_zero:.1%} of these and gives {self.net_r:+.2f} R net a trade "
            f"(+-{self.error:.2f}, by the bars of {self.days} days before)"
        )


def driftless_forecast(
    assembly: Assembly, rules: Rules, position: int, atr: float | None
) -> DriftlessForecast | None:
    """Simulate a range's rule on a driftless price from the range's close on.

    The future is unknown, so the price moves as it did after the same range on earlier days, each
    bar mirrored or not by a coin toss. None with too few such days, without a traded side, or if
    no price entered.

    Parameters
    ----------
    assembly, position
        What is known, and the slot's position in its ranges.
    rules
        The strategy's rules.
    atr
        14-day ATR known at the decision, ticks; None if it is not known.
    """
    ranges = assembly.ranges
    own = rules.for_range(assembly.market.ranges[int(ranges.spec[position])].name)
    same = ranges.usable & (ranges.spec == ranges.spec[position])
    done = ranges.session_end if own.trade_rule.scan_end == "session_end" else ranges.day_end
    before = np.flatnonzero(same & (done <= ranges.decision[position]))[-DAYS:]
    if len(before) < MIN_DAYS:
        return None
    now = _setups(assembly, own, np.array([position]), atr)
    if not (now.long[0] or now.short[0]):
        return None
    walks, rows = np.repeat(np.arange(WALKS), len(before)), np.tile(before, WALKS)
    of_days = _as_now(_setups(assembly, own, rows, atr), now)
    cost = assembly.market.instrument.round_trip_cost_ticks
    feed = driftless_bars(assembly.tape, of_days.close, SEED, walks)
    trades = simulate(assembly.tape, of_days, cost, feed)
    net = trades.r_net.reshape(WALKS, len(before))
    settled = np.isfinite(net)
    by_day = [net[settled[:, day], day].mean() for day in np.flatnonzero(settled.any(axis=0))]
    if len(by_day) < MIN_DAYS:
        return None
    return DriftlessForecast(
        entered=float(np.isin(trades.direction, (UP, DOWN)).mean()),
        above_zero=float((net[settled] > 0).mean()),
        net_r=float(net[settled].mean()),
        error=float(np.std(by_day, ddof=1) / np.sqrt(len(by_day))),
        days=len(before),
    )


def _setups(assembly: Assembly, own: Rules, rows: IntArray, atr: float | None) -> Setups:
    return setups_of(
        assembly.tape,
        assembly.market,
        assembly.ranges,
        rows,
        own,
        np.full(len(rows), np.nan if atr is None else atr),
    )


def _as_now(of_days: Setups, now: Setups) -> Setups:
    """Return setups of other days with today's range, in those days' periods."""
    count = len(of_days)
    return replace(
        of_days,
        high=np.repeat(now.high, count),
        low=np.repeat(now.low, count),
        close=np.repeat(now.close, count),
        long=np.repeat(now.long, count),
        short=np.repeat(now.short, count),
        stop_ticks=np.repeat(now.stop_ticks, count),
    )
