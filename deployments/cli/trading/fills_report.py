"""`orbcast fills report`: the trader's own trades, compared with the plans, and their costs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ml_core
import tasks
from deployments import cli
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, days_of, echo, print_json, show_table
from deployments.cli.trading.fills import app
from ml_core.json_values import json_values
from monitoring import pages

if TYPE_CHECKING:
    from ml_core.fills.report import TradeReport

__all__ = ["app"]


class PlansOf(StrEnum):
    """Which plans the trades are compared with."""

    RECORD = "record"
    RULES = "rules"


@app.command(short_help="Report followed, skipped and improvised trades, and real costs.")
def report(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    plans: Annotated[
        PlansOf | None,
        typer.Option(
            help="Plans decided live, or those the rules would have made; if left out, live ones "
            "where there are any."
        ),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(help="Longest time between a break and an entry that it explains.", min=0),
    ] = 5.0,
    risk_share: Annotated[
        float,
        typer.Option(
            help="Largest difference between their prices, as a share of the risk.", min=0, max=1
        ),
    ] = 0.25,
    page: Annotated[
        Path | None, typer.Option(help="HTML page.", show_default="reports/trades-MARKET.html")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare your own trades with the plans: results of each kind, and real costs.

    A trade is followed if a planned break explains its entry, by time, side and price. A planned
    trade that you did not take is not followed. All other trades are improvised. If real slippage
    or commission surely differ from the market file's, the command that corrects it is printed.

    Example: orbcast fills report --from 2025-06-01
    """
    settings, at = tasks.settings.current_settings(), tasks.settings.now()
    begin, end = days_of(first, last)
    with progress("Comparing trades with plans"):
        report = tasks.fills.review.trade_report(
            settings,
            market,
            first=begin,
            last=end,
            at=at,
            plans=None if plans is None else plans.value,
            tolerance=ml_core.fills.planned.Tolerance(minutes=minutes, risk_share=risk_share),
        )
    page = page or settings.reports_dir / f"trades-{market.lower()}.html"
    pages.document.write_html(pages.trade_page.trade_page(report, made_at=at), page)
    if as_json:
        print_json({**json_values(report.listing()), "report": page})
        return
    _print_trades(report)
    echo(f"Page: {page}")


def _print_trades(report: TradeReport) -> None:
    currency = report.market.instrument.currency
    echo(f"{report.market.symbol}: {pages.trade_page.headline(report)}")
    echo(f"  {report.review.first_day} to {report.review.last_day}; {report.plans_in_words}")
    figures = ("trades", "won", "R net", "R a trade", currency)
    table = cli.drawing.borderless_table("", figures=figures)
    for words, one in report.groups().items():
        mean = one.per_trade
        span = f" ({mean.low:+.2f} to {mean.high:+.2f})" if mean.is_known else ""
        table.add_row(
            words,
            f"{one.trades:,}",
            f"{one.won:,}",
            f"{one.total_r:+.1f}",
            f"{mean.estimate:+.2f}{span}" if mean.rows else "-",
            f"{one.money:+,.2f}",
        )
    show_table(table)
    for check in report.review.costs:
        echo(f"  {check.name:<11} {check.words(currency)}")
    for price, real in report.review.slippage.items():
        if real.rows:
            words = pages.trade_page.PRICE_WORDS[price]
            span = f" ({real.low:+.2f} to {real.high:+.2f})" if real.is_known else ""
            echo(f"    {words:<13} {real.estimate:+.2f} ticks{span}, {real.rows:,} sides")
    if report.correction:
        echo(f"Correct the market file: `{report.correction}`")
