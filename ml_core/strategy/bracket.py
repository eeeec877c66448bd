"""Entry, stop and target of one side of a range: as a forecast plans them, and as they come."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.order_intent import stop_ticks
from ml_core.strategy.rules import Side

_ROUNDING = 1e-9  # of a tick, as in the label's own arithmetic


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """A trade's prices in whole ticks.

    Attributes
    ----------
    side
        ``long`` or ``short``.
    edge
        The edge of the range that is to be broken.
    entry, stop, target
        Its prices.
    """

    side: Side
    edge: int
    entry: int
    stop: int
    target: int

    @property
    def risk(self) -> int:
        """Ticks from entry to stop."""
        return abs(self.entry - self.stop)

    @property
    def reward(self) -> int:
        """Ticks from entry to target."""
        return abs(self.target - self.entry)

    @property
    def beyond(self) -> int:
        """Ticks from the edge to the entry."""
        return abs(self.entry - self.edge)


def planned_bracket(
    label: LabelSpec,
    side: Side,
    *,
    high_ticks: int,
    low_ticks: int,
    entry_ticks: int | None = None,
) -> Bracket:
    """Return a side's prices, rounded as the label rounds them: never in the trade's favour.

    Parameters
    ----------
    label
        Which trade is made of a break.
    side
        Of the break.
    high_ticks, low_ticks
        The opening range.
    entry_ticks
        Where it was entered; left out, the first tick beyond the edge, which no entry by a close
        beyond it can be better than.

    Examples
    --------
    >>> planned_bracket(LabelSpec(rr=1.5), "long", high_ticks=110, low_ticks=100)
    Bracket(side='long', edge=110, entry=111, stop=100, target=128)
    """
    up = 1 if side == "long" else -1
    edge, opposite = (high_ticks, low_ticks) if side == "long" else (low_ticks, high_ticks)
    entry = edge + up if entry_ticks is None else entry_ticks
    stop = stop_ticks(label, edge, opposite)
    anchor = entry if label.anchor == "entry" else edge
    reward = math.ceil(label.rr * abs(anchor - stop) - _ROUNDING)
    return Bracket(side=side, edge=edge, entry=entry, stop=stop, target=anchor + up * reward)
