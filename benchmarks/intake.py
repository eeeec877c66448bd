"""How long the commands that ingest and list bars take, each in its own home.

    python benchmarks/intake.py [--repeats 3]

The CSV holds simulated bars; the DBN files are the licensed ones, if they are present.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
from commands import seconds

from benchmarks.real_bars import DATA

PROJECT = Path(__file__).resolve().parent.parent
DAYS, ROWS = 1_250, 1_000_000
LIMITS = {"CSV": 5.0, "DBN": 8.0, "bars status": 1.0}
"""Seconds from prompt to prompt; ``bars status`` covers the DBN files' bars."""


def orbcast(home: Path, *words: str) -> float:
    """Run a command; return its seconds."""
    return seconds(home, list(words))[0]


def csv_of(folder: Path) -> Path:
    """Write a CSV with a heading and a million rows of simulated bars."""
    database, path = folder / "bars.duckdb", folder / "bars.csv"
    orbcast(folder / "made", "simulate", "--days", str(DAYS), "--out", str(database))
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.sql(f"SELECT * FROM bars_1m ORDER BY ALL LIMIT {ROWS}")  # noqa: S608
        rows.write_csv(str(path), header=True)
    return path


def show(what: str, name: str, times: Sequence[float]) -> bool:
    """Print a measurement beside its limit; return whether the limit was missed."""
    middle, limit = statistics.median(times), LIMITS[name]
    slow = middle > limit
    print(f"{'SLOW' if slow else 'ok  '} {what:52s}{middle:7.2f} s   at most {limit:g} s")
    return slow


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = range(parser.parse_args().repeats)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = csv_of(folder)
        words = ("ingest", "--source", "csv", str(path), "--column", "contract=contract")
        took = [orbcast(folder / f"csv{n}", *words) for n in repeats]
        slow = show(f"orbcast ingest, CSV of {ROWS:,} rows", "CSV", took)
        if not DATA.is_dir():
            print(f"licensed market data is not at {DATA}: DBN was not measured", file=sys.stderr)
            return int(slow)
        words = ("ingest", "--source", "dbn", str(DATA))
        took = [orbcast(folder / f"dbn{n}", *words) for n in repeats]
        slow |= show("orbcast ingest, 55 DBN files of 2.4 million bars", "DBN", took)
        took = [orbcast(folder / "dbn0", "bars", "status") for _ in repeats]
        slow |= show("orbcast bars status on those", "bars status", took)
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
