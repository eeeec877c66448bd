"""`orbcast ingest`: bars from files and databases into the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, print_json, say
from ml_core.errors import InputError

if TYPE_CHECKING:
    from ml_core.bars.batch_log import BatchRecord


class ColumnError(InputError):
    """A column mapping that cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"--column {self.text!r} is no mapping; write --column ts=my_time_column"


def ingest(  # noqa: PLR0917 - options of a command
    paths: Annotated[list[str], typer.Argument(help="Files, or folders of files.")],
    source: Annotated[str, typer.Option(help="What they are: dbn, duckdb, csv or parquet.")],
    market: MarketOption = "mgc",
    table: Annotated[str, typer.Option(help="Table or view (duckdb).")] = "bars_1m",
    column: Annotated[
        list[str] | None, typer.Option(help="Orbcast's name=yours; may be repeated.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of times that carry none.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Column separator (csv).")] = None,
    layout: Annotated[
        str,
        typer.Option(help="csv: auto, histdata, metatrader, dukascopy, firstrate, generic."),
    ] = "auto",
    remember: Annotated[
        bool, typer.Option("--remember", help="Make it the market's standing source.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take bars into the lake. Doing it again changes nothing.

    Examples
    --------
    orbcast ingest --source dbn ~/databento/mgc/

    orbcast ingest --source duckdb bars.duckdb --column contract=contract

    orbcast ingest --source csv DAT_ASCII_2024.csv --layout histdata --remember
    """
    from tasks.intake import summary, take_in  # noqa: PLC0415 - after --help
    from tasks.settings import now, settings  # noqa: PLC0415
    from tasks.sources import count_batches, remember_source, source_spec  # noqa: PLC0415

    spec = source_spec(
        kind=source,
        paths=paths,
        table=table,
        columns=dict(_mapping(each) for each in column or []),
        zone=zone,
        delimiter=delimiter,
        layout=layout,
    )
    where = settings()
    known = where.market(market)
    total = count_batches(spec)
    with progress("Reading bars", total) as bar:

        def on_progress(name: str, done: int) -> None:
            bar.at(done, total, name)

        records = take_in(where, known, spec, now(), on_progress=on_progress)
    if remember:
        remember_source(where.sources_file, market, spec)
    brought = summary(records, where.lake().status(known.symbol))
    if as_json:
        print_json({**brought, "set_aside": _set_aside(records), "odd": _odd(records)})
        return
    _tell(records, brought, market)


def _tell(records: tuple[BatchRecord, ...], brought: dict[str, object], market: str) -> None:
    gone = f"{brought['withdrawn']:,} taken away, " if brought["withdrawn"] else ""
    say(
        f"{brought['symbol']}: {brought['added']:,} bars added, {brought['revised']:,} revised, "
        f"{gone}{brought['quarantined']:,} rows set aside, from {brought['new_batches']} new of "
        f"{brought['batches']} batches."
    )
    for name, rows in _set_aside(records).items():
        say(f"  set aside: {rows:,} {name.replace('_', ' ')}")
    for name, rows in _odd(records).items():
        say(f"  odd but kept: {rows:,} {name.replace('_', ' ')}")
    say(f"The lake has {brought['bars']:,} bars; last {brought['last_bar']}.")
    say(f"Next: orbcast run nightly-retrain --market {market}")


def _set_aside(records: tuple[BatchRecord, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for record in records:
        for name, rows in record.quarantined.items():
            total[name] = total.get(name, 0) + rows
    return total


def _odd(records: tuple[BatchRecord, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for record in records:
        for find in record.findings:
            total[find.check] = total.get(find.check, 0) + find.count
    return total


def _mapping(text: str) -> tuple[str, str]:
    ours, sign, theirs = text.partition("=")
    if not sign or not ours:
        raise ColumnError(text)
    return ours.strip(), theirs.strip()
