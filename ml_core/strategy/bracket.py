"""Entry, stop and target of one side of a range, for a planned or an actual entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_core.strategy.levels import levels_of, stop_distance
from ml_core.strategy.rules import SIGN_OF, Side
from ml_core.strategy.trade_rule import TradeRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """A trade's prices in whole ticks.

    Attributes
    ----------
    side
        ``long`` or ``short``.
    edge
        The edge of the range that must be broken.
    entry, stop
        Prices of the entry and of the stop.
    target, part
        Target and partial target; None if the rule has none.
    """

    side: Side
    edge: int
    entry: int
    stop: int
    target: int | None
    part: int | None = None

    @property
    def risk(self) -> int:
        """Ticks from entry to stop."""
        return abs(self.entry - self.stop)

    @property
    def reward(self) -> int | None:
        """Ticks from entry to target; None without one."""
        return None if self.target is None else abs(self.target - self.entry)

    @property
    def beyond(self) -> int:
        """Ticks from the edge to the entry."""
        return abs(self.entry - self.edge)


def planned_bracket(
    rule: TradeRule,
    side: Side,
    *,
    high_ticks: int,
    low_ticks: int,
    entry_ticks: int | None = None,
    atr_ticks: float | None = None,
) -> Bracket | None:
    """Return a side's prices, with the same arithmetic as for the trade itself.

    Parameters
    ----------
    rule
        The trade rule of the range.
    side
        Side of the breakout.
    high_ticks, low_ticks
        The opening range.
    entry_ticks
        The entry price; by default the best price that the rule can enter at: the first tick
        beyond the edge for a close, the edge itself for a stop order or a retest.
    atr_ticks
        14-day ATR known when the range closed; None if it is not known.

    Returns
    -------
    Bracket or None
        None if the stop is in ATR and the ATR is not known.

    Examples
    --------
    >>> planned_bracket(TradeRule(rr=1.5), "long", high_ticks=110, low_ticks=100)
    Bracket(side='long', edge=110, entry=111, stop=100, target=128, part=None)
    """
    sign = SIGN_OF[side]
    edge = high_ticks if side == "long" else low_ticks
    stop_ticks = stop_distance(rule, np.array([np.nan if atr_ticks is None else atr_ticks]))
    if stop_ticks[0] < 0:
        return None
    entry = edge + sign * _least_beyond(rule) if entry_ticks is None else entry_ticks
    levels = levels_of(
        rule,
        np.array([sign]),
        high=np.array([high_ticks]),
        low=np.array([low_ticks]),
        entry=np.array([entry]),
        stop_ticks=stop_ticks,
    )
    has_target, has_part = rule.rr is not None, rule.partial is not None
    return Bracket(
        side=side,
        edge=edge,
        entry=entry,
        stop=sign * int(levels.stop[0]),
        target=sign * int(levels.target[0]) if has_target else None,
        part=sign * int(levels.part[0]) if has_part else None,
    )


def _least_beyond(rule: TradeRule) -> int:
    if rule.entry == "retest":
        return 0
    return rule.entry_offset_ticks + (1 if rule.entry == "close" else 0)
