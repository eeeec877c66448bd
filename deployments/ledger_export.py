"""The ledger as a file: CSV that is safe in a spreadsheet, and typed Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from registry.ledger.browsing import COLUMNS, LedgerRow

_STARTS_A_FORMULA = (
    *("=", "+", "-", "@", "\t", "\r", "\n"),
    *("\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}"),
    *("\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}"),
)


def neutral(value: object) -> object:
    """Return a cell that no spreadsheet reads as a formula (OWASP, CSV injection).

    Numbers stay numbers; text that would begin a formula gets an apostrophe in front.

    >>> neutral("=cmd|' /C calc'!A0"), neutral(-0.25), neutral("MGC")
    ("'=cmd|' /C calc'!A0", -0.25, 'MGC')
    """
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.lstrip(" ").startswith(_STARTS_A_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def to_csv(rows: Iterable[LedgerRow]) -> bytes:
    """Return rows as CSV with a heading, times in UTC as ISO 8601."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([neutral(getattr(row, name)) for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


def to_parquet(rows: Iterable[LedgerRow]) -> bytes:
    """Return rows as Parquet: days as dates, times as aware UTC, counts as integers."""
    moment = pa.timestamp("us", tz="UTC")
    kinds = {
        **dict.fromkeys(("id", "revision"), pa.int64()),
        "trading_day": pa.date32(),
        "late": pa.bool_(),
        **dict.fromkeys(("decision_time", "made_at", "resolved_at"), moment),
        **dict.fromkeys(
            ("p_up", "baseline_p_up", "expected_net_r", "r_gross", "r_net"), pa.float64()
        ),
    }
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row, name in chain.from_iterable(((row, name) for name in COLUMNS) for row in rows):
        columns[name].append(getattr(row, name))
    file = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), file)
    return file.getvalue()
