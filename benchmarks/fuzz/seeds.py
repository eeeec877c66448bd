"""Small valid inputs of every kind, with which a campaign starts."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from databento_dbn import Metadata, Schema, SType

from ml_core.bars.contract import PRICES
from ml_core.bars.sources.dbn import RECORD
from ml_core.fills.read import FillsReading

PROJECT = Path(__file__).resolve().parents[2]
_START = np.datetime64("2024-01-16T14:00", "us")
_ROWS = 12

LINES: dict[str, tuple[str, str]] = {
    "generic": ("ts,open,high,low,close,volume", "2024-01-16T14:{m}Z,2050.1,2051,2049.5,2050,7"),
    "headerless": ("", "2024-01-16 14:{m},2050.1,2051,2049.5,2050,7"),
    "histdata": ("", "20240116 14{m}00;2050.1;2051;2049.5;2050;7"),
    "ninjatrader": ("", "20240116 14{m}00;2050.1;2051;2049.5;2050;7"),
    "metatrader": (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
        "2024.01.16\t14:{m}:00\t2050.1\t2051\t2049.5\t2050\t7\t0\t1",
    ),
    "metatrader4": ("", "2024.01.16,14:{m},2050.1,2051,2049.5,2050,7"),
    "tradestation": (
        '"Date","Time","Open","High","Low","Close","Up","Down"',
        "01/16/2024,14:{m},2050.1,2051,2049.5,2050,3,4",
    ),
    "multicharts": (
        "Date,Time,Open,High,Low,Close,TotalVolume",
        "2024-01-16,14:{m}:00,2050.1,2051,2049.5,2050,7",
    ),
    "sierra": (
        "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume",
        "2024/1/16, 14:{m}:00, 2050.1, 2051, 2049.5, 2050, 7, 5, 3, 4",
    ),
    "barchart": (
        "Time,Open,High,Low,Latest,Change,%Change,Volume",
        "2024-01-16 14:{m},2050.1,2051,2049.5,2050,0.1,0.01%,7",
    ),
    "kibot": ("", "01/16/2024,14:{m},2050.1,2051,2049.5,2050,7"),
    "firstrate": ("", "2024-01-16 14:{m}:00,2050.1,2051,2049.5,2050,7"),
    "dukascopy": (
        "Gmt time,Open,High,Low,Close,Volume",
        "16.01.2024 14:{m}:00.000,2050.1,2051,2049.5,2050,7",
    ),
    "dukascopy-local": (
        "Local time,Open,High,Low,Close,Volume",
        "16.01.2024 14:{m}:00.000 GMT+0100,2050.1,2051,2049.5,2050,7",
    ),
    "binance": ("", "17054124{m}000,2050.1,2051,2049.5,2050,7,17054124{m}999,1,2,3,4,0"),
    "massive": (
        "ticker,volume,open,close,high,low,window_start,transactions",
        "MGCG4,7,2050.1,2050,2051,2049.5,17054124{m}000000000,5",
    ),
    "databento": (
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
        "17054124{m}000000000,33,1,7,2050100000000,2051000000000,2049500000000,2050000000000,7,MGCG4",
    ),
    "alpaca": (
        "timestamp,open,high,low,close,volume,trade_count,vwap",
        "2024-01-16 14:{m}:00+00:00,2050.1,2051,2049.5,2050,7,5,2050.2",
    ),
    "yfinance": (
        "Price,Close,High,Low,Open,Volume\nTicker,GC=F,GC=F,GC=F,GC=F,GC=F\nDatetime,,,,,",
        "2024-01-16 14:{m}:00+00:00,2050,2051,2049.5,2050.1,7",
    ),
    "tradingview": ("time,open,high,low,close,Volume", "17054124{m},2050.1,2051,2049.5,2050,7"),
    "ibkr": (
        "date,open,high,low,close,volume,average,barCount",
        "20240116 14:{m}:00 UTC,2050.1,2051,2049.5,2050,7,2050.2,5",
    ),
}


def text_of(layout: str) -> bytes:
    """Return a valid file in a layout."""
    header, row = LINES[layout]
    rows = [row.replace("{m}", f"{minute:02d}") for minute in range(_ROWS)]
    return "\n".join([*([header] if header else []), *rows, ""]).encode()


def bars(whose: str = "symbol") -> pa.Table:
    """Return a few valid bars, with a named column for their symbol."""
    price = 2050.0 + np.arange(_ROWS) % 3
    return pa.table(
        {
            "ts": pa.array(_START + np.arange(_ROWS) * np.timedelta64(1, "m")).cast(
                pa.timestamp("us", "UTC")
            ),
            whose: pa.repeat("MGC", _ROWS),
            **dict.fromkeys(PRICES, pa.array(price)),
            "volume": np.arange(_ROWS),
        }
    )


def gz() -> bytes:
    """Return a gzipped text."""
    return gzip.compress(text_of("generic"), mtime=0)


def zipped(name: str = "bars.csv", text: bytes | None = None) -> bytes:
    """Return a zip with one text."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), text or text_of("generic"))
    return made.getvalue()


def lean(name: str = "20240116_mgc_minute_trade_202402.csv", rows: bytes = b"") -> bytes:
    """Return one day in LEAN's format."""
    sound = "".join(f"{60_000 * minute},2050.1,2051,2049.5,2050,7\n" for minute in range(_ROWS))
    return zipped(name, rows or sound.encode())


def parquet(whose: str = "symbol", **options: Any) -> bytes:
    """Return a Parquet file."""
    made = io.BytesIO()
    pq.write_table(bars(whose), made, **options)
    return made.getvalue()


def dbn(*, packed: bool) -> bytes:
    """Return a Databento file, compressed or not."""
    days = SimpleNamespace(start_date=date(2024, 1, 1), end_date=date(2024, 2, 1), symbol="7")
    kinds: Any = {
        "stype_in": SType.PARENT,
        "stype_out": SType.INSTRUMENT_ID,
        "schema": Schema.OHLCV_1M,
    }  # declared as text in the library's stubs
    mappings: Any = [SimpleNamespace(raw_symbol="MGCG4", intervals=[days])]
    metadata = Metadata(
        dataset="GLBX.MDP3", start=0, **kinds,
        symbols=["MGC.FUT"], partial=[], not_found=[], mappings=mappings,
    )  # fmt: skip
    table, records = bars(), np.zeros(_ROWS, RECORD)
    records["length"], records["rtype"], records["instrument_id"] = RECORD.itemsize // 4, 33, 7
    records["ts_event"] = table["ts"].cast(pa.int64()).to_numpy() * 1_000
    for price in PRICES:
        records[price] = np.rint(table[price].to_numpy() * 1e9)
    content = bytes(metadata.encode()) + records.tobytes()
    return bytes(pa.Codec("zstd").compress(content)) if packed else content


def database() -> bytes:
    """Return a trader's DuckDB database."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.duckdb"
        with duckdb.connect(str(path)) as own:
            own.register("given", bars())
            own.execute("CREATE TABLE bars_1m AS SELECT * FROM given")
        return path.read_bytes()


FILL_READINGS = (
    FillsReading(zone="UTC"),
    FillsReading(zone="UTC", instrument="GOLD.f"),
    FillsReading(
        zone="UTC",
        columns={"date": "Day", "time": "When", "side": "What", "quantity": "Lots", "price": "At"},
    ),
)
"""Ways to read files of executions; the first byte of an input chooses one."""

_OTHER_READING = {"metatrader": 1, "generic": 2}


def executions() -> list[bytes]:
    """Return the tests' file of each platform, after the byte that chooses its reading."""
    files = sorted((PROJECT / "tests" / "ml_core" / "fills" / "files").glob("*.csv"))
    return [bytes([_OTHER_READING.get(path.stem, 0)]) + path.read_bytes() for path in files]


def news() -> dict[str, bytes]:
    """Return a small file of scheduled news in each form, by its file ending."""
    return {
        "csv": b"time,name,importance,known_since\n2025-08-12T08:30-04:00,CPI,high,2025-06-01\n",
        "toml": b'[[event]]\ntime = 2025-08-12T12:30:00Z\nname = "CPI"\nimportance = "high"\n',
        "ics": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        b"DTSTAMP:20250601T000000Z\r\nDTSTART:20250812T123000Z\r\nSUMMARY:CPI\r\n"
        b"END:VEVENT\r\nEND:VCALENDAR\r\n",
    }


def toml_files(folder: str) -> list[bytes]:
    """Return the shipped files of a folder below ``deployments``."""
    return [
        path.read_bytes() for path in sorted((PROJECT / "deployments" / folder).glob("*.toml"))
    ]


def pushed() -> list[bytes]:
    """Return requests of each form."""
    row = {"ts": "2024-01-16T14:00Z", **dict.fromkeys(PRICES, 2050.0), "volume": 7}
    other = {**row, "ts": 1705413660, "contract": "MGCG4"}
    return [
        json.dumps(row).encode(),
        json.dumps({"bars": [row, other]}).encode(),
        f"{json.dumps(row)}\n{json.dumps(other)}\n".encode(),
        text_of("generic"),
        text_of("metatrader"),
    ]


def spooled() -> bytes:
    """Return the server's own file of pushed rows."""
    cells = {"ts": "2024-01-16T14:00Z", **dict.fromkeys(PRICES, "2050.0"), "volume": "7"}
    at = datetime.fromisoformat("2024-01-16T14:01:00+00:00").isoformat()
    return json.dumps({"at": at, "layout": "generic", "cells": cells}).encode() + b"\n"
