"""Executions reported by a trading platform, and the content of a file of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Action = Literal["buy", "sell"]

FillKey = tuple[object, ...]
"""Key by which two rows, of one file or of two, are the same execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution: a quantity bought or sold at a price.

    Attributes
    ----------
    platform, account
        The platform that reported it, and the account; "" if the file names none.
    contract
        In the form of the market's contract pattern, or the market's symbol.
    time
        Aware UTC.
    side, quantity, price
        Contracts (positive), and the price of one as traded.
    commission
        Money paid for the whole quantity, negative for a rebate; None if unknown.
    execution_id, order_id
        The platform's ids; "" if the file has none.
    occurrence
        Its number, from 1, among equal rows of its file; above 1 only without ids.
    source_line
        Line of the file, counted from 1.
    """

    platform: str
    account: str
    contract: str
    time: datetime
    side: Action
    quantity: float
    price: float
    commission: float | None
    execution_id: str
    order_id: str
    occurrence: int
    source_line: int

    @property
    def signed(self) -> float:
        """Quantity, negative if it was sold."""
        return self.quantity if self.side == "buy" else -self.quantity

    @property
    def content(self) -> FillKey:
        """The content of the execution, without its id."""
        return (
            *(self.platform, self.account, self.contract, self.time),
            *(self.side, self.quantity, self.price),
        )

    @property
    def key(self) -> FillKey:
        """The execution's own id, or else its content and its number among equal rows."""
        if self.execution_id:
            return self.platform, self.account, self.execution_id
        return (*self.content, self.order_id, self.occurrence)

    @property
    def order(self) -> tuple[object, ...]:
        """Sort key by time; fills of the same time have a fixed order, however they are listed."""
        ids = (len(self.execution_id), self.execution_id, len(self.order_id), self.order_id)
        return self.time, self.account, self.contract, *ids, *map(str, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row that cannot be used as an execution, and the reason."""

    source_line: int
    field: str
    value: str
    reason: str

    @property
    def words(self) -> str:
        """One line."""
        quoted = f" {self.value!r:.60}" if self.value else ""
        return f"line {self.source_line}: {self.field}{quoted} {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsFile:
    """The result of reading a file.

    Attributes
    ----------
    name, content_hash, reading
        The file's name, SHA-256 of its content, and the reading options as one text.
    platform, zone
        Platform by header or as given; zone used for times without one, "" if none was used.
    columns
        The fields read, and the column of each.
    fills
        In time order; each execution once.
    set_aside
        Rows that cannot be used.
    repeated
        Number of rows that repeat an execution.
    left_out
        Counts of rows that are not executions of the market, by kind.
    """

    name: str
    content_hash: str
    reading: str
    platform: str
    zone: str
    columns: Mapping[str, str] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    repeated: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillBatch:
    """An event of a file of executions: imported or withdrawn.

    Attributes
    ----------
    market, batch_id
        The market's symbol, and the name of the import.
    event, reason
        ``imported`` or ``withdrawn``, and the reason.
    name, platform, zone, content_hash, reading
        As in :class:`FillsFile`.
    fills, repeated, set_aside, left_out
        Number of executions in the file, and the other rows, as plain values.
    at
        Aware UTC: when it happened.
    """

    market: str
    batch_id: str
    event: Literal["imported", "withdrawn"]
    reason: str
    name: str
    platform: str
    zone: str
    content_hash: str
    reading: str
    fills: int
    repeated: int
    set_aside: list[Any]
    left_out: dict[str, Any]
    at: datetime


def merged(batches: Iterable[Iterable[Fill]]) -> tuple[Fill, ...]:
    """Return the executions of several files in time order, each once.

    If two rows are the same execution, the later file's counts: a platform adds commissions later.

    Parameters
    ----------
    batches
        The fills of each file, in import order.
    """
    by_key: dict[FillKey, Fill] = {}
    for fills in batches:
        by_key.update((fill.key, fill) for fill in fills)
    return tuple(sorted(by_key.values(), key=lambda fill: fill.order))


def reported_twice(fills: Iterable[Fill]) -> int:
    """Count fills also reported by another platform: same contract, side, quantity, second."""
    platforms: dict[FillKey, set[str]] = {}
    for fill in fills:
        second = fill.time.replace(microsecond=0)
        what = (fill.contract, second, fill.side, fill.quantity, fill.price)
        platforms.setdefault(what, set()).add(fill.platform)
    return sum(len(names) > 1 for names in platforms.values())
