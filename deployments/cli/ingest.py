"""`orbcast ingest`: bars from files and databases into the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, print_json, say
from ml_core.errors import InputError

if TYPE_CHECKING:
    from ml_core.bars.batch_log import BatchRecord
    from ml_core.market.market import Market
    from tasks.preview import Preview


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
    table: Annotated[
        str | None, typer.Option(help="duckdb: table or view; left out, bars_1m.")
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
            help="open or close: which end of its minute a bar is stamped with; left out, the "
            "layout's, else open. Not for dbn."
        ),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(help="Format of written times, such as '%d.%m.%Y %H:%M'. Not for dbn."),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="csv: column separator.")] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="csv: histdata, ninjatrader, metatrader, metatrader4, tradestation, sierra, "
            "kibot, firstrate, dukascopy, dukascopy-local, binance, massive, headerless or "
            "generic; left out, what the first line shows."
        ),
    ] = None,
    remember: Annotated[
        bool, typer.Option("--remember", help="Make it the market's standing source.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would come in; keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take bars into the lake. Doing it again changes nothing.

    Examples
    --------
    orbcast ingest --source dbn ~/databento/mgc/

    orbcast ingest --source duckdb bars.duckdb --column contract=contract

    orbcast ingest --source csv DAT_ASCII_2024.csv --layout histdata --remember

    orbcast ingest --source csv es.csv --market es --zone America/New_York --dry-run
    """
    from tasks.intake import summary, take_in  # noqa: PLC0415 - after --help
    from tasks.preview import preview  # noqa: PLC0415
    from tasks.settings import now, settings  # noqa: PLC0415
    from tasks.sources import count_batches, remember_source, source_spec  # noqa: PLC0415

    spec = source_spec(
        kind=source,
        paths=paths,
        table=table,
        columns=dict(_mapping(each) for each in column or []),
        zone=zone,
        stamp=stamp,
        time_format=time_format,
        delimiter=delimiter,
        layout=layout,
    )
    where = settings()
    known = where.market(market)
    total = count_batches(spec)
    with progress("Reading bars", total) as bar:

        def on_progress(name: str, done: int) -> None:
            bar.at(done, total, name)

        if dry_run:
            shown = preview(where, known, spec, now(), on_progress)
        else:
            records = take_in(where, known, spec, now(), on_progress=on_progress)
    if dry_run:
        _show_preview(shown, known, as_json=as_json)
        return
    if remember:
        remember_source(where.sources_file, market, spec)
    brought = summary(records, where.lake().status(known.symbol))
    if as_json:
        print_json({**brought, **remarked(records)})
        return
    _tell(records, brought, market)


def _show_preview(shown: Preview, market: Market, *, as_json: bool) -> None:
    """Show how a source is read and what it would bring, to be held against a chart."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - after --help

    from tasks.intake import summary  # noqa: PLC0415

    new = [record for record in shown.records if record.status != "already"]
    brought = summary(shown.records, shown.status)
    if as_json:
        print_json(
            {
                **brought,
                "readings": sorted({record.reading for record in shown.records}),
                "first": shown.first,
                "last": shown.last,
                **remarked(new),
                "ranges": [asdict(opening) for opening in shown.ranges],
            }
        )
        return
    say(f"{market.symbol}, {market.name}: nothing is kept of this")
    for reading in sorted({record.reading for record in shown.records}):
        say(f"  read with   {reading}, 1-minute bars")
    for name, at in (("first bar", shown.first), ("last bar", shown.last)):
        if at is not None:
            local = at.astimezone(ZoneInfo(market.zone))
            say(f"  {name:<11} {at:%Y-%m-%d %H:%M} UTC, {local:%Y-%m-%d %H:%M} {market.zone}")
    say(
        f"  would bring {brought['added']:,} new bars, {brought['revised']:,} with another value, "
        f"{brought['withdrawn']:,} taken away"
    )
    for line in remarks_on(new):
        say(f"  {line}")
    if shown.ranges:
        say(f"Hold these opening ranges of {shown.ranges[-1].trading_day} against a chart:")
    for opening in shown.ranges:
        say(
            f"  {opening.name:<11} from {opening.start:%Y-%m-%d %H:%M} {market.zone}: "
            f"high {opening.high:g}, low {opening.low:g}"
        )


def _tell(records: tuple[BatchRecord, ...], brought: dict[str, Any], market: str) -> None:
    from tasks.intake import counts_in_words  # noqa: PLC0415 - after --help

    say(
        f"{counts_in_words(brought)}, from {brought['new_batches']} new of "
        f"{brought['batches']} batches."
    )
    for line in remarks_on(records):
        say(f"  {line}")
    say(f"The lake has {brought['bars']:,} bars; last {brought['last_bar']}.")
    say(f"Next: orbcast run nightly-retrain --market {market}")


def remarked(records: Iterable[BatchRecord]) -> dict[str, dict[str, int]]:
    """Count what was not simply taken in: bad rows, other instruments' rows, odd findings."""
    records = list(records)
    findings = (finding for record in records for finding in record.findings)
    return {
        "set_aside": _added_up(record.quarantined for record in records),
        "left_out": _added_up(record.dropped for record in records),
        "odd": _added_up({finding.check: finding.count} for finding in findings),
    }


_REMARKS = {"set_aside": "set aside", "left_out": "left out", "odd": "odd but kept"}


def remarks_on(records: Iterable[BatchRecord]) -> list[str]:
    """Return the same in words, a line for each kind of it, and what helps where it is known."""
    from ml_core.bars.quality import NOT_POSITIVE, NOT_POSITIVE_REMEDY  # noqa: PLC0415 - numpy

    counted = remarked(records)
    lines = [
        f"{_REMARKS[what]}: {rows:,} {name.replace('_', ' ')}"
        for what, counts in counted.items()
        for name, rows in counts.items()
    ]
    return [*lines, *([NOT_POSITIVE_REMEDY] if NOT_POSITIVE in counted["set_aside"] else [])]


def _added_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for some in counts:
        total.update(some)
    return dict(total)


def _mapping(text: str) -> tuple[str, str]:
    ours, sign, theirs = text.partition("=")
    if not sign or not ours:
        raise ColumnError(text)
    return ours.strip(), theirs.strip()
