"""Simulated bars in the form that Databento delivers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
from databento_dbn import Metadata, RType, Schema, SType

_RECORD = np.dtype(
    [
        ("length", "u1"), ("rtype", "u1"), ("publisher", "<u2"), ("instrument", "<u4"),
        ("ts_event", "<u8"), ("open", "<i8"), ("high", "<i8"), ("low", "<i8"), ("close", "<i8"),
        ("volume", "<u8"),
    ]
)  # fmt: skip
_BILLIONTHS = 1e9


def write_dbn(path: Path, database: Path) -> None:
    """Write table ``bars_1m`` of a trader's database as one file of schema ohlcv-1m."""
    with duckdb.connect(str(database), read_only=True) as trader:
        bars = trader.execute("SELECT * FROM bars_1m ORDER BY ts_utc").fetchnumpy()
    names, numbers = np.unique(np.asarray(bars["contract"], dtype=str), return_inverse=True)
    records = np.zeros(len(numbers), _RECORD)
    records["length"], records["rtype"] = _RECORD.itemsize // 4, int(RType.OHLCV_1M)
    records["publisher"], records["instrument"] = 1, numbers + 1
    records["ts_event"] = np.asarray(bars["ts_utc"], "datetime64[ns]").astype(np.int64)
    for name in ("open", "high", "low", "close"):
        records[name] = np.rint(np.asarray(bars[name]) * _BILLIONTHS)
    records["volume"] = bars["volume"]
    days = np.asarray(bars["ts_utc"], "datetime64[D]")
    span = {"start_date": days[0].item(), "end_date": (days[-1] + 1).item()}
    kinds: Any = {
        "stype_in": SType.PARENT, "stype_out": SType.INSTRUMENT_ID, "schema": Schema.OHLCV_1M,
    }  # fmt: skip
    about = Metadata(
        dataset="GLBX.MDP3", start=0, **kinds, symbols=["MGC.FUT"], partial=[], not_found=[],
        mappings=[
            SimpleNamespace(
                raw_symbol=str(name), intervals=[SimpleNamespace(**span, symbol=str(number + 1))]
            )
            for number, name in enumerate(names)
        ],
    )  # fmt: skip
    path.parent.mkdir(parents=True)
    path.write_bytes(about.encode() + records.tobytes())
