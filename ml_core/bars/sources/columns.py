"""Which column of a source holds what, and whose bars its rows are: the same for every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import PRICES, SourceError

STAMPS = (
    "ts", "ts_utc", "ts_event", "timestamp", "timestamp_utc", "datetime", "datetime_utc",
    "date_time", "open_time", "time_utc", "window_start", "time", "date",
)  # fmt: skip
"""Names of a column of times, looked for in this order."""

WHOSE = ("contract", "symbol")
"""The columns that say whose bars a row's are."""

_USUAL = {"contract": ("contract",), "symbol": ("symbol", "ticker")}
_BAR = (*PRICES, "volume")


def find_columns(
    here: Iterable[str],
    named: Mapping[str, str],
    source: str,
    layout: Mapping[str, str] | None = None,
    optional: tuple[str, ...] = ("symbol",),
) -> dict[str, str]:
    """Return which column holds the times, the prices, the volume, and whose bars they are.

    Parameters
    ----------
    here
        The columns of the source, in its order; capitals and spaces around a name do not count.
    named
        Orbcast's names to the source's, as the caller says; an empty text: there is none.
    source
        Named in errors.
    layout
        The same as the source's layout has it; None looks for the usual names.
    optional
        Of ``WHOSE``, what is taken where the source has it and nobody names it.

    Returns
    -------
    dict
        Orbcast's names to the columns as the source writes them. ``ts``, or ``date`` and ``time``;
        the four prices; ``volume``, ``contract`` and ``symbol`` only where there is one.

    Raises
    ------
    SourceError
        A column that is needed or named is not there.
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
            remedy += "; or say --no-volume if none of them is the volume"
        raise SourceError(source, fault, remedy)
    return {key: name for key, name in document.items() if name is not None}


def contracts_of(
    raw: pa.Table, names: Mapping[str, str], symbol: str, source: str, *, is_part: bool = False
) -> pa.Array | pa.ChunkedArray:
    """Return the contract of each row: text, by which rows of other markets are left out later.

    Parameters
    ----------
    raw
        The rows.
    names
        As ``find_columns`` returned them. A row whose symbol is not the market's is of what its
        symbol names.
    symbol
        The market's; the contract where no column says another.
    source
        Named in errors.
    is_part
        Rows of the market may stand in other parts of the source.

    Raises
    ------
    SourceError
        There is a column of symbols, and not one is the market's.
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
        remedy = "name this market's file; or say --column symbol= if its rows are of this market"
        remedy += f" all the same, --column contract={column} if these are its contracts"
        raise SourceError(source, fault, remedy)
    return pc.if_else(is_own, own, symbols)


def stamps_of(raw: pa.Table, names: Mapping[str, str]) -> pa.ChunkedArray:
    """Return the column of times; of a day and a time that stand apart, the two as text."""
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
