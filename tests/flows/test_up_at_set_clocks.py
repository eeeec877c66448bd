"""`orbcast up` on unusual days with a set clock: each slot has one row, in time."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import duckdb
import pytest

from deployments.simulated import write_database
from flows.nightly_retrain import nightly_retrain
from ml_core.market.market import load_market
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tests.ml_core.builders import MARKETS
from tests.set_clocks import LOGS, SetClock, compiled_waits, environment, library
from tests.trained_market import give_prefect_database
from tests.waiting import AT_MOST_SECONDS, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3 * AT_MOST_SECONDS),
    pytest.mark.skipif(library() is None, reason="needs libfaketime: apt-get install faketime"),
]

FIRST, LAST, LEARNED = date(2024, 12, 2), date(2026, 3, 13), date(2025, 10, 31)
EARLIER, BEFORE = timedelta(minutes=20), timedelta(seconds=15)
"""How long before its slot the server starts, and where the clock is set once it serves."""

NAME = "nite"
_MIDNIGHT = """
[[ranges]]
name = "2355_10m"
start = "23:55"
minutes = 10
session = "overnight"
"""


@dataclass(frozen=True)
class OddDay:
    """A slot during which the server is up.

    Attributes
    ----------
    day, opening_range
        Trading day and opening range of the slot.
    decision
        When its window ends, aware UTC.
    """

    day: date
    opening_range: str
    decision: datetime


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# NQ's trading day starts at 18:00 in New York on the evening before
ODD_DAYS = {
    "clocks went back": OddDay(date(2025, 11, 3), "0930_5m", utc("2025-11-03T14:35")),
    "the evening clocks go back": OddDay(date(2025, 11, 3), "2355_10m", utc("2025-11-03T05:05")),
    "half-day": OddDay(date(2025, 11, 28), "0930_5m", utc("2025-11-28T14:35")),
    "roll": OddDay(date(2025, 12, 16), "0930_5m", utc("2025-12-16T14:35")),
    "clocks went forward": OddDay(date(2026, 3, 9), "0930_5m", utc("2026-03-09T13:35")),
}


def words(home: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "deployments.cli", "--home", str(home), *more]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, prefect_database: Path, prefect_server: None
) -> Path:
    """A folder with a simulated NQ-like market and a home trained on its first months."""
    del prefect_server
    folder = tmp_path_factory.mktemp("world")
    home = folder / "home"
    give_prefect_database(prefect_database, home)
    (home / "markets").mkdir(parents=True)
    text = (
        (MARKETS / "nq.toml").read_text("utf-8").replace('"NQ"', '"NITE"').replace("'NQ", "'NITE")
    )
    (home / "markets" / f"{NAME}.toml").write_text(
        text.replace("[[ranges]]", f"{_MIDNIGHT}\n[[ranges]]", 1), "utf-8"
    )
    market = load_market(home / "markets" / f"{NAME}.toml")
    write_database(folder / "all.duckdb", market, FIRST, LAST, 0.03, 7)
    trader_until(folder, datetime.combine(LEARNED, datetime.min.time(), UTC))
    spec = SourceSpec(
        kind="duckdb", paths=(str(folder / "trader.duckdb"),), columns={"contract": "contract"}
    )
    remember_source(home / "sources.toml", NAME, spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(home))
        nightly_retrain(NAME)
    return folder


def trader_until(folder: Path, moment: datetime) -> None:
    """Fill the trader's database with the bars closed by a moment."""
    trader = folder / "trader.duckdb"
    trader.unlink(missing_ok=True)
    with duckdb.connect(str(trader)) as own:
        own.execute(f"ATTACH '{folder / 'all.duckdb'}' AS world (READ_ONLY)")
        own.execute(
            "CREATE TABLE bars_1m AS SELECT * FROM world.bars_1m WHERE ts_utc < ?",
            [moment.replace(tzinfo=None)],
        )


def rows(home: Path, odd_day: OddDay) -> list[tuple[str, str, str, int]]:
    with closing(sqlite3.connect(home / "orbcast.sqlite", timeout=AT_MOST_SECONDS)) as ledger:
        return ledger.execute(
            "SELECT status, decision_time, made_at, late FROM predictions "
            "WHERE mode = 'live' AND role = 'champion' AND trading_day = ? AND opening_range = ?",
            [odd_day.day.isoformat(), odd_day.opening_range],
        ).fetchall()


def serves(port: int) -> bool:
    """Return whether the deployment that is registered last exists."""
    with (
        suppress(OSError),
        urlopen(f"http://127.0.0.1:{port}/api/deployments/name/recover/orbcast"),
    ):
        return True
    return False


def put(clock: Path, moment: datetime) -> None:
    """Set the clock of all processes that read this file."""
    beside = clock.with_suffix(".new")
    beside.write_text(f"{(moment - datetime.now(UTC)).total_seconds():+.3f}\n", "utf-8")
    beside.replace(clock)


@contextmanager
def up_before(decision: datetime, home: Path, log: Path) -> Iterator[None]:
    """Run `orbcast up` on a set clock; once it serves, set it shortly before a slot."""
    LOGS.mkdir(parents=True, exist_ok=True)
    waits, faketime = compiled_waits(), library()
    assert waits is not None
    assert faketime is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clock = log.with_name("clock")
    put(clock, decision - EARLIER)
    ours = environment(SetClock("up", decision), [waits, faketime], datetime.now(UTC))
    ours = {name: value for name, value in ours.items() if "PREFECT" not in name}
    del ours["FAKETIME"]  # the file holds the time and may be changed
    with log.open("wb") as out:
        process = subprocess.Popen(
            words(home, "up", "--port", str(port)),
            env={
                **ours,
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_CACHE_DURATION": "1",
                "ORBCAST_MARKETS": NAME,
            },
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: serves(port), log.read_text)
        put(clock, decision - BEFORE)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(AT_MOST_SECONDS)


@pytest.mark.parametrize("odd_day", ODD_DAYS.values(), ids=ODD_DAYS)
def test_a_slot_of_an_odd_day_has_its_row_once_and_in_time(
    world: Path, tmp_path: Path, odd_day: OddDay
) -> None:
    home = shutil.copytree(world / "home", tmp_path / "home")
    trader_until(world, odd_day.decision)
    log = tmp_path / "up.log"

    with up_before(odd_day.decision, home, log):
        wait_until(lambda: rows(home, odd_day), log.read_text)

    (row,) = rows(home, odd_day)
    status, decision, made, late = row
    assert (status, late) == ("predicted", 0)
    assert utc(decision) == odd_day.decision
    assert timedelta(0) <= utc(made) - odd_day.decision < timedelta(seconds=120)


def test_a_holiday_has_a_row_that_predicts_nothing_and_no_run_fails(
    world: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(world / "home", tmp_path / "home")
    christmas = OddDay(date(2025, 12, 25), "0930_5m", utc("2025-12-25T14:35"))
    trader_until(world, christmas.decision)
    log, prefect = tmp_path / "up.log", home / "prefect" / "prefect.db"

    def ended() -> list[tuple[str, str]]:
        if not prefect.exists():
            return []
        shared = sqlite3.connect(f"file:{prefect}?mode=ro", uri=True, timeout=AT_MOST_SECONDS)
        with closing(shared) as own:
            return own.execute(
                "SELECT name, state_type FROM flow_run WHERE name LIKE '%0930_5m%' "
                "AND state_type NOT IN ('SCHEDULED', 'PENDING', 'RUNNING')"
            ).fetchall()

    with up_before(christmas.decision, home, log):
        wait_until(ended, log.read_text)

    assert {state for _, state in ended()} == {"COMPLETED"}
    assert [row[0] for row in rows(home, christmas)] == ["abstained"]
