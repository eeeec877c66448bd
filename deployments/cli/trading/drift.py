"""`orbcast drift`: whether logged features still resemble the training data."""

from __future__ import annotations

from typing import Annotated

import typer

import registry
import tasks
from deployments.cli.terminal import AsJson, MarketOption, echo, print_json
from ml_core.json_values import json_values
from tasks import health

app = typer.Typer(no_args_is_help=True)
DRIFTED = 4
_SHOWN = 10


@app.callback()
def drift() -> None:
    """Compare logged features with the training data of the serving version.

    Each range is compared with the same opening range, by days; roll days and half-days are left
    out.
    """


@app.command()
def check(
    market: MarketOption = "mgc",
    replay: Annotated[bool, typer.Option("--replay", help="Use replayed predictions.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Write Evidently's HTML page to this file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check now, as the flow check-drift does daily. Exit status 4: something drifted.

    Example: orbcast drift check --full
    """
    at = tasks.settings.now()
    report = health.drift.compare.fn(market, at, "replay" if replay else "live")
    page = (
        health.drift.write_report.fn(market, at, "replay" if replay else "live")
        if full and report.judged
        else None
    )
    if as_json:
        print_json({"verdict": report.verdict, **json_values(report.figures), "page": page})
    else:
        echo(report.verdict)
        for column in report.columns[:_SHOWN]:
            if column.drifted:
                words = (
                    f"  {column.column} ({column.group}): {column.shift:+.2f} sd, p {column.p:.1e}"
                )
                echo(words)
        if page:
            echo(f"full report: {page}")
    if report.detected:
        raise typer.Exit(DRIFTED)


@app.command()
def show(
    market: MarketOption = "mgc",
    last: Annotated[int, typer.Option(help="Number of reports.", min=1)] = 10,
    as_json: AsJson = False,
) -> None:
    """List the latest reports, newest last.

    Example: orbcast drift show --last 5
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    records = registry.health.drift.drift_records(settings.database(), symbol)[-last:]
    if as_json:
        checks_json = [
            {
                "at": drift_check.at.isoformat(),
                "verdict": drift_check.verdict,
                **json_values(drift_check.figures),
            }
            for drift_check in records
        ]
        print_json(checks_json)
        return
    for record in records:
        echo(f"{record.at:%Y-%m-%d %H:%M} UTC  {record.verdict}")
    if not records:
        echo(f"{symbol} has never been checked: orbcast drift check --market {market}")
