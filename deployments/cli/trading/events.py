"""`orbcast events`: scheduled news that the trader supplies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

import ml_core
import registry
import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    days_of,
    echo,
    parse_time,
    print_json,
    show_table,
)
from ml_core.json_values import field_values

if TYPE_CHECKING:
    from ml_core.market.news import NewsEvent

app = typer.Typer(no_args_is_help=True)


@app.callback()
def events() -> None:
    """Supply the times of scheduled news, such as FOMC, CPI or NFP.

    A strategy with blackouts makes no entries around them, and a recipe may learn from them;
    forecasts and `orbcast status` name them.
    """


@app.command("import", short_help="Import the times of news from files.")
def import_events(
    paths: Annotated[list[Path], typer.Argument(help="Files: .toml, .csv or .ics.")],
    market: Annotated[
        str | None,
        typer.Option(
            help="Only for this market file; every market if left out.",
            autocompletion=completion.markets,
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Zone of times that carry none, such as America/New_York."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import the times of news. Running it again changes nothing. A faulty file is refused whole.

    An event counts as known from its import on, or from its publication on if the file states it
    (known_since). A decision, replay or backtest of an earlier time does not use it.

    Fields: time, name, importance (low, medium, high), known_since, cancelled, zone.

    Examples: orbcast events import 2026.csv --zone America/New_York

    orbcast events import comex.toml --market mgc
    """
    settings, at = tasks.settings.current_settings(), tasks.settings.now()
    symbol = settings.market(market).symbol if market else registry.news.EVERY_MARKET
    read = {
        path: ml_core.market.news_files.read_news(path, market=symbol, zone=zone, at=at)
        for path in paths
    }
    added = {
        path: registry.news.record_news(settings.database(), events, path.name, at)
        for path, events in read.items()
    }
    if as_json:
        print_json(
            {
                "market": symbol or None,
                "files": [
                    {"file": path, "events": len(events), "added": added[path]}
                    for path, events in read.items()
                ],
            }
        )
        return
    for path, events in read.items():
        echo(f"{path.name}: {len(events):,} events, {added[path]:,} of them new or changed")
        stated = sum(event.known_since < at for event in events)
        echo(
            f"  {stated:,} known since the time in the file, {len(events) - stated:,} since now: "
            "earlier decisions do not use these"
        )


@app.command(short_help="Show the expected news, as known at a time.")
def show(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First day, UTC.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, UTC.")] = None,
    known_at: Annotated[
        str | None,
        typer.Option(help="As known at this time, 2026-01-14T09:00; now if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the expected news in the market's zone, as it was known at a given time.

    Example: orbcast events show --from 2026-01-01 --to 2026-01-31
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    at = tasks.settings.now()
    if known_at:
        moment = parse_time(known_at, "--known-at")
        at = tasks.prediction.slots.in_zone(moment, definition)
    begin, end = days_of(first, last)
    listed = [
        event
        for event in ml_core.market.news.known_news(
            registry.news.news_of(settings.database(), definition.symbol), at
        )
        if (begin is None or event.time.date() >= begin)
        and (end is None or event.time.date() <= end)
    ]
    if as_json:
        print_json([field_values(event) for event in listed])
        return
    if not listed:
        echo("no news is recorded: `orbcast events import FILE` imports it")
        return
    _show(listed, ZoneInfo(definition.zone))


def _show(listed: list[NewsEvent], zone: ZoneInfo) -> None:
    table = cli.drawing.borderless_table(
        f"time ({zone.key})", "news", "importance", "known since (UTC)"
    )
    for event in listed:
        table.add_row(
            f"{event.time.astimezone(zone):%a %Y-%m-%d %H:%M}",
            event.name,
            event.importance,
            f"{event.known_since:%Y-%m-%d %H:%M}",
        )
    show_table(table)
