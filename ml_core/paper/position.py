"""Contracts that a paper account holds by one intent: their fills, stop, target and money.

Levels are seen from the trade's side (those of a short trade with their sign turned), as in the
kernel, so that up is every trade's favour; whole ticks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from ml_core.market.instrument import Instrument
from ml_core.paper.order_terms import OrderTerms
from ml_core.strategy.rules import SIGN_OF, Side

_ROUNDING = 1e-9  # of a tick, as in the kernel


def slip_of(instrument: Instrument) -> int:
    """Return the whole ticks by which a stop or market order slips."""
    return math.ceil(instrument.slippage_ticks_per_side)


def stop_money(instrument: Instrument, ticks: int) -> float:
    """Return what one contract loses at a stop so many ticks from its entry, costs included."""
    slipped = ticks + slip_of(instrument)
    return slipped * instrument.tick_value + 2 * instrument.commission_per_side


@dataclass(slots=True, kw_only=True)
class Position:
    """What was entered, from its first fill to its last close.

    Attributes
    ----------
    terms, instrument, side, entered_at
        The order; aware UTC.
    wanted, filled, left
        Contracts to be entered, entered, and of these still held.
    entry, first_stop, stop, target, part
        Levels by the first fill; no target is None.
    paid, gained
        Ticks times contracts of entries and exits.
    top, bottom, best
        The most and the least favourable level, and the best close.
    closing
        Why the rest is closed at the next opens; empty while stop and target work.
    """

    terms: OrderTerms
    instrument: Instrument
    side: Side
    entered_at: datetime
    wanted: int
    entry: int
    first_stop: int
    stop: int
    target: int | None
    part: int | None
    top: int
    bottom: int
    best: int
    filled: int = 0
    left: int = 0
    paid: int = 0
    gained: int = 0
    part_done: bool = False
    closing: str = ""
    last_close: int | None = None

    @classmethod
    def at(
        cls,
        terms: OrderTerms,
        instrument: Instrument,
        side: Side,
        price: int,
        wanted: int,
        time: datetime,
    ) -> Position:
        """Return the position that a first fill at a price as traded opens."""
        sign, own = SIGN_OF[side], terms.sides[side]
        entry, stop = sign * price, sign * own.stop_at(price)
        anchor = entry if own.from_entry else sign * own.level
        return cls(
            terms=terms,
            instrument=instrument,
            side=side,
            entered_at=time,
            wanted=wanted,
            entry=entry,
            first_stop=stop,
            stop=stop,
            target=None if own.risks is None else anchor + _whole(own.risks, abs(anchor - stop)),
            part=None if terms.part is None else entry + _whole(terms.part, entry - stop),
            top=entry,
            bottom=entry,
            best=entry,
        )

    @property
    def sign(self) -> int:
        """1 for a long one, -1 for a short one."""
        return SIGN_OF[self.side]

    @property
    def risk_money(self) -> float:
        """Money that what was filled loses at its first stop, costs included."""
        instrument = self.instrument
        ticks = self.paid - self.filled * (self.first_stop - slip_of(instrument))
        return ticks * instrument.tick_value + 2 * instrument.commission_per_side * self.filled

    def most_at(self, level: int) -> int:
        """Return how many more contracts fit at a level into the risk of the first fill."""
        whole = self.wanted * stop_money(self.instrument, self.entry - self.first_stop)
        of_contract = stop_money(self.instrument, level - self.first_stop)
        return (
            math.floor((whole - self.risk_money) / of_contract + _ROUNDING)
            if of_contract > 0
            else 0
        )

    @property
    def r_net(self) -> float:
        """Net R of what is closed."""
        risk = (self.entry - self.first_stop) * self.filled * self.instrument.tick_value
        return self.money / risk

    @property
    def money(self) -> float:
        """Money of a position that is closed, after commission."""
        return self._after_commission(self.gained - self.paid)

    def money_at(self, level: int) -> float:
        """Return the money that all that was filled stands at by a level, after commission."""
        return self._after_commission(self.filled * level - self.paid)

    def _after_commission(self, ticks: int) -> float:
        commission = 2 * self.instrument.commission_per_side * self.filled
        return ticks * self.instrument.tick_value - commission

    def fill(self, quantity: int, price: int) -> None:
        """Enter contracts at a price as traded."""
        self.filled += quantity
        self.left += quantity
        self.paid += quantity * self.sign * price

    def close(self, quantity: int, price: int, reason: str) -> None:
        """Leave contracts at a price as traded; what is not filled by then never is."""
        self.left -= quantity
        self.gained += quantity * self.sign * price
        self.part_done = self.part_done or reason == "partial"
        self.wanted = self.filled
        if reason in {"stop", "moved_stop"}:
            self.closing = reason if self.left else ""

    def move_stop(self, close: int) -> None:
        """Move the stop by a bar's close, as the order says."""
        risk = self.entry - self.first_stop
        self.best = max(self.best, close)
        even, trail = self.terms.break_even, self.terms.trail
        if even is not None and self.best >= self.entry + _whole(even, risk):
            self.stop = max(self.stop, self.entry)
        if trail is not None:
            self.stop = max(self.stop, self.best - _whole(trail, risk))


def _whole(risks: float, risk: int) -> int:
    return math.ceil(risks * risk - _ROUNDING)
