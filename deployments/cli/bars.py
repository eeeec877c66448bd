"""`orbcast bars`: what the lake holds."""

from __future__ import annotations

import typer

from deployments.cli.terminal import MarketOption, out

app = typer.Typer(no_args_is_help=True, help="Bars in the lake.")


@app.callback()
def bars() -> None:
    """Look at the bars in the lake."""


@app.command()
def status(market: MarketOption = "mgc") -> None:
    """Say how many bars there are, of which contracts, from when to when.

    Example: orbcast bars status --market mgc
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help
    from tasks.sources import standing_source  # noqa: PLC0415

    where = settings()
    known = where.market(market)
    found = where.lake().status(known.symbol)
    spec = standing_source(where.sources_file, market)
    console = out()
    console.print(f"{known.symbol}, {known.name}, in {where.lake().root}")
    if found.first is None or found.last is None:
        console.print("  no bars yet: see `orbcast ingest --help`")
    else:
        console.print(f"  bars        {found.bars:,} from {found.first} to {found.last}")
        names = ", ".join(found.contracts[:8]) + (" ..." if len(found.contracts) > 8 else "")  # noqa: PLR2004 - fits a line
        console.print(f"  contracts   {len(found.contracts)}: {names}")
    console.print(f"  batches     {found.batches}")
    console.print(f"  set aside   {found.quarantined} rows")
    console.print(f"  revisions   {found.revisions} bars changed by a later batch")
    told = f"{spec.kind} {', '.join(spec.paths)}" if spec else "none (`orbcast ingest --remember`)"
    console.print(f"  source      {told}", soft_wrap=True)
