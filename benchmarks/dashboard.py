"""How long the dashboard's pages take to load with a large ledger, in a real browser.

python -m benchmarks.dashboard --home HOME [--rows 100000] [--markets 1]

HOME is a trained home, such as the demo's; the rows are added to a copy of it, with the plans of
their slots. With more than one market, each has the same bars and its share of the rows. Each page
is opened five times in a new window. First paint is the browser's own first contentful paint. A
page is readable when its heading is shown, and complete when its script has ended and its charts
are drawn. The server's processor time for a visit, which a busy machine does not change, is shown
too.
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
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from ml_core.decision.entry import PredictionEntry
from ml_core.decision.plan_record import StrategyRecord
from ml_core.health.scored_prediction import ScoredPrediction
from ml_core.json_values import field_values
from monitoring.daily_sums import daily_figures
from registry.chains.chain import Chain, chain_of
from registry.database import Database, open_database
from registry.ledger.entries import OutcomeEntry, Settled, fields_of
from registry.ledger.ledger import Ledger
from registry.ledger.verification import OUTCOMES, PREDICTIONS
from registry.strategy import strategy_records
from registry.tables.ledger import OutcomeRow, PerformanceRow, PredictionRow
from registry.tables.rollout import StrategyRow
from tasks.settings import Settings

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


def fill(home: Path, rows: int, markets: int) -> None:
    """Repeat the home's own predictions, as live ones, back through the years until enough."""
    database = open_database(f"sqlite:///{home / 'orbcast.sqlite'}")
    plans = {
        record.key: record
        for mode in ("replay", "live")
        for record in strategy_records(database, "MGC", mode=mode)
    }
    settled = [
        row
        for row in Ledger(database).settled("MGC")
        if row.prediction.role == "champion" and row.outcome is not None
    ]
    days = sorted({row.prediction.trading_day for row in settled})
    span = (days[-1] - days[0]).days + 3
    each = rows // markets
    copies = each // len(settled) + 1
    predictions, outcomes, decided = [], [], []
    for symbol in ("MGC", *(_add_market(home, number) for number in range(1, markets))):
        own = []
        for copy in range(copies, 0, -1):
            back = timedelta(days=7 * (span // 7 + 1) * copy)
            for original in settled:
                assert original.outcome is not None
                prediction = _earlier(original.prediction, back, symbol)
                outcome = _earlier_outcome(original.outcome, back, symbol)
                key = original.prediction.trading_day, original.prediction.opening_range
                own.append((prediction, outcome, _earlier_plan(plans.get(key), prediction)))
        for prediction, outcome, plan in own[-each:]:
            predictions.append(prediction)
            outcomes.append(outcome)
            decided.extend([] if plan is None else [plan])
    with database.session() as session:
        for table in (PredictionRow, OutcomeRow, PerformanceRow, StrategyRow):
            session.execute(delete(table))
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
        _append(session, chain_of(StrategyRow), StrategyRow, list(map(field_values, decided)))
    _daily(database, predictions, outcomes)
    database.close()


def _add_market(home: Path, number: int) -> str:
    """Give the home a market with the hours and bars of the first, and return its symbol."""
    symbol = f"M{number:02d}"
    own = home / "markets" / f"{symbol.lower()}.toml"
    own.parent.mkdir(exist_ok=True)
    words = (Settings(home=home).markets_dir / "mgc.toml").read_text("utf-8")
    own.write_text(words.replace('symbol = "MGC"', f'symbol = "{symbol}"'), "utf-8")
    lake = home / "lake"
    shutil.copytree(lake / "MGC", lake / symbol, copy_function=os.link)
    return symbol


def _append(session: Session, chain: Chain, table: Any, rows: list[dict[str, Any]]) -> None:
    after = chain.head(session).row_hash
    for values in rows:
        digest = chain.row_hash(values, after)
        values |= {"previous_hash": after, "row_hash": digest}
        after = digest
    for first in range(0, len(rows), 5_000):
        session.execute(insert(table), rows[first : first + 5_000])


def _earlier(entry: PredictionEntry, back: timedelta, symbol: str) -> PredictionEntry:
    decided = entry.decision_time - back
    return replace(
        entry,
        market=symbol,
        trading_day=entry.trading_day - back,
        decision_time=decided,
        made_at=decided + timedelta(seconds=3),
        mode="live",
        late=False,
    )


def _earlier_outcome(entry: OutcomeEntry, back: timedelta, symbol: str) -> OutcomeEntry:
    return replace(
        entry,
        market=symbol,
        trading_day=entry.trading_day - back,
        resolved_at=entry.resolved_at - back,
    )


def _earlier_plan(
    record: StrategyRecord | None, prediction: PredictionEntry
) -> StrategyRecord | None:
    if record is None:
        return None
    return replace(
        record,
        market=prediction.market,
        trading_day=prediction.trading_day,
        mode="live",
        decision_time=prediction.decision_time,
        at=prediction.made_at,
    )


def _daily(
    database: Database, predictions: list[PredictionEntry], outcomes: list[OutcomeEntry]
) -> None:
    scored: dict[str, list[ScoredPrediction]] = {}
    for prediction, outcome in zip(predictions, outcomes, strict=True):
        settled = Settled(prediction, outcome, revision=0)
        scored.setdefault(prediction.market, []).append(settled.scored(majority_p_up=0.5))
    figures = [figure for symbol, rows in scored.items() for figure in daily_figures(symbol, rows)]
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
    for chart in page.get_by_test_id("stVegaLiteChart").all():
        chart.locator(".marks").first.wait_for(state="attached")
    whole = time.monotonic() - began
    assert page.get_by_test_id("stException").count() == 0
    context.close()
    return painted, readable, whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--markets", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(args.home, home)
        began = time.monotonic()
        fill(home, args.rows, args.markets)
        database = open_database(f"sqlite:///{home / 'orbcast.sqlite'}")
        last: date = (
            Ledger(database).settled("MGC", first=date(2000, 1, 1))[-1].prediction.trading_day
        )
        database.close()
        print(
            f"{args.rows:,} live predictions of {args.markets} markets to {last}, "
            f"written in {time.monotonic() - began:.0f} s"
        )
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
