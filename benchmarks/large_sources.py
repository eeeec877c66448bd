"""Sources far larger than memory, and compressed files that expand to almost endless data.

    python -m benchmarks.large_sources [--part 0.1] [--keep FOLDER]

Each is made in pieces, then imported by `orbcast ingest` in its own home. The output shows the
command's peak memory, its seconds and its message; the exit status is 1 if a limit is missed. Six
gigabytes of disk are needed. ``--part`` makes everything smaller.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from databento_dbn import Metadata, Schema, SType
from numpy.typing import NDArray

from ml_core.bars.contract import PRICES
from ml_core.bars.sources.dbn import RECORD
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule
from tasks.settings import Settings

CSV_BYTES, PARQUET_ROWS, BOMB_BYTES = 2_000_000_000, 120_000_000, 4_000_000_000
MOST_MEMORY_MB = 1_500
MONTHS = "FGHJMQVZ"
FIRST, YEARS = 2012, 14
SYMBOLS = 25
"""Number of markets in the Parquet file, of which one is read."""

HEADER = "ts_utc,contract,open,high,low,close,volume\n"
ROW = "2024-01-16 01:00,MGCG4,2000.0,2000.0,2000.0,2000.0,1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A source, how it is ingested, and the expected end."""

    name: str
    file: str
    make: Callable[[Path, float], None]
    words: tuple[str, ...]
    status: int = 0


def minutes_of_year(market: Market, year: int) -> NDArray[np.int64]:
    """Return every minute at which the market trades in a year, UTC, since 1970."""
    days = build_schedule(market, date(year, 1, 1), date(year, 12, 31))
    spans = zip(days.exchange_open, days.exchange_close, strict=True)
    return np.concatenate([np.arange(start, stop) for start, stop in spans])


def bars(minute: NDArray[np.int64], seed: int) -> dict[str, pa.Array]:
    """Return valid bars at some minutes, a random walk in ticks of 0.1."""
    random = np.random.default_rng(seed)
    close = 20_000 + np.cumsum(random.integers(-3, 4, len(minute))) % 5_000
    opened = np.concatenate([close[:1], close[:-1]])
    low, high = np.minimum(opened, close) - 2, np.maximum(opened, close) + 2
    ticks = dict(zip(PRICES, (opened, high, low, close), strict=True))
    return {
        **{name: pa.array(np.round(value * 0.1, 1)) for name, value in ticks.items()},
        "volume": pa.array(random.integers(1, 500, len(minute))),
    }


def years() -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each year with its minutes of MGC."""
    market = Settings(home=Path("unused")).market("mgc")
    for year in range(FIRST, FIRST + YEARS):
        yield year, minutes_of_year(market, year)


def make_csv(path: Path, part: float) -> None:
    """Write contracts of MGC side by side, year after year, until the file is large enough."""
    options = pa_csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for year, minute in years():
            stamps = pa.array(minute * 60).cast(pa.timestamp("s"))
            for number, letter in enumerate(MONTHS):
                name = f"MGC{letter}{year % 100:02d}"
                table = pa.table(
                    {
                        "ts_utc": stamps.cast(pa.string()),
                        "contract": pa.repeat(name, len(minute)),
                        **bars(minute, year * 100 + number),
                    }
                )
                pa_csv.write_csv(table, file, options)
                if file.tell() >= CSV_BYTES * part:
                    return


def make_parquet(path: Path, part: float) -> None:
    """Write many markets side by side, in row groups of a million rows, with unused columns."""
    written, writer = 0, None
    for year, minute in years():
        stamps = pa.array(minute * 60_000_000).cast(pa.timestamp("us", "UTC"))
        for number in range(SYMBOLS):
            values = bars(minute, year * 100 + number)
            table = pa.table(
                {
                    "ts": stamps,
                    "symbol": pa.repeat("MGC" if number == 0 else f"S{number:02d}", len(minute)),
                    **values,
                    "vwap": values["close"],
                    "trades": values["volume"],
                }
            )
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            written += len(table)
            if written >= PARQUET_ROWS * part:
                writer.close()
                return
    message = f"only {written:,} rows"
    raise RuntimeError(message)


def _repeat(file: IO[bytes], piece: bytes, size: float) -> None:
    for _ in range(int(size / len(piece))):
        file.write(piece)


def make_gz(path: Path, part: float) -> None:
    """Write one repeated row, gzipped."""
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(HEADER.encode())
        _repeat(file, ROW.encode() * 20_000, BOMB_BYTES * part)  # type: ignore[arg-type]


def make_zip(path: Path, part: float) -> None:
    """Write one repeated row in a zip."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bars.csv", "w", force_zip64=True) as file,
    ):
        file.write(HEADER.encode())
        _repeat(file, ROW.encode() * 20_000, BOMB_BYTES * part)


def make_dbn(path: Path, part: float) -> None:
    """Write one repeated valid record, compressed like Databento's own files."""
    kinds: Any = {
        "stype_in": SType.PARENT,
        "stype_out": SType.INSTRUMENT_ID,
        "schema": Schema.OHLCV_1M,
    }  # declared as text in the library's stubs
    metadata = Metadata(
        dataset="GLBX.MDP3", start=0, **kinds,
        symbols=["MGC.FUT"], partial=[], not_found=[], mappings=[],
    )  # fmt: skip
    records = np.zeros(10_000, RECORD)
    records["length"], records["rtype"] = RECORD.itemsize // 4, 33
    with pa.OSFile(str(path), "wb") as sink, pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(metadata.encode())
        _repeat(file, records.tobytes(), BOMB_BYTES * part)


CONTRACT = ("--column", "contract=contract")
CASES = (
    Case(
        name="CSV of 2 GB",
        file="bars.csv",
        make=make_csv,
        words=("--source", "csv", "--zone", "UTC", *CONTRACT),
    ),
    Case(
        name=f"Parquet of 120 million rows, {SYMBOLS} markets",
        file="bars.parquet",
        make=make_parquet,
        words=("--source", "parquet"),
    ),
    Case(name="gz of 4 GB", file="bomb.csv.gz", make=make_gz, words=(*CONTRACT,), status=2),
    Case(name="zip of 4 GB", file="bomb.zip", make=make_zip, words=(*CONTRACT,), status=2),
    Case(name="zst of 4 GB", file="bomb.dbn.zst", make=make_dbn, words=(), status=2),
)


def run(case: Case, path: Path, home: Path) -> bool:
    """Ingest a source and print the result; return whether it ended as expected."""
    words = ["ingest", str(path), "--market", "mgc", *case.words]
    command = [sys.executable, "-m", "deployments.cli", "--home", str(home), *words]
    log, began = home.with_suffix(".log"), time.monotonic()
    with log.open("wb") as out:
        actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), number) for number in (1, 2)]
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
    spent, megabytes = time.monotonic() - began, usage.ru_maxrss / 1024
    ended = os.waitstatus_to_exitcode(status)
    good = ended == case.status and megabytes <= MOST_MEMORY_MB
    size = path.stat().st_size / 1e6
    print(
        f"{'ok  ' if good else 'MISS'} {case.name}, a file of {size:,.0f} MB: "
        f"status {ended}, {megabytes:,.0f} MB, {spent:.0f} s",
        flush=True,
    )
    lines = log.read_text("utf-8", errors="replace").replace(str(path.parent) + "/", "")
    print("".join(f"     {line[:300]}\n" for line in lines.splitlines()[-8:]), end="", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=float, default=1.0, help="of each size")
    parser.add_argument("--only", default="", help="beginning of a case's name")
    parser.add_argument("--keep", type=Path, help="folder to make the sources in and to keep")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="orbcast-large-"))
    folder.mkdir(parents=True, exist_ok=True)
    good = True
    for number, case in enumerate(CASES):
        if not case.name.startswith(given.only):
            continue
        path, home = folder / case.file, folder / f"home{number}"
        if not path.exists():
            case.make(path, given.part)
        shutil.rmtree(home, ignore_errors=True)
        good &= run(case, path, home)
        if not given.keep:
            path.unlink()
    if not given.keep:
        shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
