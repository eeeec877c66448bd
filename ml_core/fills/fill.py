"""Executions as a trading platform reports them, and what a file of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Action = Literal["buy", "sell"]

FillKey = tuple[object, ...]
"""What makes two rows, of one file or of two, the same execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution: a quantity bought or sold at a price.

    Attributes
    ----------
    platform, account
        Where it was reported, and of which account; "" where the file names none.
    contract
        As the market's contract pattern has it, or the market's symbol.
    time
        Aware UTC.
    side, quantity, price
        Contracts, above 0, and the price of one as traded.
    commission
        Money paid for the whole quantity, below 0 for a rebate; None where it is not known.
    execution_id, order_id
        The platform's; "" where the file has none.
    occurrence
        Which one it is, from 1, of the equal rows of its file; more than one only without ids.
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
        """Quantity, below 0 where it was sold."""
        return self.quantity if self.side == "buy" else -self.quantity

    @property
    def content(self) -> FillKey:
        """What was executed, whatever it is called."""
        return (
            *(self.platform, self.account, self.contract, self.time),
            *(self.side, self.quantity, self.price),
        )

    @property
    def key(self) -> FillKey:
        """The execution's own id, or else what was executed and which of equal ones it is."""
        if self.execution_id:
            return self.platform, self.account, self.execution_id
        return (*self.content, self.order_id, self.occurrence)

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts fills by time, and those of one time in one way, however they are listed."""
        ids = (len(self.execution_id), self.execution_id, len(self.order_id), self.order_id)
        return self.time, self.account, self.contract, *ids, *map(str, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row that is no execution that can be used, and why."""

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
    """What one reading of a file brought.

    Attributes
    ----------
    name, content_hash, reading
        The file, SHA-256 of its content, and the options it was read with as one text.
    platform, zone
        By its header, or as named; the zone that times without one were read in, "" without any.
    columns
        What was read, and the column it was read from.
    fills
        In order of time; each execution once.
    set_aside
        Rows that cannot be used.
    repeated
        Rows that name an execution of another row.
    left_out
        Rows that are no executions of the market, counted by what they are.
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
    """What happened to a file of executions: it was imported, or taken back.

    Attributes
    ----------
    market, batch_id
        Of which symbol; names the import.
    event, reason
        ``imported`` or ``withdrawn``, and why.
    name, platform, zone, content_hash, reading
        As :class:`FillsFile` has them.
    fills, repeated, set_aside, left_out
        Of the file: how many executions, and what is none, as plain values.
    at
        Aware UTC, when it happened.
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
    """Return the executions of several files in order of time, each once.

    Of two rows of one execution the later file's counts: a platform adds commissions later.

    Parameters
    ----------
    batches
        The fills of each file, in the order in which the files were imported.
    """
    by_key: dict[FillKey, Fill] = {}
    for fills in batches:
        by_key.update((fill.key, fill) for fill in fills)
    return tuple(sorted(by_key.values(), key=lambda fill: fill.order))


def reported_twice(fills: Iterable[Fill]) -> int:
    """Count fills that another platform reports too: same contract, side, quantity and second."""
    platforms: dict[FillKey, set[str]] = {}
    for fill in fills:
        second = fill.time.replace(microsecond=0)
        what = (fill.contract, second, fill.side, fill.quantity, fill.price)
        platforms.setdefault(what, set()).add(fill.platform)
    return sum(len(names) > 1 for names in platforms.values())
