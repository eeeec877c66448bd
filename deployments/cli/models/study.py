"""`orbcast study`: search thousands of rule setups, and show which survive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ml_core
import tasks
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, days_of, echo, json_text, print_json
from ml_core.json_values import json_values
from monitoring import pages
from tasks import data

if TYPE_CHECKING:
    from ml_core.setups.setup import Setup
    from ml_core.setups.setup_study import SetupStudy

_SHOWN = 10

app = typer.Typer(no_args_is_help=True)


@app.callback()
def study() -> None:
    """Study tradable setups, with the chance that their result is luck."""


@app.command(short_help="Test rule setups; show which survive costs and chance.")
def setups(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", help="Opening range; repeat.", show_default="all"),
    ] = None,
    sides: Annotated[
        list[str] | None,
        typer.Option("--side", help="long, short or both; repeat.", show_default="all"),
    ] = None,
    rrs: Annotated[
        list[float] | None,
        typer.Option("--rr", help="Target in risks; repeat.", show_default="1 1.5 2 3 4"),
    ] = None,
    stops: Annotated[
        list[str] | None,
        typer.Option("--stop", help="full or half; repeat.", show_default="all"),
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", help="any, small or large; repeat.", show_default="all"),
    ] = None,
    days: Annotated[
        list[str] | None,
        typer.Option("--day", help="all, or Mon to Fri; repeat.", show_default="each"),
    ] = None,
    min_trades: Annotated[int, typer.Option(help="Minimum trades in the search period.")] = 50,
    seed: Annotated[int, typer.Option(help="Bootstrap draws.", min=0)] = 0,
    figures: Annotated[
        Path | None, typer.Option(help="Write all setups' figures to this file, as JSON.")
    ] = None,
    as_json: AsJson = False,
    report: Annotated[
        Path | None,
        typer.Option(help="HTML page.", show_default="reports/setups-MARKET.html"),
    ] = None,
) -> None:
    """Try thousands of rule setups, and report which survive costs, chance and time.

    Range x side x target x stop x range size x weekday, net of costs from the real entry. The
    search uses the first three quarters of the days; the last quarter confirms.

    Example: orbcast study setups --market mgc --figures setups.json
    """
    settings, at = tasks.settings.current_settings(), tasks.settings.now()
    definition = settings.market(market)
    grid = ml_core.setups.setup.SetupGrid(
        ranges=tuple(ranges or ()),
        sides=tuple(sides or ml_core.setups.setup.SIDES),
        rrs=tuple(rrs or ml_core.setups.setup.RRS),
        stops=tuple(stops or ml_core.setups.setup.STOPS),
        sizes=tuple(sizes or ml_core.setups.setup.SIZES),
        days=tuple(days or ml_core.setups.setup.DAYS),
    )
    plan, chosen = ml_core.setups.plan.StudyPlan(min_trades=min_trades), grid.setups(definition)
    period = days_of(first, last)
    bars = data.datasets.read_bars_until(settings, market, definition, at)
    begin, end = data.datasets.period_of(bars, definition, *period)
    with progress("Trading every break", 0) as bar:
        table = ml_core.setups.trades.trade_table(
            bars, definition, grid, first=begin, last=end, on_progress=bar.at
        )
    with progress(f"Judging {len(chosen):,} setups on {len(table.days):,} days"):
        returns = ml_core.setups.trades.setup_returns(
            table, chosen, plan.search_days(len(table.days))
        )
        study = ml_core.setups.study.study_setups(returns, plan=plan, seed=seed)
    page = report or settings.reports_dir / f"setups-{market.lower()}.html"
    pages.document.write_html(pages.setup_report.setup_report(study, made_at=at), page)
    if figures is not None:
        with ml_core.files.written_atomically(figures) as temporary:
            temporary.write_text(json_text(study), "utf-8")
    if as_json:
        print_json({**json_values(study), "report": page})
        return
    _show(study)
    echo(f"Page: {page}")


def _show(study: SetupStudy) -> None:
    summary, chance = study.summary, study.chance
    echo(study.verdict)
    echo(
        f"\n{summary.market}: searched {summary.first_day} to "
        f"{summary.search_last_day} ({summary.search_days:,} days), confirmed to "
        f"{summary.last_day} ({summary.confirm_days:,}). {summary.setups:,} setups, "
        f"{summary.judged:,} judged, {summary.too_few:,} with fewer than "
        f"{summary.plan.min_trades} trades. SPA p = {chance.p:.3f}; beat chance "
        f"{summary.beat_chance:,}, named {summary.named:,}."
    )
    echo(
        f"\n{'net R a trade':33s}{'search':>8s}{'trades':>7s}{'t':>5s}{'q':>6s}"
        f"{'confirm':>9s}{'trades':>7s}"
    )
    for row in study.top[:_SHOWN]:
        early, late = row.search, row.confirmation
        echo(
            f"{_short(row.setup):33s}{early.net_r:>+8.2f}{early.trades:>7d}{row.t:>5.1f}"
            f"{row.q:>6.2f}{_r(late.net_r):>9s}{late.trades:>7d}",
        )


def _short(setup: Setup) -> str:
    name = setup.name.replace(" stop", "").replace(" ranges", "").replace(",", "")
    return name[:32]


def _r(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
