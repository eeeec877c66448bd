"""Builds round trips from executions: first in, first out, per account and contract."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from ml_core.fills.fill import Fill
from ml_core.market.instrument import Instrument
from ml_core.strategy.rules import SIGN_OF, Side

ONE_ENTRY = timedelta(minutes=1)
"""Fills of one side within this time of the first, and before any exit, are one entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of a fill that opened or closed a round trip.

    Attributes
    ----------
    fill
        The whole fill.
    quantity
        Contracts that belong to the round trip.
    """

    fill: Fill
    quantity: float

    @property
    def commission(self) -> float | None:
        """Its share of the fill's commission; None if unknown."""
        whole = self.fill.commission
        return None if whole is None else whole * self.quantity / self.fill.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """An entry and its exits.

    Attributes
    ----------
    account, contract, side
        Account, contract and side; ``long`` if it was bought first.
    entries, exits
        In time order; while the trip is open, the exits close less than was entered.
    is_open
        Whether part of it is open.
    """

    account: str
    contract: str
    side: Side
    entries: tuple[Part, ...]
    exits: tuple[Part, ...]
    is_open: bool

    @property
    def sign(self) -> int:
        """1 for long, -1 for short."""
        return SIGN_OF[self.side]

    @property
    def entered_at(self) -> datetime:
        """Time of the first fill, aware UTC."""
        return self.entries[0].fill.time

    @property
    def exited_at(self) -> datetime | None:
        """Time of the last fill, aware UTC; None while part of it is open."""
        return None if self.is_open else self.exits[-1].fill.time

    @property
    def quantity(self) -> float:
        """Contracts entered."""
        return sum(part.quantity for part in self.entries)

    @property
    def closed(self) -> float:
        """Contracts closed."""
        return sum(part.quantity for part in self.exits)

    @property
    def entry(self) -> float:
        """Mean price of the entries."""
        return mean_price(self.entries)

    @property
    def exit(self) -> float | None:
        """Mean price of the exits; None without any."""
        return mean_price(self.exits) if self.exits else None

    @property
    def commission(self) -> float | None:
        """Commission of both sides in money; None if unknown for any part."""
        shares = [part.commission for part in (*self.entries, *self.exits)]
        commissions = [share for share in shares if share is not None]
        return sum(commissions) if len(commissions) == len(shares) else None

    def gross_ticks(self, instrument: Instrument) -> float:
        """Return the closed part's gain in ticks times contracts, before commission."""
        paid = sum(part.quantity * part.fill.price for part in self.exits)
        opened = self.entry * self.closed
        return self.sign * (paid - opened) / float(instrument.tick_size)


def mean_price(parts: Sequence[Part]) -> float:
    """Return the mean price of parts, weighted by quantity."""
    return sum(part.quantity * part.fill.price for part in parts) / sum(
        part.quantity for part in parts
    )


def round_trips(fills: Iterable[Fill], instrument: Instrument) -> tuple[RoundTrip, ...]:
    """Return the round trips of fills, by time of entry.

    A fill closes the oldest open quantity first; any excess opens a round trip of the other side.
    Fills of one order are one entry; without order ids, fills within ``ONE_ENTRY`` of the first
    are, unless something was closed in between.

    Parameters
    ----------
    fills
        Each execution once, in any order.
    instrument
        The instrument; quantities are multiples of its volume step.
    """
    books: dict[tuple[str, str], _Book] = {}
    for fill in sorted(fills, key=lambda fill: fill.order):
        key = fill.account, fill.contract
        books.setdefault(key, _Book(*key, instrument)).add(fill)
    trips = [trip.done(instrument) for book in books.values() for trip in book.trips]
    return tuple(sorted(trips, key=lambda trip: (*trip.entries[0].fill.order, trip.side)))


@dataclass(slots=True)
class _Trip:
    """A round trip under construction; quantities in volume steps."""

    account: str
    contract: str
    side: Side
    entries: list[tuple[Fill, int]] = field(default_factory=list)
    exits: list[tuple[Fill, int]] = field(default_factory=list)
    open: int = 0

    def takes(self, fill: Fill) -> bool:
        """Return whether an opening fill belongs to this entry."""
        first = self.entries[0][0]
        if fill.order_id or first.order_id:
            return fill.order_id == first.order_id
        return not self.exits and fill.time - first.time <= ONE_ENTRY

    def done(self, instrument: Instrument) -> RoundTrip:
        step = float(instrument.volume_step)

        def parts(rows: list[tuple[Fill, int]]) -> tuple[Part, ...]:
            return tuple(Part(fill=fill, quantity=steps * step) for fill, steps in rows)

        return RoundTrip(
            account=self.account,
            contract=self.contract,
            side=self.side,
            entries=parts(self.entries),
            exits=parts(self.exits),
            is_open=self.open > 0,
        )


class _Book:
    """The open quantities of a contract in an account, the oldest first."""

    def __init__(self, account: str, contract: str, instrument: Instrument) -> None:
        self._of = account, contract
        self._instrument = instrument
        self._open: deque[_Trip] = deque()
        self.trips: list[_Trip] = []

    def add(self, fill: Fill) -> None:
        """Close open quantities of the other side, and open the rest."""
        side: Side = "long" if fill.side == "buy" else "short"
        left = int(self._instrument.to_volume_steps(np.array([fill.quantity]))[0])
        while left and self._open and self._open[0].side != side:
            oldest = self._open[0]
            steps = min(left, oldest.open)
            oldest.exits.append((fill, steps))
            oldest.open -= steps
            left -= steps
            if not oldest.open:
                self._open.popleft()
        if left:
            self._enter(fill, side, left)

    def _enter(self, fill: Fill, side: Side, steps: int) -> None:
        trip = next((one for one in self._open if one.takes(fill)), None)
        if trip is None:
            trip = _Trip(*self._of, side)
            self.trips.append(trip)
            self._open.append(trip)
        trip.entries.append((fill, steps))
        trip.open += steps
