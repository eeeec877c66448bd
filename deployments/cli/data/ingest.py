"""`orbcast ingest`: import bars from files and databases into the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from typer.core import TyperCommand, TyperOption

import tasks
from deployments.cli.data.remarks import remark_lines, remarked
from deployments.cli.plain_text import fit_to_show
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, OptionError, echo, print_json
from ml_core.json_values import json_values
from tasks import data, runs

if TYPE_CHECKING:
    from ml_core.bars.lake.batch_log import BatchRecord
    from ml_core.market.market import Market
    from tasks.data.intake import IntakeSummary
    from tasks.data.preview import Preview


class IngestCommand(TyperCommand):
    """The command; its help lists installed kinds of source, from every package's metadata."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options; the kinds of source are looked up only here, because it is slow."""
        for option in self.params:
            if isinstance(option, TyperOption) and option.name == "source":
                kinds = ", ".join(data.source_kinds.kind_names())
                option.help = (
                    f"Kind of source: {kinds} (see `orbcast bars sources`); if left "
                    "out, by the paths' endings."
                )
        super().format_options(ctx, formatter)


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Files, or folders of files; some sources need none."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Kind of source.")] = None,
    market: MarketOption = "mgc",
    table: Annotated[
        str | None, typer.Option(help="duckdb: table or view; bars_1m if left out.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Orbcast's name=yours; may be repeated. Not for dbn."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Zone of times that carry none, such as UTC. Not for dbn."),
    ] = None,
    stamp: Annotated[
        str | None,
        typer.Option(
            help="open or close: which end of its minute a bar is stamped with; if left out, the "
            "layout's, else open. Not for dbn."
        ),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(help="Format of written times, such as '%d.%m.%Y %H:%M'. Not for dbn."),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="csv: column separator.")] = None,
    decimal: Annotated[
        str | None,
        typer.Option(
            help="csv: , or . before the decimals of a price, where 21,250 is ambiguous."
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="csv: such as histdata, ninjatrader, tradestation, headerless or generic "
            "(`orbcast bars sources` lists all); if left out, by the first line."
        ),
    ] = None,
    no_volume: Annotated[
        bool, typer.Option("--no-volume", help="There is no column of volume. Not for dbn.")
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(help="name=value, an option of the source; may be repeated."),
    ] = None,
    remember: Annotated[
        bool, typer.Option("--remember", help="Make it the market's standing source.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be imported; store nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import bars into the lake. Running it again changes nothing.

    Examples: orbcast ingest es.csv --market es --zone America/New_York --dry-run

    orbcast ingest --source dbn ~/databento/mgc/

    orbcast ingest --source duckdb bars.duckdb --column contract=contract

    orbcast ingest DAT_ASCII_2024.csv --layout histdata --remember
    """
    spec = data.sources.source_spec(
        kind=source or _guessed(paths or []),
        paths=paths or [],
        options=dict(_pair("--option", name, "account=DU123") for name in option or []),
        columns=dict(_pair("--column", name, "ts=my_time_column") for name in column or [])
        | ({"volume": ""} if no_volume else {}),
        table=table,
        zone=zone,
        stamp=stamp,
        time_format=time_format,
        delimiter=delimiter,
        decimal=decimal,
        layout=layout,
    )
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    total = spec.source().count()
    with progress("Reading bars", total) as bar:

        def on_progress(name: str, done: int) -> None:
            bar.at(done, total, name)

        if dry_run:
            preview = runs.trying_again.with_patience(
                lambda: data.preview.preview(
                    settings,
                    definition,
                    spec,
                    tasks.settings.now(),
                    on_progress=on_progress,
                    tell=_remark,
                ),
                _wait,
            )
        else:
            records = runs.trying_again.with_patience(
                lambda: data.intake.take_in(
                    settings,
                    definition,
                    spec,
                    tasks.settings.now(),
                    on_progress=on_progress,
                    tell=_remark,
                ),
                _wait,
            )
    if dry_run:
        _show_preview(preview, definition, as_json=as_json)
        return
    if remember:
        data.standing_sources.remember_source(settings.sources_file, market, spec)
    brought = data.intake.IntakeSummary.of(records, settings.lake().status(definition.symbol))
    if as_json:
        print_json({**json_values(brought), **remarked(records)})
        return
    _print_result(records, brought, market)


def _show_preview(preview: Preview, market: Market, *, as_json: bool) -> None:
    """Show how a source is read and what it would import, to compare with a chart."""
    new = [record for record in preview.records if record.status != "already"]
    brought = data.intake.IntakeSummary.of(preview.records, preview.status)
    if as_json:
        print_json(
            {
                **json_values(brought),
                "readings": sorted({record.reading for record in preview.records}),
                "read_as": preview.readings,
                "step": "1 minute",
                "first": preview.first,
                "last": preview.last,
                **remarked(new),
                "ranges": preview.ranges,
            }
        )
        return
    echo(f"{market.symbol}, {market.name}: preview, nothing is stored")
    for reading in sorted({record.reading for record in preview.records}):
        echo(f"  read with   {reading}, 1-minute bars")
    for read_as in preview.readings:
        zone = f"times of {read_as.zone}" if read_as.zone else "times with their own zone"
        layout = f"layout {read_as.layout}, " if read_as.layout else ""
        echo(f"  read as     {layout}{zone}, stamped at the {read_as.stamp} of the bar")
        columns = ", ".join(f"{name}={column}" for name, column in read_as.columns.items())
        echo(f"  columns     {columns}")
    for name, at in (("first bar", preview.first), ("last bar", preview.last)):
        if at is not None:
            local = at.astimezone(ZoneInfo(market.zone))
            echo(f"  {name:<11} {at:%Y-%m-%d %H:%M} UTC, {local:%Y-%m-%d %H:%M} {market.zone}")
    echo(
        f"  would add {brought.added:,} bars, revise {brought.revised:,}, "
        f"remove {brought.withdrawn:,}"
    )
    for line in remark_lines(new):
        echo(f"  {line}")
    if preview.ranges:
        echo(f"Compare these opening ranges of {preview.ranges[-1].trading_day} with a chart:")
    for opening in preview.ranges:
        echo(
            f"  {opening.name:<11} from {opening.start:%Y-%m-%d %H:%M} {market.zone}: "
            f"high {opening.high:g}, low {opening.low:g}"
        )


def _print_result(records: tuple[BatchRecord, ...], brought: IntakeSummary, market: str) -> None:
    """Print the counts of imported and rejected rows, and the next command."""
    echo(f"{brought.counts}, from {brought.new_batches} new of {brought.batches} batches.")
    for line in remark_lines(records):
        echo(f"  {line}")
    last = brought.last_bar.isoformat() if brought.last_bar else "none"
    echo(f"The lake has {brought.bars:,} bars; last {last}.")
    echo(f"Next: orbcast run nightly-retrain --market {market}")


def _guessed(paths: list[str]) -> str:
    """Guess the kind of source from the paths, print a remark, and return the kind."""
    kind = data.guessed_kind.guessed_kind(paths, data.source_kinds.kind_names())
    _remark(f"read as --source {kind}, as the paths end")
    return kind


def _remark(words: str) -> None:
    typer.echo(fit_to_show(words), err=True)


def _wait(fault: str, seconds: float) -> None:
    _remark(f"{fault}; trying again in {seconds:g} s")


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise OptionError(option, text, "is not a mapping", f"write {option} {example}")
    return name.strip(), value.strip() or value  # a column separator may be blank
