"""Layouts of the executions that platforms export, each recognised by its header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

NEEDED = ("time", "side", "quantity", "price")
"""Fields that each execution must have."""

FIELDS = (
    *NEEDED,
    *("date", "contract", "commission", "execution_id", "order_id", "account"),
)
"""Fields that a column can be mapped to; ``date`` and ``time`` may be separate."""

CommissionIs = Literal["paid", "booked", "rate"]
"""Whether positive numbers are costs, negative numbers are, or numbers are costs per contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillLayout:
    """The layout of a platform's executions.

    Attributes
    ----------
    name, about
        Its name for ``--platform``; which export of the platform it is.
    marks
        Sets of lower-case column names; a header with all names of a set has this layout.
    columns
        Maps fields to possible column names, the preferred one first; a name that ends in ``*``
        matches every name with that beginning.
    commission_is
        The meaning of a number in the commission column.
    commission_parts
        Columns that are added to the commission.
    only
        Lower-case columns, and the lower-case values of rows that are executions; other rows are
        left out.
    """

    name: str
    about: str
    marks: tuple[frozenset[str], ...]
    columns: Mapping[str, tuple[str, ...]]
    commission_is: CommissionIs = "paid"
    commission_parts: tuple[str, ...] = ()
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _marks(*names: str) -> frozenset[str]:
    return frozenset(names)


GENERIC = FillLayout(
    name="generic",
    about="any file with a header, its columns named as usual or with --columns",
    marks=(),
    columns={
        "time": (
            "time",
            "timestamp",
            "datetime",
            "date_time",
            "date/time",
            "time_utc",
            "exec time",
        ),
        "side": ("side", "action", "buy/sell", "b/s"),
        "quantity": ("quantity", "qty", "volume", "contracts", "filled qty"),
        "price": ("price", "fill price", "fill_price", "avg fill price"),
        "date": ("date",),
        "contract": ("contract", "instrument", "symbol"),
        "commission": ("commission", "commissions", "comm"),
        "execution_id": ("execution_id", "execution id", "exec_id", "fill_id", "fill id"),
        "order_id": ("order_id", "order id", "order"),
        "account": ("account", "account_id"),
    },
)

_NINJATRADER = FillLayout(
    name="ninjatrader",
    about="NinjaTrader 8, grid of executions",
    marks=(_marks("instrument", "action", "quantity", "price", "time", "e/x"),),
    columns={
        "time": ("time",),
        "side": ("action",),
        "quantity": ("quantity",),
        "price": ("price",),
        "contract": ("instrument",),
        "commission": ("commission",),
        "execution_id": ("id",),
        "order_id": ("order id",),
        "account": ("account", "account display name"),
    },
)

_TRADOVATE = FillLayout(
    name="tradovate",
    about="Tradovate, report of fills",
    marks=(_marks("fill id", "b/s", "quantity", "price", "contract"),),
    columns={
        "time": ("_timestamp", "timestamp"),
        "side": ("b/s",),
        "quantity": ("quantity",),
        "price": ("price",),
        "contract": ("contract",),
        "commission": ("commission",),
        "execution_id": ("fill id",),
        "order_id": ("order id",),
        "account": ("account",),
    },
)

_TRADOVATE_ORDERS = FillLayout(
    name="tradovate-orders",
    about="Tradovate, report of orders, an order's fills as one",
    marks=(_marks("order id", "b/s", "contract", "avg fill price", "filled qty", "fill time"),),
    columns={
        "time": ("fill time",),
        "side": ("b/s",),
        "quantity": ("filled qty",),
        "price": ("avg fill price",),
        "contract": ("contract",),
        "execution_id": ("order id",),
        "order_id": ("order id",),
        "account": ("account",),
    },
    only={"status": _marks("filled")},
)

_RITHMIC = FillLayout(
    name="rithmic",
    about="Rithmic R|Trader, completed orders, an order's fills as one",
    marks=(_marks("buy/sell", "qty filled", "avg fill price", "symbol"),),
    columns={
        "time": ("update time*",),
        "side": ("buy/sell",),
        "quantity": ("qty filled",),
        "price": ("avg fill price",),
        "contract": ("symbol",),
        "commission": ("commission fill rate",),
        "execution_id": ("order number",),
        "order_id": ("order number",),
        "account": ("account",),
    },
    commission_is="rate",
)

_INTERACTIVE_BROKERS = FillLayout(
    name="ib",
    about="Interactive Brokers, Flex query of trades or of trade confirmations",
    marks=(
        _marks("symbol", "buy/sell", "quantity", "tradeprice", "ibcommission"),
        _marks("symbol", "buy/sell", "quantity", "price", "commission", "execid"),
    ),
    columns={
        "time": ("datetime", "date/time"),
        "side": ("buy/sell",),
        "quantity": ("quantity",),
        "price": ("tradeprice", "price"),
        "contract": ("symbol",),
        "commission": ("ibcommission", "commission"),
        "execution_id": ("ibexecid", "execid", "tradeid"),
        "order_id": ("iborderid", "orderid"),
        "account": ("clientaccountid", "accountid"),
    },
    commission_is="booked",
    only={"levelofdetail": _marks("execution")},
)

_METATRADER = FillLayout(
    name="metatrader",
    about="MetaTrader 5, deals of the account's history",
    marks=(_marks("time", "deal", "symbol", "type", "direction", "volume", "price"),),
    columns={
        "time": ("time",),
        "side": ("type",),
        "quantity": ("volume",),
        "price": ("price",),
        "contract": ("symbol",),
        "commission": ("commission",),
        "execution_id": ("deal",),
        "order_id": ("order",),
        "account": ("account",),
    },
    commission_is="booked",
    commission_parts=("fee",),
    only={"type": _marks("buy", "sell")},
)

LAYOUTS: Mapping[str, FillLayout] = {
    layout.name: layout
    for layout in (
        *(_NINJATRADER, _TRADOVATE, _TRADOVATE_ORDERS, _RITHMIC),
        *(_INTERACTIVE_BROKERS, _METATRADER, GENERIC),
    )
}
"""The layouts by name."""


def layouts_of(header: Sequence[str]) -> tuple[FillLayout, ...]:
    """Return the layouts that match a header; none if it is not a known platform's."""
    names = {name.strip().lower() for name in header}
    return tuple(
        layout for layout in LAYOUTS.values() if any(marks <= names for marks in layout.marks)
    )
