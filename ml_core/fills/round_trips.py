"""Executions to round trips: first in, first out, within each account and contract."""

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
"""Fills of one side so soon after the first, and before any exit, are one entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a fill opened or closed a round trip.

    Attributes
    ----------
    fill
        All of it.
    quantity
        What belongs to the round trip, contracts.
    """

    fill: Fill
    quantity: float

    @property
    def commission(self) -> float | None:
        """Its share of the fill's commission; None where that is not known."""
        whole = self.fill.commission
        return None if whole is None else whole * self.quantity / self.fill.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """An entry and what closed it.

    Attributes
    ----------
    account, contract, side
        Of which; ``long`` where it was bought first.
    entries, exits
        In order of time; the exits of one that is open close less than was entered.
    is_open
        Whether something of it is open.
    """

    account: str
    contract: str
    side: Side
    entries: tuple[Part, ...]
    exits: tuple[Part, ...]
    is_open: bool

    @property
    def sign(self) -> int:
        """1 for a long one, -1 for a short one."""
        return SIGN_OF[self.side]

    @property
    def entered_at(self) -> datetime:
        """Aware UTC, of the first fill."""
        return self.entries[0].fill.time

    @property
    def exited_at(self) -> datetime | None:
        """Aware UTC, of the last fill; None while something is open."""
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
        """Money, both sides; None where it is not known of every part."""
        shares = [part.commission for part in (*self.entries, *self.exits)]
        commissions = [share for share in shares if share is not None]
        return sum(commissions) if len(commissions) == len(shares) else None

    def gross_ticks(self, instrument: Instrument) -> float:
        """Return ticks times contracts that the closed part gained, before commission."""
        paid = sum(part.quantity * part.fill.price for part in self.exits)
        opened = self.entry * self.closed
        return self.sign * (paid - opened) / float(instrument.tick_size)


def mean_price(parts: Sequence[Part]) -> float:
    """Return the mean price of parts, each counted by its quantity."""
    return sum(part.quantity * part.fill.price for part in parts) / sum(
        part.quantity for part in parts
    )


def round_trips(fills: Iterable[Fill], instrument: Instrument) -> tuple[RoundTrip, ...]:
    """Return the round trips of fills, by time of entry.

    A fill closes what was opened first; what it has more than that opens a round trip of the
    other side. Fills of one order are one entry, and without order ids those within
    ``ONE_ENTRY`` of the first, unless something was closed in between.

    Parameters
    ----------
    fills
        Each execution once, in any order.
    instrument
        Whose volume steps the quantities are whole numbers of.
    """
    books: dict[tuple[str, str], _Book] = {}
    for fill in sorted(fills, key=lambda fill: fill.order):
        key = fill.account, fill.contract
        books.setdefault(key, _Book(*key, instrument)).add(fill)
    trips = [trip.done(instrument) for book in books.values() for trip in book.trips]
    return tuple(sorted(trips, key=lambda trip: (*trip.entries[0].fill.order, trip.side)))


@dataclass(slots=True)
class _Trip:
    """A round trip in the making; quantities in volume steps."""

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
    """What is open of a contract in an account, the oldest first."""

    def __init__(self, account: str, contract: str, instrument: Instrument) -> None:
        self._of = account, contract
        self._instrument = instrument
        self._open: deque[_Trip] = deque()
        self.trips: list[_Trip] = []

    def add(self, fill: Fill) -> None:
        """Close what is open of the other side, and open what is left."""
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
