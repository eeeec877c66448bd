"""The actions of a paper account, as events of a slot; its state follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from ml_core.market.schedule import from_minute
from ml_core.strategy.rules import Side

PaperEventKind = Literal["taken", "refused", "resized", "filled", "closed", "cancelled", "ended"]
OVER = frozenset({"refused", "cancelled", "ended"})
"""Events after which nothing more happens in a slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperEvent:
    """One event of a slot in a paper account.

    Attributes
    ----------
    book, market, trading_day, opening_range, sequence
        The account and slot, and the number of the event within the slot, from 0.
    event
        ``taken`` or ``refused``: the intent was acknowledged. ``resized``: it allows another
        number of contracts. ``filled``, ``closed``: contracts were entered or left. ``cancelled``:
        nothing was entered and nothing will be. ``ended``: everything is closed, with R and money.
    time
        Aware UTC: when it could be known, which is the close of a bar or the intent's own time.
    quantity, price
        Contracts, and price in whole ticks as traded, including slippage; None without a price.
    reason
        The reason, as text; for ``closed``: ``target``, ``stop``, ``moved_stop``, ``partial``,
        ``time``.
    details
        Plain values: for ``filled`` the side and the contracts wanted, for ``ended`` R and money.
    at
        Aware UTC: when it was recorded; None before.
    """

    book: str
    market: str
    trading_day: date
    opening_range: str
    sequence: int
    event: PaperEventKind
    time: datetime
    quantity: int = 0
    price: int | None = None
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    @property
    def key(self) -> tuple[date, str]:
        """Its day and range."""
        return self.trading_day, self.opening_range


@dataclass(frozen=True, slots=True)
class PaperBar:
    """A bar of one contract, whole ticks as traded; ``minute`` is that of its open."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    @property
    def closes(self) -> datetime:
        """When the bar is known, aware UTC."""
        return from_minute(self.minute + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPaperEvent:
    """A new event; see :class:`PaperEvent`."""

    event: PaperEventKind
    time: datetime
    quantity: int = 0
    price: int | None = None
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Permission(Protocol):
    """Called at an entry; decides how many contracts are allowed, or why none."""

    def __call__(self, side: Side, stop_ticks: int, at: datetime) -> int | str:
        """Return a positive number of contracts, or the refusal as text."""
