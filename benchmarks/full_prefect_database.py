"""The speed of `orbcast up` and of a prediction with three months of runs in Prefect's database.

A home with ten markets runs each flow once. Its Prefect database is then filled by SQL with copies
of those runs, with their states, tasks, logs and artifacts, spread over 89 days, and the events of
the last week, which is what Prefect's own retention leaves. The same is measured before and after:
from `orbcast up` to its page, to the first run that starts, and from a range's close, with its
bars present, to the row in the ledger. A later start, when Prefect already has the deployments, is
judged; the very first start, which writes all of them, is printed too.

    python -m benchmarks.full_prefect_database

takes some twenty minutes and 4 GB of disk; the results are in docs/benchmarks.md.
"""
# ruff: noqa: S608 - the statements consist only of names of Prefect's tables and columns

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from benchmarks.intraday import warm
from benchmarks.soak import Plan, Soak
from ml_core.decision.slot import Slot
from tasks.settings import Settings

KEPT, EVENTS_KEPT = timedelta(days=89), timedelta(days=7)
MOST_SECONDS_TO_START, MOST_SECONDS_TO_PREDICT = 30.0, 1.5
SAMPLED = ("refresh-data", "log-outcomes", "watch-feed", "audit", "check-drift")

_BETWEEN_SECONDS = 3.0
"""Ten markets are never completely idle, and neither is a real home."""

_OF_RUNS = {
    "flow_run_state": "flow_run_id",
    "task_run": "flow_run_id",
    "log": "flow_run_id",
    "artifact": "flow_run_id",
}
_UNIQUE = "idempotency_key"


def fill(path: Path, runs: int) -> dict[str, int]:
    """Copy the runs in a Prefect database up to a number of runs; return its row counts.

    The ids of the n-th copies begin with n, and their times are earlier accordingly.

    Parameters
    ----------
    path
        SQLite file of a server that is not running.
    runs
        Target number of flow runs.
    """
    with closing(sqlite3.connect(path)) as database:
        for pragma in ("foreign_keys = OFF", "journal_mode = OFF", "synchronous = OFF"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("PRAGMA cache_size = -400000")
        database.execute(
            "CREATE TEMP TABLE ours AS SELECT id FROM flow_run WHERE state_type = 'COMPLETED'"
        )
        sampled = database.execute("SELECT count(*) FROM ours").fetchone()[0]
        copies = runs // sampled
        apart = KEPT / copies
        database.execute("CREATE TEMP TABLE copy AS WITH RECURSIVE counted(n) AS (SELECT 1 UNION "
                         "ALL SELECT n + 1 FROM counted WHERE n < ?) SELECT n FROM counted",
                         (copies,))  # fmt: skip
        rows = {"flow_run": "id IN (SELECT id FROM ours)"}
        rows |= {table: f"{run} IN (SELECT id FROM ours)" for table, run in _OF_RUNS.items()}
        rows["task_run_state"] = (
            "task_run_id IN (SELECT id FROM task_run WHERE flow_run_id IN (SELECT id FROM ours))"
        )
        rows["events"] = "resource_id IN (SELECT 'prefect.flow-run.' || id FROM ours)"
        known = "CREATE TEMP TABLE known AS " + " UNION ".join(
            f"SELECT id FROM {table} WHERE {where}" for table, where in rows.items()
        )
        database.execute(known)
        database.execute("CREATE UNIQUE INDEX temp.known_id ON known(id)")
        for table, where in rows.items():
            _copy(database, table, where, apart, EVENTS_KEPT if table == "events" else KEPT)
        database.commit()
        database.execute("PRAGMA journal_mode = WAL")
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in rows
        }


def _copy(
    database: sqlite3.Connection, table: str, where: str, apart: timedelta, kept: timedelta
) -> None:
    columns = database.execute(f"PRAGMA table_info({table})").fetchall()
    seconds = round(apart.total_seconds())
    values = []
    for _, name, kind, *_ in columns:
        column = f'it."{name}"'
        if name == "id" or name.endswith("_id"):
            values.append(
                f"CASE WHEN {column} IN (SELECT id FROM known) "
                f"THEN printf('%08x', copy.n) || substr({column}, 9) "
                f"ELSE replace({column}, 'prefect.flow-run.', "
                f"'prefect.flow-run.' || printf('%08x', copy.n)) END"
                if table == "events"
                else f"CASE WHEN {column} IN (SELECT id FROM known) "
                f"THEN printf('%08x', copy.n) || substr({column}, 9) ELSE {column} END"
            )
        elif kind.upper() in {"TIMESTAMP", "DATETIME"}:
            values.append(
                # to the microsecond, which distinguishes the states of one task
                f"strftime('%Y-%m-%d %H:%M:%S', {column}, (-copy.n * {seconds}) || ' seconds')"
                f" || substr({column}, 20)"
            )
        elif name == _UNIQUE:
            values.append(f"copy.n || ' ' || {column}")
        else:
            values.append(column)
    names = ", ".join(f'"{name}"' for _, name, *_ in columns)
    database.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} AS it "
        f"CROSS JOIN copy WHERE copy.n * {seconds} < {kept.total_seconds()} AND {where}"
    )


class Filled(Soak):
    """A soak with more markets, one of which has bars."""

    def prepare(self, markets: int = 10) -> None:
        """Simulate the market, and name the others."""
        super().prepare()
        self.server.forgets = False
        shipped = Settings().market_file("mgc").read_text("utf-8")
        self.settings.own_markets_dir.mkdir()
        names = [f"m{number:02d}" for number in range(1, markets)]
        for name in names:
            text = shipped.replace('"MGC"', f'"{name.upper()}"')
            (self.settings.own_markets_dir / f"{name}.toml").write_text(text, "utf-8")
        os.environ["ORBCAST_MARKETS"] = ",".join(("mgc", *names))

    def begins(self) -> float:
        """Start a run of recover; return the seconds until it has started."""
        began = time.monotonic()

        def create(client: SyncPrefectClient) -> FlowRun:
            recover = client.read_deployment_by_name("recover/orbcast").id
            run: FlowRun = client.create_flow_run_from_deployment(recover)
            return run

        run = self.server.asked(create)
        while self.server.asked(lambda client: client.read_flow_run(run.id)).start_time is None:
            time.sleep(0.1)
        return time.monotonic() - began

    def measure(self, slots: list[Slot], words: str) -> tuple[float, float]:
        """Start and predict; return the seconds to the first run, and those of the slowest row."""
        began = time.monotonic()
        with self.server.up():
            page = time.monotonic() - began
            self.begins()
            first = time.monotonic() - began
            print(f"{words}: page after {page:.1f} s, first run after {first:.1f} s", flush=True)
            seconds = []
            for slot in slots:
                seconds.append(warm(self, slot))
                print(f"  {slot}: {seconds[-1]:.2f} s", flush=True)
                time.sleep(_BETWEEN_SECONDS)
        return first, max(seconds)


def main() -> None:
    """Measure, fill the database, and measure again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=130_000)
    parser.add_argument("--markets", type=int, default=10)
    parser.add_argument("--port", type=int, default=4392)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orbcast-filled-") as folder:
        soak = Filled(Path(folder), Plan(date(2025, 9, 15), 2, seed=3, kills=0.0), given.port)
        soak.prepare(given.markets)
        began = time.monotonic()
        with soak.server.up():
            soak.begins()
            print(f"the very first start: first run after {time.monotonic() - began:.1f} s")
            soak.server.run("nightly-retrain", "first")
            soak.world.set_clock(soak.slots[0].decision + timedelta(seconds=2))
            soak.server.run("shadow-predict", "first", opening_range=soak.slots[0].opening_range)
            for flow in SAMPLED:
                soak.server.run(flow, f"first {flow}")
        soak.measure(soak.slots[1:4], "few runs")
        database = soak.home / "prefect" / "prefect.db"
        shutil.copy(database, database.with_suffix(".template"))
        began = time.monotonic()
        rows = fill(database, given.runs)
        told = ", ".join(f"{count:,} {table}" for table, count in rows.items())
        size = database.stat().st_size / 1e6
        print(f"filled in {time.monotonic() - began:.0f} s: {told}; {size:,.0f} MB", flush=True)
        start, predict = soak.measure(soak.slots[6:10], f"{rows['flow_run']:,} runs")
    print(f"at {datetime.now(UTC):%Y-%m-%d}: start {start:.1f} s, slowest row {predict:.2f} s")
    raise SystemExit(start > MOST_SECONDS_TO_START or predict > MOST_SECONDS_TO_PREDICT)


if __name__ == "__main__":
    main()
