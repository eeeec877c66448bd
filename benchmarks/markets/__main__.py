"""Measure growing numbers of markets, each in a new process, and print the curves as tables."""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import benchmarks.markets
from benchmarks.markets.ledger import LIMITS, command_spent, fill_ledger, steps_spent
from benchmarks.markets.one_process import work_of_markets
from benchmarks.markets.served import ServedMarkets

PARTS = ("work", "served", "ledger")
COMMANDS = (
    ("verify", "--seal"),
    ("verify",),
    ("status",),
    ("performance", "--market", "m00"),
    ("rollout", "status", "--market", "m00"),
)


def work(folder: Path, worlds: Path, markets: int, years: float, _port: int) -> None:
    """Print the processor seconds of the work itself."""
    spent = work_of_markets(folder, worlds, markets, years)
    print(
        f"{markets:3d} markets: bars {spent.imported:.1f} s, training {spent.trained:.1f} s, "
        f"{spent.trained / markets:.2f} s each; loaded {spent.loaded:.2f} s, recorded "
        f"{spent.recorded:.2f} s, {spent.recorded / markets:.3f} s each "
        f"({_counts(spent.statuses)}); peak {spent.peak_mb[0]:.0f} and {spent.peak_mb[1]:.0f} MB",
        flush=True,
    )


def served(folder: Path, worlds: Path, markets: int, years: float, port: int) -> None:
    """Print what a real `orbcast up` takes for the retrains and the predictions."""
    home = ServedMarkets(folder, markets, years, worlds, port)
    home.prepare()
    with home.server.up():
        usage = home.retrain_all()
        print(f"{markets:3d} markets retrained: {usage}", flush=True)
        logged, usage = home.predict_all()
    seconds = sorted(row.seconds for row in logged)
    statuses = {row.status: sum(other.status == row.status for other in logged) for row in logged}
    print(
        f"{markets:3d} ranges of one minute: first row made {seconds[0]:.1f} s, last "
        f"{seconds[-1]:.1f} s after their bars ({_counts(statuses)}): {usage}",
        flush=True,
    )


def ledger(folder: Path, _worlds: Path, markets: int, years: int, _port: int) -> None:
    """Print what commands take on a ledger of six predictions a market and day."""
    home = folder / "home"
    home.mkdir()
    rows = _in_new_process(fill_ledger, home, markets, years)
    print(f"{markets:3d} markets: {rows:,} predictions and as many outcomes", flush=True)
    for words in COMMANDS:
        _print(command_spent(home, *words), LIMITS.get(words[0]))
    for spent in steps_spent(home):
        _print(spent, LIMITS.get(spent.what))


def _print(spent: Any, limit: float | None) -> None:
    good = limit is None or spent.processor <= limit
    words = "" if limit is None else f"   at most {limit:g} s"
    print(
        f"    {'ok  ' if good else 'SLOW'} {spent.what:36s} {spent.processor:6.2f} s"
        f" {spent.peak_mb:6.0f} MB{words}",
        flush=True,
    )


def _counts(statuses: dict[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.items())


def _in_new_process(what: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a new process, whose memory counts alone; return its result."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(what, arguments)


def main() -> None:
    """Measure each part with each number of markets."""
    parser = argparse.ArgumentParser(description=benchmarks.markets.__doc__)
    parser.add_argument("--markets", default="1,5,20,50", help="numbers, separated by commas")
    parser.add_argument("--years", type=float, default=5.0, help="of bars; 0.5 at least")
    parser.add_argument("--record-years", type=int, default=1, help="of the ledger")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--port", type=int, default=4393)
    parser.add_argument("--worlds", type=Path, help="folder of simulated bars, to use them again")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="orbcast-markets-"))
    worlds = given.worlds or root / "worlds"
    worlds.mkdir(parents=True, exist_ok=True)
    for part in given.parts.split(","):
        measure = {"work": work, "served": served, "ledger": ledger}[part]
        for markets in map(int, given.markets.split(",")):
            folder = root / f"{part}{markets}"
            folder.mkdir()
            years = given.record_years if part == "ledger" else given.years
            arguments = (folder, worlds, markets, years, given.port)
            if part == "work":
                _in_new_process(measure, *arguments)
            else:
                measure(*arguments)
            shutil.rmtree(folder)
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
