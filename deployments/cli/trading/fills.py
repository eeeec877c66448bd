"""`orbcast fills`: the trader's own executions, imported from platforms' files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ml_core
import registry
import tasks
from deployments import cli
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    OptionError,
    days_of,
    echo,
    print_json,
    show_table,
)
from ml_core.json_values import field_values

if TYPE_CHECKING:
    from ml_core.fills.fill import Fill, FillBatch
    from tasks.fills.intake import FillsImport, FillsIntake

app = typer.Typer(no_args_is_help=True)

_MOST = 20
_MOST_ASIDE = 10
_MOST_OFF_BARS = 3


@app.callback()
def fills() -> None:
    """Import your own trades and compare them with the plans.

    Export the executions of your platform as CSV. Orbcast places no orders and contacts no broker.
    """


@app.command("import", short_help="Import executions from a platform's file.")
def import_files(
    paths: Annotated[list[Path], typer.Argument(help="CSV files that your platform exported.")],
    market: MarketOption = "mgc",
    zone: Annotated[
        str | None,
        typer.Option(help="Zone of times that carry none: your platform's, such as US/Eastern."),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            help="ninjatrader, tradovate, tradovate-orders, rithmic, ib, metatrader or generic; "
            "if left out, by the header."
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="Fields and your columns, time=When,side=B/S,...; may be repeated."),
    ] = None,
    instrument: Annotated[
        str | None,
        typer.Option(help="Name of this market in the file, if it is not a contract: XAUUSD."),
    ] = None,
    time_format: Annotated[
        str | None, typer.Option(help="Format of the times, such as '%d/%m/%Y %H:%M:%S'.")
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(help=", or . before the decimals, where both are possible.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Column separator.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is read; store nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import executions. Running it again changes nothing; exports may overlap.

    The platform is recognized by the header. An unusable row is quarantined with its line
    number and the reason. The same file with other options replaces its earlier import.

    Fields of --columns: time, date, side, quantity, price, contract, commission, execution_id,
    order_id, account.

    Examples: orbcast fills import executions.csv --zone America/Chicago

    orbcast fills import mine.csv --zone UTC --columns time=When,side=What,quantity=Lots,price=At
    """
    if decimal not in {None, ",", "."}:
        raise OptionError("--decimal", str(decimal), "is neither", "write , or .")
    reading = ml_core.fills.read.FillsReading(
        platform=platform,
        zone=zone,
        time_format=time_format,
        columns=_mapping(columns or []),
        decimal="," if decimal == "," else "." if decimal == "." else None,
        delimiter=delimiter,
        instrument=instrument,
    )
    settings = tasks.settings.current_settings()
    brought = tasks.fills.intake.take_in_fills(
        settings, market, paths, reading, tasks.settings.now(), keep=not dry_run
    )
    if as_json:
        print_json(brought)
        return
    for one in brought.imports:
        _print_import(one)
    _print_total(brought, market, dry_run=dry_run)


def _mapping(texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        for pair in text.split(","):
            name, sign, column = pair.partition("=")
            if not sign or not name.strip():
                example = "write --columns time=When,side=What"
                raise OptionError("--columns", pair, "is not a mapping", example)
            pairs[name.strip()] = column.strip()
    return pairs


def _print_import(one: FillsImport) -> None:
    file = one.file
    verb = {"imported": "imported", "already": "imported before", "not kept": "would import"}
    echo(
        f"{file.name}: {file.platform}, {verb[one.status]} {len(file.fills):,} fills: "
        f"{one.added:,} new, {one.changed:,} with another commission or price, "
        f"{one.unchanged:,} unchanged"
    )
    zone = f"times of {file.zone}" if file.zone else "times with their own zone"
    columns = ", ".join(f"{field}={column}" for field, column in file.columns.items())
    echo(f"  read as     {zone}; {columns}")
    if file.fills:
        first, last = file.fills[0].time, file.fills[-1].time
        echo(f"  from        {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC")
    if file.repeated:
        echo(f"  repeated    {file.repeated:,} rows name an execution again")
    for what, rows in file.left_out.items():
        echo(f"  left out    {rows:,} of {what}")
    for row in file.set_aside[:_MOST_ASIDE]:
        echo(f"  quarantined {row.words}")
    if len(file.set_aside) > _MOST_ASIDE:
        echo(f"  quarantined {len(file.set_aside) - _MOST_ASIDE:,} more; --json lists them")
    if one.off_bars:
        echo(
            f"  check       {len(one.off_bars):,} of {len(file.fills):,} fills have a price that "
            "the bars around them do not have: is the zone, the contract or a column wrong?"
        )
    for off in one.off_bars[:_MOST_OFF_BARS]:
        echo(f"              {off.words}")


def _print_total(brought: FillsIntake, market: str, *, dry_run: bool) -> None:
    then = "On record it would be" if dry_run else "On record:"
    echo(f"{then} {brought.fills:,} fills of {brought.symbol}.")
    if brought.reported_twice:
        echo(
            f"{brought.reported_twice:,} of them seem to be reported by two platforms, and count "
            f"twice: undo one import, `orbcast fills withdraw FILE_ID --market {market}`"
        )


@app.command(short_help="Show the recorded executions, or the files that they came from.")
def show(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    files: Annotated[bool, typer.Option("--files", help="Show the imports instead.")] = False,
    rows: Annotated[int, typer.Option(help="Number of newest rows shown.", min=1)] = _MOST,
    as_json: AsJson = False,
) -> None:
    """Show the executions on record, or with --files the imported and withdrawn files.

    Example: orbcast fills show --from 2025-06-01
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    if files:
        _show_files(registry.fills.fill_batches(settings.database(), symbol), as_json=as_json)
        return
    begin, end = days_of(first, last)
    listed = tasks.fills.intake.fills_between(settings, market, begin, end)
    if as_json:
        print_json([field_values(fill) for fill in listed])
        return
    if not listed:
        echo(f"{symbol} has no fills on record: orbcast fills import FILE --market {market}")
        return
    _show_fills(listed[-rows:])
    if len(listed) > rows:
        echo(f"the newest {rows} of {len(listed):,}; --rows shows more, --json all")


def _show_fills(listed: tuple[Fill, ...]) -> None:
    figures = ("quantity", "price", "commission")
    table = cli.drawing.borderless_table("time (UTC)", "contract", "side", figures=figures)
    for fill in listed:
        table.add_row(
            f"{fill.time:%Y-%m-%d %H:%M:%S}",
            fill.contract,
            fill.side,
            f"{fill.quantity:g}",
            f"{fill.price:.10g}",
            "-" if fill.commission is None else f"{fill.commission:.2f}",
        )
    show_table(table)


def _show_files(batches: tuple[FillBatch, ...], *, as_json: bool) -> None:
    if as_json:
        print_json([field_values(batch) for batch in batches])
        return
    for batch in batches:
        what: Any = f"imported, {batch.fills:,} fills, {len(batch.set_aside):,} rows quarantined"
        if batch.event == "withdrawn":
            what = f"undone: {batch.reason}"
        echo(f"{batch.at:%Y-%m-%d %H:%M} UTC  {batch.batch_id}  {batch.name}: {what}")
    if not batches:
        echo("no imports yet")


@app.command(short_help="Undo an imported file; its fills no longer count.")
def withdraw(
    file_id: Annotated[
        str, typer.Argument(help="Id as in `orbcast fills show --files`, or last.")
    ],
    reason: Annotated[str, typer.Option(help="Reason; recorded permanently.", prompt=True)],
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Withdraw an imported file. Its fills stay on record but no longer count.

    Example: orbcast fills withdraw 3f9a01c2 --reason "a simulated account"
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    batch = registry.fills.withdraw_fills(
        settings.database(), symbol, file_id, reason, tasks.settings.now()
    )
    if as_json:
        print_json(field_values(batch))
        return
    echo(f"{batch.name} is undone: its {batch.fills:,} fills no longer count")
