"""Finds the columns of a source, and the contract of each row, for every kind of source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import PRICES, SourceError

STAMPS = (
    "ts", "ts_utc", "ts_event", "timestamp", "timestamp_utc", "datetime", "datetime_utc",
    "date_time", "open_time", "time_utc", "window_start", "time", "date",
)  # fmt: skip
"""Names of a time column, tried in this order."""

WHOSE = ("contract", "symbol")
"""The columns that identify the contract or market of a row."""

_USUAL = {"contract": ("contract",), "symbol": ("symbol", "ticker")}
_BAR = (*PRICES, "volume")


def find_columns(
    here: Iterable[str],
    named: Mapping[str, str],
    source: str,
    layout: Mapping[str, str] | None = None,
    optional: tuple[str, ...] = ("symbol",),
) -> dict[str, str]:
    """Return the columns of the times, the prices, the volume, and the contract or symbol.

    Parameters
    ----------
    here
        The columns of the source, in order; case and surrounding spaces are ignored.
    named
        Maps Orbcast's names to the source's, as given by the user; an empty text means no column.
    source
        Name of the source, for errors.
    layout
        The same mapping from the source's layout; None looks for the usual names.
    optional
        Those of ``WHOSE`` that are used if the source has them, even if not mapped.

    Returns
    -------
    dict
        Maps Orbcast's names to the columns as the source writes them: ``ts``, or ``date`` and
        ``time``; the four prices; ``volume``, ``contract`` and ``symbol`` only if they exist.

    Raises
    ------
    SourceError
        A required or named column is missing.
    """
    here = list(here)
    values = {name.strip().lower(): name for name in reversed(here)}
    wanted = {**(layout or {name: name for name in _BAR}), **named}
    if "ts" in named:
        wanted = {key: name for key, name in wanted.items() if key not in {"date", "time"}}
    elif {"date", "time"} <= set(named):
        wanted.pop("ts", None)
    elif not {"ts", "date"} & set(wanted):
        wanted |= _usual_times(values)
    for key in optional if named.get("contract") != "" else ():
        if usual := [name for name in _USUAL[key] if name in values]:
            wanted.setdefault(key, usual[0])
    absent = {key for key in ("volume", *WHOSE) if wanted.get(key) == ""}
    wanted = {key: name for key, name in wanted.items() if key not in absent}
    exact = set(here)
    document = {
        key: name if name in exact else values.get(name.strip().lower())
        for key, name in wanted.items()
    }
    missing = sorted(key for key, name in document.items() if name is None)
    if missing:
        fault = f"lacks columns {', '.join(f'{key}={wanted[key]}' for key in missing)}"
        remedy = f"map them with --column; there are {', '.join(here)}"
        if missing == ["volume"]:
            remedy += "; or give --no-volume if none of them is the volume"
        raise SourceError(source, fault, remedy)
    return {key: name for key, name in document.items() if name is not None}


def contracts_of(
    raw: pa.Table, names: Mapping[str, str], symbol: str, source: str, *, is_part: bool = False
) -> pa.Array | pa.ChunkedArray:
    """Return the contract of each row as text; rows of other markets are left out later.

    Parameters
    ----------
    raw
        The rows.
    names
        The result of ``find_columns``. A row whose symbol is not the market's gets its symbol as
        contract.
    symbol
        The market's symbol; used as contract if no column has another.
    source
        Name of the source, for errors.
    is_part
        Whether rows of the market may be in other parts of the source.

    Raises
    ------
    SourceError
        There is a symbol column, and none of its values is the market's symbol.
    """
    own = pc.cast(raw[names["contract"]], pa.string()) if "contract" in names else None
    if own is None:
        own = pa.chunked_array([pa.repeat(symbol, len(raw))])
    if "symbol" not in names or names["symbol"] == names.get("contract"):
        return own
    symbols = pc.cast(raw[names["symbol"]], pa.string())
    is_own = pc.equal(pc.utf8_lower(symbols), symbol.lower()).fill_null(fill_value=True)
    if not is_part and not pc.any(is_own).as_py():
        column, others = names["symbol"], pc.unique(symbols).to_pylist()
        fault = f"has no rows of {symbol}: its column {column} has {', '.join(others[:3])}"
        remedy = "name this market's file; or give --column symbol= if its rows are of this market"
        remedy += f" all the same, --column contract={column} if these are its contracts"
        raise SourceError(source, fault, remedy)
    return pc.if_else(is_own, own, symbols)


def stamps_of(raw: pa.Table, names: Mapping[str, str]) -> pa.ChunkedArray:
    """Return the time column; separate day and time columns are joined as text."""
    if "ts" in names:
        return raw[names["ts"]]
    parts = [
        pc.utf8_trim_whitespace(pc.cast(raw[names[key]], pa.string())) for key in ("date", "time")
    ]
    return pc.binary_join_element_wise(*parts, " ")


def _usual_times(values: Mapping[str, str]) -> dict[str, str]:
    name = next((name for name in STAMPS if name in values), "ts")
    if name in {"time", "date"} and {"date", "time"} <= set(values):
        return {"date": "date", "time": "time"}
    return {"ts": name}
