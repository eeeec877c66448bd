"""A paper account's position from one intent: its fills, stop, target and money.

Levels are seen from the trade's side (for short trades with their sign reversed), as in the
kernel, so that up favours every trade; whole ticks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from ml_core.market.instrument import Instrument
from ml_core.paper.order_terms import OrderTerms
from ml_core.strategy.account.sizing import contracts_within
from ml_core.strategy.rules import SIGN_OF, Side

_ROUNDING = 1e-9  # of a tick, as in the kernel


def slip_of(instrument: Instrument) -> int:
    """Return the slippage of a stop or market order in whole ticks."""
    return math.ceil(instrument.slippage_ticks_per_side)


def stop_money(instrument: Instrument, ticks: int) -> float:
    """Return one contract's loss at a stop ``ticks`` from its entry, including costs."""
    slipped = ticks + slip_of(instrument)
    return slipped * instrument.tick_value + 2 * instrument.commission_per_side


@dataclass(slots=True, kw_only=True)
class Position:
    """A position from its first fill to its last close.

    Attributes
    ----------
    terms, instrument, side, entered_at
        The order, instrument and side; the entry time, aware UTC.
    wanted, filled, left
        Contracts to be entered, contracts entered, and contracts still held.
    entry, first_stop, stop, target, part
        Levels set at the first fill; None without a target.
    paid, gained
        Ticks times contracts of the entries and of the exits.
    top, bottom, best
        The most and the least favourable level, and the best close.
    closing
        Why the rest is closed at the next opens; empty while stop and target are active.
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
        """Return the position opened by a first fill at a price as traded."""
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
            target=None
            if own.risks is None
            else anchor + _whole_ticks(own.risks, abs(anchor - stop)),
            part=None if terms.part is None else entry + _whole_ticks(terms.part, entry - stop),
            top=entry,
            bottom=entry,
            best=entry,
        )

    @property
    def sign(self) -> int:
        """1 for long, -1 for short."""
        return SIGN_OF[self.side]

    @property
    def risk_money(self) -> float:
        """Loss in money of the filled contracts at the initial stop, including costs."""
        instrument = self.instrument
        ticks = self.paid - self.filled * (self.first_stop - slip_of(instrument))
        return ticks * instrument.tick_value + 2 * instrument.commission_per_side * self.filled

    def most_at(self, level: int) -> int:
        """Return how many more contracts at a level fit into the risk of the first fill."""
        whole = self.wanted * stop_money(self.instrument, self.entry - self.first_stop)
        of_contract = stop_money(self.instrument, level - self.first_stop)
        return contracts_within(whole - self.risk_money, of_contract) if of_contract > 0 else 0

    @property
    def r_net(self) -> float:
        """Net R of the closed part."""
        risk = (self.entry - self.first_stop) * self.filled * self.instrument.tick_value
        return self.money / risk

    @property
    def money(self) -> float:
        """Result of a closed position in money, after commission."""
        return self._after_commission(self.gained - self.paid)

    def money_at(self, level: int) -> float:
        """Return the result at a level of all filled contracts in money, after commission."""
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
        """Close contracts at a price as traded; quantities not filled by then never are."""
        self.left -= quantity
        self.gained += quantity * self.sign * price
        self.part_done = self.part_done or reason == "partial"
        self.wanted = self.filled
        if reason in {"stop", "moved_stop"}:
            self.closing = reason if self.left else ""

    def move_stop(self, close: int) -> None:
        """Move the stop after a bar's close, as the order specifies."""
        risk = self.entry - self.first_stop
        self.best = max(self.best, close)
        even, trail = self.terms.break_even, self.terms.trail
        if even is not None and self.best >= self.entry + _whole_ticks(even, risk):
            self.stop = max(self.stop, self.entry)
        if trail is not None:
            self.stop = max(self.stop, self.best - _whole_ticks(trail, risk))


def _whole_ticks(risks: float, risk: int) -> int:
    return math.ceil(risks * risk - _ROUNDING)
