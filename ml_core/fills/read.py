"""Reads a platform's file of executions; unusable rows are set aside with a reason."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.sources.text.number_text import Decimal
from ml_core.files import sha256_of
from ml_core.fills.contract_names import contract_of
from ml_core.fills.fill import Action, Fill, FillKey, FillsFile, SetAside
from ml_core.fills.layouts import NEEDED, FillLayout
from ml_core.fills.table import FillsFileError, TextRow, TextTable, read_table
from ml_core.fills.values import SIDES, read_amounts, read_moments
from ml_core.market.instrument import Instrument
from ml_core.market.market import Market

_AHEAD = timedelta(minutes=5)
"""Time by which the platform's clock may be ahead of this machine's."""

_Amounts = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsReading:
    """Options for reading a file of executions; by default its header decides.

    Attributes
    ----------
    platform
        Name of a layout.
    zone, time_format
        Zone of times without one; strptime format.
    columns
        Maps fields to the file's columns.
    decimal, delimiter
        The decimal mark; the separator of the cells.
    instrument
        A name in the file that means the market.
    """

    platform: str | None = None
    zone: str | None = None
    time_format: str | None = None
    columns: Mapping[str, str] | None = None
    decimal: Decimal | None = None
    delimiter: str | None = None
    instrument: str | None = None

    @property
    def text(self) -> str:
        """The given options as one text, the same for the same options."""
        values = {
            "platform": self.platform,
            "zone": self.zone,
            "time_format": self.time_format,
            "columns": dict(self.columns or {}),
            "decimal": self.decimal,
            "delimiter": self.delimiter,
            "instrument": self.instrument,
        }
        return json.dumps({key: value for key, value in values.items() if value}, sort_keys=True)


def read_fills(path: Path, market: Market, reading: FillsReading, *, at: datetime) -> FillsFile:
    """Read the executions of a market from a platform's file.

    Parameters
    ----------
    path
        The CSV file exported by the platform.
    market
        The market; rows of other instruments are left out and counted.
    reading
        Options that the file does not determine itself.
    at
        The current time, aware: a later execution is set aside.

    Raises
    ------
    FillsFileError, SourceError
        The file cannot be read, or only with an option that the error names.
    """
    table = read_table(
        path,
        platform=reading.platform,
        columns=reading.columns,
        delimiter=reading.delimiter,
    )
    rows, left_out = _of_market(table, market, reading.instrument)
    if not rows:
        seen = ", ".join(list(left_out)[:5])
        fault = f"has no execution of {market.symbol}: its rows are of {seen}"
        remedy = "name this market's file, or give --instrument with its name in the file"
        raise FillsFileError(str(path), fault, remedy)
    lines = [row.line for row, _ in rows]
    moments, faults, needed_zone = read_moments(
        path.name,
        _column_of_times(table),
        [_time_text(table, row) for row, _ in rows],
        lines,
        zone=reading.zone,
        time_format=reading.time_format,
    )
    amounts = read_amounts(path.name, _number_texts(table, rows), reading.decimal)
    fills: list[Fill] = []
    aside: list[SetAside] = []
    for place, (row, contract) in enumerate(rows):
        moment = moments[place]
        fault = faults[place]
        if moment is not None and moment > at + _AHEAD:
            fault = "lies in the future; is the zone right?"
        wrong = _fault_of(table, row, market, amounts, place)
        if fault:
            wrong = SetAside(
                source_line=row.line, field="time", value=_time_text(table, row), reason=fault
            )
        if wrong is not None or moment is None:
            aside += [] if wrong is None else [wrong]
            continue
        fills.append(_fill(table, row, contract, moment, amounts, place))
    kept, repeated, clashing = _distinct(fills)
    return FillsFile(
        name=path.name,
        content_hash=sha256_of(path),
        reading=reading.text,
        platform=table.layout.name,
        zone=(reading.zone or "") if needed_zone else "",
        columns=table.columns,
        fills=kept,
        set_aside=tuple(sorted([*aside, *clashing], key=lambda row: row.source_line)),
        repeated=repeated,
        left_out=left_out,
    )


def _of_market(
    table: TextTable, market: Market, instrument: str | None
) -> tuple[list[tuple[TextRow, str]], dict[str, int]]:
    """Return the rows that are executions of the market, and counts of the others by kind."""
    rows: list[tuple[TextRow, str]] = []
    left_out: Counter[str] = Counter()
    contracts = table.columns.get("contract")
    for row in table.rows:
        if kind := _no_execution(table, row):
            left_out[kind] += 1
            continue
        written = row.text(contracts)
        contract = contract_of(written, market, instrument) if contracts else market.symbol
        if contract is None:
            left_out[written or "no instrument"] += 1
        else:
            rows.append((row, contract))
    return rows, dict(left_out)


def _no_execution(table: TextTable, row: TextRow) -> str:
    """Return the kind of a row without an execution; "" for a row with one."""
    for name, values in table.layout.only.items():
        column = table.column(name)
        if column is not None and row.text(column).lower() not in values:
            return f"{column} {row.text(column) or 'empty'}"
    quantity = row.text(table.columns["quantity"])
    if not any(row.text(table.columns[field]) for field in NEEDED if field != "time"):
        return "rows without an execution"
    # cancelled orders are listed with nothing filled
    return "orders without a fill" if quantity and not quantity.strip("0.,") else ""


def _column_of_times(table: TextTable) -> str:
    names = [table.columns[field] for field in ("date", "time") if field in table.columns]
    return " and ".join(names)


def _time_text(table: TextTable, row: TextRow) -> str:
    parts = [row.text(table.columns.get(field)) for field in ("date", "time")]
    return " ".join(part for part in parts if part)


def _number_texts(table: TextTable, rows: Sequence[tuple[TextRow, str]]) -> dict[str, list[str]]:
    columns = {
        field: table.columns[field]
        for field in ("quantity", "price", "commission")
        if field in table.columns
    }
    for part in table.layout.commission_parts:
        if "commission" in columns and (name := table.column(part)) is not None:
            columns[part] = name
    return {field: [row.text(name) for row, _ in rows] for field, name in columns.items()}


def _fault_of(
    table: TextTable, row: TextRow, market: Market, amounts: _Amounts, place: int
) -> SetAside | None:
    """Return why a row's side or numbers cannot be used; None if they can."""
    quantity, price = float(amounts["quantity"][place]), float(amounts["price"][place])
    fields: dict[str, str] = {
        "side": "" if _side(table, row) else "is neither buy nor sell",
        "quantity": _fault_of_quantity(quantity, _side(table, row), market.instrument),
        "price": _fault_of_price(price, market.instrument),
    }
    for name in ("commission", *table.layout.commission_parts):
        if name in amounts and not math.isfinite(amounts[name][place]):
            written = row.text(table.columns.get(name, table.column(name)))
            fields[name] = "is not an amount of money" if written else ""
    for field, reason in fields.items():
        if reason:
            value = row.text(table.columns.get(field, table.column(field)))
            return SetAside(source_line=row.line, field=field, value=value, reason=reason)
    return None


def _side(table: TextTable, row: TextRow) -> Action | None:
    return SIDES.get(row.text(table.columns["side"]).lower())


def _fault_of_quantity(quantity: float, side: Action | None, instrument: Instrument) -> str:
    if not math.isfinite(quantity) or quantity == 0:
        return "is not a number of contracts"
    if quantity < 0 and side == "buy":  # platforms write what is sold as a negative quantity
        return "is below 0, but the side is buy"
    whole = instrument.is_on_volume_step(np.array([quantity]))[0]
    return "" if whole else f"is not a whole number of {instrument.volume_step}"


def _fault_of_price(price: float, instrument: Instrument) -> str:
    if not math.isfinite(price):
        return "is not a price"
    if price <= 0 and not instrument.allow_nonpositive_prices:
        return "is not above 0"
    small = instrument.holds_price(np.array([price]))[0]
    return "" if small else "is too large for a price"


def _fill(
    table: TextTable,
    row: TextRow,
    contract: str,
    moment: datetime,
    amounts: _Amounts,
    place: int,
) -> Fill:
    quantity = abs(float(amounts["quantity"][place]))

    def text(field: str) -> str:
        return row.text(table.columns.get(field))[:100]

    return Fill(
        platform=table.layout.name,
        account=text("account"),
        contract=contract,
        time=moment,
        side=SIDES[row.text(table.columns["side"]).lower()],
        quantity=quantity,
        price=float(amounts["price"][place]),
        commission=_commission(table.layout, amounts, place, quantity),
        execution_id=text("execution_id"),
        order_id=text("order_id"),
        occurrence=1,
        source_line=row.line,
    )


def _commission(
    layout: FillLayout, amounts: _Amounts, place: int, quantity: float
) -> float | None:
    """Return the money paid for the whole quantity; None if the cells are empty."""
    parts = [
        float(amounts[name][place])
        for name in ("commission", *layout.commission_parts)
        if name in amounts and math.isfinite(amounts[name][place])
    ]
    if not parts:
        return None
    factor = {"paid": 1.0, "booked": -1.0, "rate": quantity}[layout.commission_is]
    return factor * sum(parts) + 0.0  # avoids negative zero


def _distinct(fills: Sequence[Fill]) -> tuple[tuple[Fill, ...], int, list[SetAside]]:
    """Return each execution once, the number of repeated rows, and rows with conflicting ids.

    Rows with the same id but different content are all set aside: it is unknown which is right.
    """
    by_id: dict[FillKey, list[Fill]] = {}
    counts: Counter[FillKey] = Counter()
    kept: list[Fill] = []
    # equal rows are ordered by commission first, so that the result does not depend on row order
    for fill in sorted(fills, key=lambda fill: (fill.commission is None, fill.commission or 0.0)):
        if fill.execution_id:
            by_id.setdefault(fill.key, []).append(fill)
            continue
        counts[(*fill.content, fill.order_id)] += 1
        kept.append(replace(fill, occurrence=counts[(*fill.content, fill.order_id)]))
    repeated, clashing = 0, []
    for same in by_id.values():
        what: set[tuple[object, ...]] = {(*fill.content, fill.commission) for fill in same}
        if len(what) == 1:
            # a row with an order id comes first, so that the result does not depend on row order
            kept.append(
                min(same, key=lambda one: (not one.order_id, one.order_id, one.source_line))
            )
            repeated += len(same) - 1
            continue
        lines = ", ".join(str(fill.source_line) for fill in same)
        clashing += [
            SetAside(
                source_line=fill.source_line,
                field="execution_id",
                value=fill.execution_id,
                reason=f"is of different executions (lines {lines})",
            )
            for fill in same
        ]
    return tuple(sorted(kept, key=lambda fill: fill.order)), repeated, clashing
