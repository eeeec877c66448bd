"""`orbcast status` and `orbcast down`: show the state of everything, and stop it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

import ml_core
import monitoring
import tasks
from deployments import cli, serving
from deployments.cli import completion
from deployments.cli.terminal import AsJson, echo, print_json, show_table
from ml_core.errors import OperatorError
from monitoring.pages.formatting import count_of, duration, signed, utc_minute
from tasks import health, prediction

if TYPE_CHECKING:
    from deployments.serving.prefect_server.runs import ServerRun
    from tasks.health.market_overview import MarketOverview
    from tasks.prediction.day_outlook import DayOutlook
    from tasks.settings import Settings

STOPPED_WITHIN_SECONDS = 15.0
WRONG = 4

_SHORT = {"waiting": "no prediction yet", "absent": "not predicted"}
"""Short texts for a table's cell instead of a sentence."""


class StillUpError(OperatorError):
    """The supervisor does not stop."""

    pid: int
    seconds: float
    template = (
        "process {pid} has not stopped within {seconds:g} s; see its logs, or end it with "
        "kill -9 {pid}"
    )


def status(
    market: Annotated[
        str | None,
        typer.Option(
            help="Only this market; all that `orbcast up` serves if left out.",
            autocompletion=completion.markets,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only problems, a line each, and an exit status."),
    ] = False,
    prometheus: Annotated[
        bool,
        typer.Option("--prometheus", help="Only the figures for Prometheus, for each market."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the server and each market on one screen: bars, model, today's ranges.

    With --check, for a monitor: exit status 0 if all is well, 4 if something is wrong, such as a
    server that is not up, a version that may not predict, an open breaker, or an opening range of
    today without a prediction. With --prometheus: the same facts as figures, which runs also write
    to metrics/orbcast.prom in the home.

    Examples: orbcast --home var/demo status

    orbcast status --check

    orbcast status --prometheus
    """
    settings = tasks.settings.current_settings()
    at = tasks.settings.now()
    overviews = [
        health.market_overview.market_overview_of(settings, name, at)
        for name in ([market] if market else settings.markets)
    ]
    if prometheus:
        text = health.prometheus_figures.figures_text(overviews, at)
        sys.stdout.write(cli.plain_text.printable(text.decode()))
        return
    named = tasks.settings.api_url()
    server, runs = _server_and_runs(settings, named)
    problems = [] if server else [f"server: {_not_up(named)}"]
    for overview in overviews:
        problems += health.market_overview.problems_of(overview)
    if as_json:
        print_json({"server": server, "runs": runs, "markets": overviews, "problems": problems})
    elif check:
        echo("\n".join(problems) or "all is well")
    if check and problems:
        raise typer.Exit(WRONG)
    if check or as_json:
        return
    echo(f"server: {server or _not_up(named)}")
    _print_runs(runs, at, up=server is not None)
    if len(overviews) > 1:
        _print_markets(overviews, at)
    for overview in overviews:
        _print_market(overview, at)


def _server_and_runs(settings: Settings, named: str | None) -> tuple[str | None, list[ServerRun]]:
    """Return the answering server, if any, and its runs or those of the last server."""
    if named is None:
        server = serving.prefect_server.session.server_of(settings)
    else:
        server = named if serving.prefect_server.health.is_healthy(named) else None
    if server is not None:
        return server, serving.prefect_server.runs.runs_of(settings, server)
    return None, serving.prefect_server.runs.runs_left(settings) if named is None else []


def _print_runs(runs: list[ServerRun], at: datetime, *, up: bool) -> None:
    in_words = monitoring.notices.state_in_words
    last = [
        f"{run.flow} {in_words(run.state)} {_clock(run.when, at)}"
        for run in runs
        if run.state != "next"
    ]
    following = [f"{run.flow} {_clock(run.when, at)}" for run in runs if run.state == "next"]
    nothing = "none is scheduled" if up else "none while the server is down"
    echo(f"  last runs (UTC): {', '.join(last) or 'none yet'}")
    echo(f"  next runs (UTC): {', '.join(following) or nothing}")


def _clock(moment: datetime, at: datetime) -> str:
    """Return a time in UTC, with its day unless that is today."""
    return f"{moment:%H:%M}" if moment.date() == at.date() else f"{moment:%Y-%m-%d %H:%M}"


def _print_markets(overviews: list[MarketOverview], at: datetime) -> None:
    """Show all markets in one table, one line each, and then each in detail."""
    echo("")
    headings = ("", "stage", "breaker", "ranges today", "next", "account today")
    table = cli.drawing.borderless_table(*headings, gap=2)
    for overview in overviews:
        answered = sum(slot.state == "answered" for slot in overview.slots)
        account = overview.account
        table.add_row(
            overview.market,
            overview.stage,
            overview.breaker_state,
            f"{answered} of {len(overview.slots)} predicted" if overview.slots else "none",
            _upcoming(overview, at),
            "-"
            if account is None
            else f"{account.account} {signed(account.day_net, 2)} {account.currency}",
        )
    show_table(table)


def _upcoming(overview: MarketOverview, at: datetime) -> str:
    if overview.next_decision is None:
        return "none within ten days"
    return f"{overview.next_range} in {duration(overview.next_decision - at)}"


def _print_market(overview: MarketOverview, at: datetime) -> None:

    echo(f"\n{overview.market}: stage {overview.stage}, breaker {overview.breaker}")
    bars = "none: `orbcast ingest` imports them"
    if overview.last_bar is not None:
        old = duration(at - overview.last_bar)
        bars = f"{overview.bars:,}, the last {utc_minute(overview.last_bar)}, {old} ago"
    until = f", until {overview.serves_until:%Y-%m-%d}" if overview.serves_until else ""
    lines = {
        "serves": (overview.serves or "none: `orbcast run nightly-retrain` makes a version")
        + until,
        "but": overview.trouble,
        "bars": bars,
        "last live prediction": overview.last_live_answer or "none yet",
        "next decision": _upcoming(overview, at),
        "news": "; ".join(
            f"{event.name} ({event.importance}) {_clock(event.time, at)} UTC, "
            f"in {duration(event.time - at)}"
            for event in overview.news
        ),
        "traded by": overview.strategy,
        "account": _account_words(overview),
        "drift": overview.drift or "never checked",
        "parity": overview.parity or "never checked",
        "retrains paused": overview.retrains_rest,
    }
    for name, words in lines.items():
        if words:
            echo(f"  {name}: {words}")
    _print_day(overview, at)


def _account_words(overview: MarketOverview) -> str:
    account = overview.account
    if account is None:
        return ""
    over = f", over: {account.ended.replace('_', ' ')}" if account.ended else ""
    return (
        f"{account.account}{over}, {account.balance:,.2f} {account.currency} by "
        f"{ml_core.strategy.account.standing.SOURCES[account.source]} "
        f"({count_of(account.trades, 'trade')}), today {signed(account.day_net, 2)}; "
        f"{monitoring.messages.words.limits_in_words(account.limits)}"
    )


def _print_day(overview: MarketOverview, at: datetime) -> None:
    """Show today's ranges, and the next trading day's if no more are due today."""
    outlook = overview.outlook
    if outlook.closed is not None:
        words = prediction.day_outlook.closed_in_words(outlook.trading_day, outlook.closed)
        echo(f"  today: {words}")
        if not any(slot.state == "answered" for slot in overview.slots):
            _print_next_day(outlook, at)
            return
    _print_slots(overview, at)
    if outlook.next_day != outlook.trading_day:
        echo(f"  {prediction.day_outlook.next_ranges_in_words(outlook)}")


def _print_next_day(outlook: DayOutlook, at: datetime) -> None:
    if outlook.next_day is None:
        echo(f"  {prediction.day_outlook.next_ranges_in_words(outlook)}")
        return
    zone = ZoneInfo(outlook.zone)
    headings = (f"{outlook.next_day:%a %d %b}", "opens", "decided", outlook.zone)
    table = cli.drawing.borderless_table(*headings, whole=True, gap=2)
    for expected in outlook.next_ranges:
        table.add_row(
            expected.opening_range,
            *(
                f"{moment.astimezone(zone):%H:%M}"
                for moment in (expected.opens, expected.decision)
            ),
            f"in {duration(expected.decision - at)}",
        )
    show_table(table)


def _print_slots(overview: MarketOverview, at: datetime) -> None:
    zone = ZoneInfo(overview.zone)
    table = cli.drawing.borderless_table(gap=2)
    table.add_column(f"{overview.trading_day:%a %d %b}", no_wrap=True)
    table.add_column("decided", no_wrap=True)
    table.add_column("answer")
    for name in ("p(UP)", "corridor", "outcome", "net R"):
        table.add_column(name, justify="right", no_wrap=True)
    for slot in overview.slots:
        words = _SHORT.get(slot.state, slot.words)
        if slot.state == "due":
            words = f"due in {duration(slot.decision - at)}"
        table.add_row(
            slot.opening_range,
            f"{slot.decision.astimezone(zone):%H:%M}",
            words,
            *(
                "-" if share is None else f"{share:.1%}"
                for share in (slot.p_up, slot.baseline_p_up)
            ),
            slot.outcome or "-",
            "-" if slot.r_net is None else f"{slot.r_net:+.2f}",
        )
    show_table(table)


def _not_up(named: str | None) -> str:
    if named:
        return f"{named} does not respond; start it, or unset PREFECT_API_URL to use Orbcast's own"
    return "not up (`orbcast up`)"


def down() -> None:
    """Stop what `orbcast up` started for this home; schedules resume at the next start.

    Example: orbcast --home var/demo down
    """
    path = (
        tasks.settings.current_settings().prefect_dir / serving.prefect_server.session.SERVER_FILE
    )
    try:
        pid = int(json.loads(path.read_text("utf-8"))["pid"])
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        echo("not running")
        return
    deadline = time.monotonic() + STOPPED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if not path.exists() or not _alive(pid):
            echo("stopped")
            return
        time.sleep(0.2)
    raise StillUpError(pid, STOPPED_WITHIN_SECONDS)


def _alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
