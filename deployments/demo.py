"""The demo: a simulated market whose truth is known, and everything Orbcast does with it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deployments.prefect_session import prefect_session
from deployments.simulated import Simulated, read_truth, write_database
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, from_minute
from tasks.settings import Settings, settings, use_home
from tasks.sources import SourceSpec, remember_source

MARKET = "mgc"
FIRST, LAST = date(2023, 1, 3), date(2025, 12, 31)
EDGE = 0.03
SEED = 7
REPLAYED_DAYS = 10


class _Steps:
    """Numbered lines that say what is being done and how long it took."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._done = console, total, 0

    @contextlib.contextmanager
    def step(self, words: str) -> Iterator[list[str]]:
        """Show a step; what is appended to the list given is its outcome."""
        self._done += 1
        head = f"[{self._done}/{self._total}] {words}"
        told: list[str] = []
        began = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"{head} ...", markup=False)
        with self._console.status(head.replace("[", r"\[")):
            yield told
        spent = f"{time.monotonic() - began:5.1f} s"
        outcome = f": {'; '.join(told)}" if told else ""
        self._console.print(f"{head}{outcome}  ({spent.strip()})", markup=False, soft_wrap=True)


def run_demo(folder: Path, console: Console | None = None) -> Path:
    """Run everything in ``folder``, its own home; give the path of the report.

    Running it again is safe: the market is not simulated anew, nothing is recorded twice.
    """
    screen = console or Console(highlight=False)
    began = time.monotonic()
    use_home(folder)
    where = settings()
    market = where.market(MARKET)
    screen.print(f"Orbcast demo in {where.home}: a simulated {market.symbol}, its truth known.\n")
    steps = _Steps(screen, 6)
    with steps.step(f"Simulate 1-minute bars, {FIRST} to {LAST}, edge {EDGE:.0%} planted") as told:
        made = _simulated(where, market)
        told.append(f"{made.bars:,} bars on {made.days} trading days")
    with prefect_session(where, level="ERROR", processes=True):
        result = _run_flows(steps, market)
    truth = made.truth_from(result["evaluation"]["summary"]["first_day"])
    report = _report(where, market, result, {**truth, "edge": EDGE})
    _summary(screen, result, truth, report, time.monotonic() - began)
    return report


def _simulated(where: Settings, market: Market) -> Simulated:
    database, key = where.home / "trader.duckdb", {"seed": SEED, "edge": EDGE, "last": str(LAST)}
    made = read_truth(database, key)
    if made is None:
        made = write_database(database, market, FIRST, LAST, EDGE, SEED, key=key)
    spec = SourceSpec(kind="duckdb", paths=(str(database),), columns={"contract": "contract"})
    remember_source(where.sources_file, MARKET, spec)
    return made


def _run_flows(steps: _Steps, market: Market) -> dict[str, Any]:
    # imported here: Prefect reads its settings when it is first imported
    from flows.log_outcomes import log_outcomes  # noqa: PLC0415
    from flows.nightly_retrain import nightly_retrain  # noqa: PLC0415
    from flows.refresh_data import refresh_data  # noqa: PLC0415
    from flows.shadow_predict import shadow_predict  # noqa: PLC0415
    from flows.walk_forward import walk_forward  # noqa: PLC0415

    with steps.step("Flow refresh-data: the trader's DuckDB into the lake") as told:
        brought = refresh_data(MARKET, full=True)
        told.append(f"{brought['added']:,} new bars, {brought['quarantined']} set aside")
    with steps.step("Flow walk-forward: refit by quarter, judged on unseen days") as told:
        studied = walk_forward(MARKET)
        told.append(f"{len(studied['folds'])} folds")
    with steps.step("Flow nightly-retrain: audit, dataset, three models, decision") as told:
        retrained = nightly_retrain(MARKET, refresh=False)
        told.append(f"{retrained['rows']:,} opening ranges")
    moments = _last_decisions(market)
    with steps.step(f"Flow shadow-predict, {len(moments)} times: the last ten days") as told:
        said = [shadow_predict(MARKET, name, as_of=moment) for name, moment in moments]
        answered = sum(each["entries"][0]["status"] == "predicted" for each in said)
        told.append(f"{answered} predicted, {len(said) - answered} abstained with a reason")
    with steps.step("Flow log-outcomes: what became of them") as told:
        counts = log_outcomes(MARKET)
        told.append(f"{counts['added']} outcomes added, {counts['open']} open")
    evaluation = _metrics(retrained["challenger"])
    return {**retrained, "evaluation": evaluation, "study": studied}


def _last_decisions(market: Market) -> list[tuple[str, datetime]]:
    schedule = build_schedule(market, LAST - timedelta(days=30), LAST)
    ends = schedule.range_end[-REPLAYED_DAYS:]
    return [
        (market.ranges[column].name, from_minute(int(minute)))
        for row in ends.tolist()
        for column, minute in enumerate(row)
    ]


def _metrics(version: str) -> dict[str, Any]:
    where = settings()
    record = where.models().find(where.market(MARKET).symbol, version)
    found: dict[str, Any] = json.loads((record.folder / "metrics.json").read_text("utf-8"))
    return found


def _report(
    where: Settings, market: Market, result: dict[str, Any], truth: dict[str, float]
) -> Path:
    from ml_core.learning.bundle import load_bundle  # noqa: PLC0415 - after the flows
    from tasks.report import Reported, write_page  # noqa: PLC0415

    record = where.models().find(market.symbol, result["challenger"])
    bundle = load_bundle(record.folder)
    told = Reported(
        symbol=market.symbol,
        evaluation=result["evaluation"],
        trained=bundle.trained,
        importance=bundle.importance,
        data={**result["data"], "Source": "simulated by Orbcast, not a real market"},
        excluded=result["excluded"],
        decision=result["decision"],
    )
    return write_page(where, told, truth)


def _summary(
    screen: Console, result: dict[str, Any], truth: dict[str, float], report: Path, spent: float
) -> None:
    scores = result["evaluation"]["directional"]
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column("On unseen days")
    table.add_column("accuracy", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("log loss", justify="right")
    table.add_column("95 % interval", justify="right")
    names = {"model": "model", "corridor": "corridor baseline", "majority": "majority"}
    for voice, words in names.items():
        spans = scores["interval"][voice]
        table.add_row(
            words,
            f"{scores[voice]['accuracy']:.1%}",
            f"{spans['accuracy']['low']:.1%} .. {spans['accuracy']['high']:.1%}",
            f"{scores[voice]['log_loss']:.4f}",
            f"{spans['log_loss']['low']:.4f} .. {spans['log_loss']['high']:.4f}",
        )
    table.add_row(
        "best possible (known truth)",
        f"{truth['bayes_accuracy']:.1%}",
        "",
        f"{truth['bayes_log_loss']:.4f}",
        "",
    )
    screen.print()
    screen.print(table)
    screen.print()
    screen.print(result["verdict"], markup=False)
    screen.print(f"Walk-forward: {result['study']['verdict']}", markup=False)
    screen.print(result["study"]["promotion"]["verdict"], markup=False)
    screen.print(result["decision"], markup=False)
    screen.print(f"\nReport: {report}", soft_wrap=True, markup=False)
    screen.print(f"Study:  {result['study']['report']}", soft_wrap=True, markup=False)
    home = settings().home
    screen.print("\nNext, worth trying:")
    for command, what in (
        ("predict --at 2025-12-30T09:05", "what the models say of a range, and why"),
        ("models history", "who served when, and on what evidence"),
        ("dashboard", "the days as cards and charts in a browser (`make dashboard` installs it)"),
        ("up", "look at all of it in the Prefect UI, at http://127.0.0.1:4200"),
    ):
        screen.print(
            f"  .venv/bin/orbcast --home {_short(home)} {command}\n      {what}",
            soft_wrap=True,
            markup=False,
        )
    screen.print(f"\nDone in {spent:.0f} s.")


def _short(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
