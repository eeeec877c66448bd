"""`orbcast audit`: check features for look-ahead, and logged features for parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import registry
import tasks
from deployments.cli.progress import progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    RecipeOption,
    days_of,
    echo,
    print_json,
    remark,
)
from ml_core import features
from tasks import data, health

if TYPE_CHECKING:
    from ml_core.features.audit import AuditReport

LEAKY = 4
UNEXPLAINED = 4
_MOST_SHOWN = 20

app = typer.Typer(no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Run an audit that ships with Orbcast."""


@app.command(short_help="Check whether any feature changes when the future is deleted.")
def lookahead(
    market: MarketOption = "mgc",
    recipe: RecipeOption = "residual-mirrored",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    decisions: Annotated[int, typer.Option(help="Decisions to sample.", min=1)] = 60,
    days: Annotated[int | None, typer.Option(hidden=True, min=1)] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the sample, besides the last day.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Delete, then scramble, the future of sampled decisions; features must not change.

    For every opening range, days of every kind are sampled (weekday, month start, roll, half-day,
    change of clocks). Another last day or seed draws others.

    Example: orbcast audit lookahead --decisions 200
    """
    settings = tasks.settings.current_settings()
    definition, chosen = settings.market(market), settings.recipe(recipe)
    if days is not None:
        decisions = days * len(definition.ranges)
        remark(
            f"--days will be removed: give --decisions {decisions}, the decisions of {days} days"
        )
    period = days_of(first, last)
    bars = data.datasets.read_bars_until(settings, market, definition, tasks.settings.now())
    begin, end = data.datasets.period_of(bars, definition, *period)
    with progress("Auditing decisions", 0) as bar:
        report = features.audit.audit_lookahead(
            bars,
            definition,
            chosen.label,
            settings.catalogue().to_learn(chosen.features),
            first=begin,
            last=end,
            decisions=decisions,
            seed=seed,
            news=registry.news.news_of(settings.database(), definition.symbol),
            on_progress=bar.at,
        )
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if not report.clean:
        raise typer.Exit(LEAKY)


def _print_report(report: AuditReport) -> None:
    echo(
        f"{report.market}: {len(report.features)} features at {report.decisions} decisions, with "
        "the future deleted and scrambled."
    )
    echo("Of them: " + ", ".join(f"{kind.name} {kind.decisions}" for kind in report.kinds) + ".")
    if report.never_seen:
        echo(f"Missing in all of them, so not tested: {', '.join(report.never_seen)}")
    for leak in report.leaks[:_MOST_SHOWN]:
        echo(f"  {leak}")
    if report.clean:
        echo("Clean: none changed in any bit.")
        return
    echo(f"{len(report.leaking)} features see the future: {', '.join(report.leaking)}")


@app.command(short_help="Recompute logged features; they must be the same.")
def parity(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Use replayed predictions.")] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute logged features from the lake; they must be the same to the bit.

    If a value differs, and the bars as they were at that time reproduce it, the bars added or
    revised since are named as the cause. Exit status 4: a difference has no known cause.

    Example: orbcast audit parity --from 2025-06-01
    """
    report = health.parity.audit_parity.fn(
        market,
        *days_of(first, last),
        tasks.settings.now(),
        "replay" if replay else "live",
    )
    if as_json:
        print_json(report)
    else:
        echo(report.verdict)
        for audited in report.differing:
            names = ", ".join(difference.feature for difference in audited.differences)
            echo(f"  {audited.slot} {audited.role}, {audited.cause}: {names}")
            for bar in audited.changes:
                echo(f"      {bar}")
    if report.unexplained:
        raise typer.Exit(UNEXPLAINED)
