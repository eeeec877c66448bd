"""`orbcast bars`: the content of the lake, and its batches."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

import ml_core
import tasks
from deployments import cli
from deployments.cli.data.remarks import remark_lines, remarked
from deployments.cli.terminal import AsJson, MarketOption, echo, print_json, show_table
from tasks import data

if TYPE_CHECKING:
    from ml_core.bars.checks.odd_days import OddDay
    from ml_core.bars.lake.batch_log import BatchRecord

app = typer.Typer(no_args_is_help=True)

_NO_SOURCE = "none (`orbcast ingest --remember`)"

BatchArgument = Annotated[
    str,
    typer.Argument(
        help="A batch of `orbcast bars batches`: its id, the first letters of it, or last."
    ),
]


@app.callback()
def bars() -> None:
    """Show the bars in the lake, and undo a wrong import."""


@app.command(short_help="Number of bars, contracts, first and last time.")
def status(market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """Print the number of bars, their contracts, and their first and last time.

    Example: orbcast bars status --market mgc
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    lake_status = settings.lake().status(definition.symbol)
    # a database's month is read again as it grows: its last batch describes the whole month
    last = {
        record.name: record for record in settings.lake().batch_log(definition.symbol).in_lake()
    }
    readings = list(last.values())
    spec = data.standing_sources.standing_source(settings.sources_file, market)
    odd = ml_core.bars.checks.odd_days.odd_days(
        settings.lake().minutes(definition.symbol), definition
    )
    if as_json:
        print_json(
            {
                "market": definition.symbol,
                "name": definition.name,
                "lake": settings.lake().root,
                "bars": lake_status.bars,
                "first_bar": lake_status.first,
                "last_bar": lake_status.last,
                "contracts": lake_status.contracts,
                "batches": lake_status.batches,
                "quarantined": lake_status.quarantined,
                "revised": lake_status.revisions,
                **remarked(readings),
                "odd_days": [
                    {"day": day.day, "kind": day.kind, "words": str(day), "lines": day.lines}
                    for day in odd
                ],
                "source": spec and spec.to_json(),
            }
        )
        return
    echo(f"{definition.symbol}, {definition.name}, in {settings.lake().root}")
    if lake_status.first is None or lake_status.last is None:
        echo("  no bars yet: see `orbcast ingest --help`")
    else:
        span = f"from {_at(lake_status.first)} to {_at(lake_status.last)}"
        echo(f"  bars        {lake_status.bars:,} {span}")
        echo(f"  contracts   {len(lake_status.contracts)}: {', '.join(lake_status.contracts)}")
    echo(f"  batches     {lake_status.batches}")
    echo(f"  quarantined {lake_status.quarantined} rows")
    echo(f"  revisions   {lake_status.revisions} bars changed by a later batch")
    for line in remark_lines(readings):
        echo(f"  {line}")
    for line in _odd_days_in_words(odd, market):
        echo(f"  {line}")
    source_words = " ".join((spec.kind, ", ".join(spec.paths))).strip() if spec else _NO_SOURCE
    echo(f"  source      {source_words}")


_ODD_DAYS_SHOWN = 5


def _odd_days_in_words(odd: tuple[OddDay, ...], market: str) -> list[str]:
    """Return a line for each day that does not fit the calendar, and the remedy."""
    if not odd:
        return []
    lines = [f"unusual day     {day}" for day in odd[:_ODD_DAYS_SHOWN]]
    more = len(odd) - len(lines)
    if more:
        lines.append(
            f"            and {more} more: `orbcast bars status --market {market} --json`"
        )
    return [
        *lines,
        f"            if the exchange had other hours, set them in the file of {market}, such as",
        *(f"                {line}" for line in odd[0].lines),
    ]


@app.command(short_help="List the kinds of source and their options.")
def sources(as_json: AsJson = False) -> None:
    """List the kinds of source, both Orbcast's own and installed ones, with their options.

    Example: orbcast bars sources
    """
    kinds = data.source_kinds.installed_kinds()
    if as_json:
        print_json(
            [
                {
                    "kind": kind.name,
                    "package": kind.package,
                    "reads": kind.source.reads if kind.source else None,
                    "options": kind.source.options if kind.source else [],
                    "columns": sorted(kind.source.columns) if kind.source else [],
                    "fault": kind.fault or None,
                }
                for kind in kinds
            ]
        )
        return
    for kind in kinds:
        brought = "" if kind.package == "orbcast" else f" (package {kind.package})"
        if kind.source is None:
            echo(f"{kind.name}{brought}: cannot be used, {kind.fault}")
            continue
        echo(f"{kind.name}{brought}: {kind.source.reads}")
        for option in kind.source.options:
            echo(f"  {option.name:<11} {option.description}")
        if kind.source.columns:
            echo(f"  {'columns':<11} {', '.join(sorted(kind.source.columns))}")


@app.command(short_help="List the imported batches: how they were read, and their bars.")
def batches(market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """List every batch that was imported or withdrawn, the latest last.

    Example: orbcast bars batches --market mgc
    """
    config = tasks.settings.current_settings()
    symbol = config.market(market).symbol
    log = config.lake().batch_log(symbol)
    batches_in_lake = {record.batch_id for record in log.in_lake()}
    if as_json:
        print_json(
            [
                {**asdict(record), "in_lake": record.batch_id in batches_in_lake}
                for record in log.records
            ]
        )
        return
    if not log.records:
        echo(f"{symbol} has no bars yet: see `orbcast ingest --help`")
        return
    table = cli.drawing.ruled_table()
    for heading in ("batch", "read (UTC)", "+", "~", "-", "in lake"):
        table.add_column(heading, no_wrap=True)
    for heading in ("from", "with"):
        table.add_column(heading, overflow="fold")
    for record in log.records:
        at = datetime.fromisoformat(record.ingested_at)
        changes = (f"{count:,}" for count in (record.added, record.revised, record.withdrawn))
        state = "yes" if record.batch_id in batches_in_lake else "no"
        name = record.name if record.is_reading else f"(undoes {record.name})"
        table.add_row(
            record.batch_id[:8], f"{at:%Y-%m-%d %H:%M}", *changes, state, name, record.reading
        )
    show_table(table)
    echo("bars: + added, ~ revised, - removed")


@app.command(short_help="Show one batch: how it was read, its bars, unusual and quarantined rows.")
def show(batch: BatchArgument, market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """Show how a batch was read, what it imported, and its odd or quarantined rows.

    Example: orbcast bars show last
    """
    config = tasks.settings.current_settings()
    log = config.lake().batch_log(config.market(market).symbol)
    record = log.named(batch)
    in_lake = record in log.in_lake()
    if as_json:
        print_json({**asdict(record), "in_lake": in_lake})
        return
    echo(f"{record.batch_id}, {record.name} ({record.source})")
    echo(f"  state       {_state(record, in_lake=in_lake)}")
    echo(f"  read        {_at(datetime.fromisoformat(record.ingested_at))}")
    echo(f"  with        {record.reading or 'options that were not recorded'}")
    if record.first is not None and record.last is not None:
        first, last = (datetime.fromisoformat(text) for text in (record.first, record.last))
        echo(f"  bars        {_at(first)} to {_at(last)}")
    echo(
        f"imported    {record.added:,} added, {record.revised:,} revised, "
        f"{record.unchanged:,} in the lake already, {record.withdrawn:,} removed"
    )
    for name, rows in {**record.quarantined, **record.dropped}.items():
        echo(f"  left out    {rows:,} {name.replace('_', ' ')}")
    for finding in record.findings:
        examples = ", ".join(finding.examples)
        echo(f"  unusual     {finding.count:,} {finding.check.replace('_', ' ')}: {examples}")
    for replaced in record.replaces:
        echo(f"  replaces    {replaced}")


@app.command(short_help="Undo a batch; every value stays on record.")
def forget(batch: BatchArgument, market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """Undo a batch: its bars are removed, and the bars that they had replaced are restored.

    Bars that another batch in the lake has with the same values stay. Every value stays on record
    as a revision. If the source still has the batch, it is imported again when that source is next
    read: correct the source, or its options, first.

    Example: orbcast bars forget last
    """
    config = tasks.settings.current_settings()
    record = data.intake.take_back(config, config.market(market), batch, tasks.settings.now())
    if as_json:
        print_json(record)
        return
    echo(
        f"{record.name} is undone: {record.withdrawn:,} bars were removed, "
        f"{record.revised:,} have their earlier values again."
    )
    echo(f"Next: read the right source (`orbcast ingest --market {market} ...`), then retrain")


def _state(record: BatchRecord, *, in_lake: bool) -> str:
    if not record.is_reading:
        return f"undoes {', '.join(record.replaces)}"
    return "in the lake" if in_lake else "replaced or undone"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
