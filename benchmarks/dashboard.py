"""How long the dashboard's pages take to load with a large ledger, in a real browser.

python -m benchmarks.dashboard --home HOME [--rows 100000]

HOME is a trained home, such as the demo's; the rows are added to a copy of it. Each page is opened
five times in a new window. First paint is the browser's own first contentful paint. A page is
readable when its heading is shown, and complete when its script has ended and its charts are
drawn. The server's processor time for a visit, which a busy machine does not change, is shown too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from ml_core.decision.entry import PredictionEntry
from ml_core.json_values import field_values
from monitoring.daily_sums import daily_figures
from registry.chains.chain import Chain
from registry.database import Database, open_database
from registry.ledger.entries import OutcomeEntry, Settled, fields_of
from registry.ledger.ledger import Ledger
from registry.ledger.verification import OUTCOMES, PREDICTIONS
from registry.tables.ledger import OutcomeRow, PerformanceRow, PredictionRow

PAGES = {
    "today": "",
    "performance": "performance",
    "predictions": "predictions",
    "trades": "trades",
    "models": "models",
    "gates": "gates",
    "data": "data",
}
PORT = 8791
LIMIT_SECONDS = 2.0
VISITS = 5
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")


def fill(home: Path, rows: int) -> None:
    """Repeat the home's own predictions, as live ones, back through the years until enough."""
    database = open_database(f"sqlite:///{home / 'orbcast.sqlite'}")
    settled = [
        row
        for row in Ledger(database).settled("MGC")
        if row.prediction.role == "champion" and row.outcome is not None
    ]
    days = sorted({row.prediction.trading_day for row in settled})
    span = (days[-1] - days[0]).days + 3
    copies = rows // len(settled) + 1
    predictions, outcomes = [], []
    for copy in range(copies, 0, -1):
        back = timedelta(days=7 * (span // 7 + 1) * copy)
        for original in settled:
            predictions.append(_earlier(original.prediction, back))
            assert original.outcome is not None
            outcomes.append(_earlier_outcome(original.outcome, back))
    predictions, outcomes = predictions[-rows:], outcomes[-rows:]
    with database.session() as session:
        session.execute(text("DELETE FROM predictions"))
        session.execute(text("DELETE FROM outcomes"))
        session.execute(text("DELETE FROM performance"))
        _append(
            session,
            PREDICTIONS,
            PredictionRow,
            [fields_of(prediction) for prediction in predictions],
        )
        became = [
            {
                **{name: getattr(outcome, name) for name in OutcomeEntry.__slots__},
                "revision": 0,
                "recorded_at": outcome.resolved_at,
            }
            for outcome in outcomes
        ]
        _append(session, OUTCOMES, OutcomeRow, became)
    _daily(database, predictions, outcomes)
    database.close()


def _append(session: Session, chain: Chain, table: Any, rows: list[dict[str, Any]]) -> None:
    after = chain.head(session).row_hash
    for values in rows:
        digest = chain.row_hash(values, after)
        values |= {"previous_hash": after, "row_hash": digest}
        after = digest
    for first in range(0, len(rows), 5_000):
        session.execute(insert(table), rows[first : first + 5_000])


def _earlier(entry: PredictionEntry, back: timedelta) -> PredictionEntry:
    decided = entry.decision_time - back
    return replace(
        entry,
        trading_day=entry.trading_day - back,
        decision_time=decided,
        made_at=decided + timedelta(seconds=3),
        mode="live",
        late=False,
    )


def _earlier_outcome(entry: OutcomeEntry, back: timedelta) -> OutcomeEntry:
    return replace(
        entry, trading_day=entry.trading_day - back, resolved_at=entry.resolved_at - back
    )


def _daily(
    database: Database, predictions: list[PredictionEntry], outcomes: list[OutcomeEntry]
) -> None:
    came = {(outcome.trading_day, outcome.opening_range): outcome for outcome in outcomes}
    rows = [
        Settled(
            prediction, came[prediction.trading_day, prediction.opening_range], revision=0
        ).scored(majority_p_up=0.5)
        for prediction in predictions
    ]
    figures = daily_figures("MGC", rows)
    at = datetime.now(UTC)
    with database.session() as session:
        values = [{**field_values(figure), "updated_at": at} for figure in figures]
        for first in range(0, len(values), 5000):
            session.execute(insert(PerformanceRow), values[first : first + 5000])


_PAINTED = """performance.getEntriesByType('paint')
    .find(each => each.name == 'first-contentful-paint').startTime"""


def shown_after(browser: Browser, path: str) -> tuple[float, float, float]:
    """Return the seconds until first paint, until the heading is shown, and until completion."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page = context.new_page()
    began = time.monotonic()
    page.goto(f"http://127.0.0.1:{PORT}/{path}")
    page.get_by_role("heading", level=1).first.wait_for()
    readable = time.monotonic() - began
    painted = page.evaluate(_PAINTED) / 1000.0
    page.wait_for_selector("[data-test-script-state=notRunning]", timeout=60_000)
    for chart in page.get_by_test_id("stPlotlyChart").all():
        chart.locator(".main-svg").first.wait_for(state="attached")
    whole = time.monotonic() - began
    assert page.get_by_test_id("stException").count() == 0
    context.close()
    return painted, readable, whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(args.home, home)
        began = time.monotonic()
        fill(home, args.rows)
        database = open_database(f"sqlite:///{home / 'orbcast.sqlite'}")
        last: date = (
            Ledger(database).settled("MGC", first=date(2000, 1, 1))[-1].prediction.trading_day
        )
        database.close()
        print(f"{args.rows:,} live answers to {last}, written in {time.monotonic() - began:.0f} s")
        clock = Path(folder) / "clock"
        now = datetime.combine(last, datetime.min.time(), UTC) + timedelta(hours=1, minutes=30)
        clock.write_text(str((now - datetime.now(UTC)).total_seconds()))
        command = [sys.executable, "-m", "deployments.cli", "--home", str(home), "dashboard"]
        process = subprocess.Popen(
            [*command, "--no-browser", "--port", str(PORT)],
            env={**os.environ, "ORBCAST_CLOCK_FILE": str(clock)},
            stdout=subprocess.DEVNULL,
        )
        try:
            return _measure(process)
        finally:
            process.terminate()
            process.wait(20)


def _processor_seconds(pid: int) -> float:
    """Return the processor time that a process has spent so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measure(process: subprocess.Popen[bytes]) -> int:
    while True:
        assert process.poll() is None
        try:
            urlopen(f"http://127.0.0.1:{PORT}/_stcore/health", timeout=1)
            break
        except OSError:
            time.sleep(0.2)
    worst = 0.0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        for name, path in PAGES.items():
            visits = []
            for _ in range(VISITS):
                before = _processor_seconds(process.pid)
                visit = shown_after(browser, path)
                time.sleep(0.2)
                visits.append((*visit, _processor_seconds(process.pid) - before))
            painted, readable, whole, spent = (
                statistics.median(column) for column in zip(*visits, strict=True)
            )
            worst = max(worst, painted)
            first = ", ".join(f"{seconds:4.2f}" for seconds in visits[0])
            print(
                f"{name:12} first paint {painted:4.2f} s, readable {readable:4.2f} s, "
                f"whole {whole:4.2f} s, processor {spent:4.2f} s (first visit {first})"
            )
        browser.close()
    print(f"slowest first paint {worst:.2f} s, wanted below {LIMIT_SECONDS:g} s")
    return int(worst >= LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
