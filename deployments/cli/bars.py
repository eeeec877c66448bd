"""`orbcast bars`: what the lake holds."""

from __future__ import annotations

from datetime import datetime

import typer

from deployments.cli.terminal import AsJson, MarketOption, print_json, say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bars() -> None:
    """Look at the bars in the lake."""


@app.command(short_help="How many bars, of which contracts, from when to when.")
def status(market: MarketOption = "mgc", as_json: AsJson = False) -> None:
    """Say how many bars there are, of which contracts, from when to when.

    Example: orbcast bars status --market mgc
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help
    from tasks.sources import standing_source  # noqa: PLC0415

    where = settings()
    known = where.market(market)
    found = where.lake().status(known.symbol)
    spec = standing_source(where.sources_file, market)
    if as_json:
        print_json(
            {
                "market": known.symbol,
                "name": known.name,
                "lake": where.lake().root,
                "bars": found.bars,
                "first_bar": found.first,
                "last_bar": found.last,
                "contracts": found.contracts,
                "batches": found.batches,
                "quarantined": found.quarantined,
                "revised": found.revisions,
                "source": spec.model_dump(mode="json", exclude_none=True) if spec else None,
            }
        )
        return
    say(f"{known.symbol}, {known.name}, in {where.lake().root}")
    if found.first is None or found.last is None:
        say("  no bars yet: see `orbcast ingest --help`")
    else:
        say(f"  bars        {found.bars:,} from {_at(found.first)} to {_at(found.last)}")
        say(f"  contracts   {len(found.contracts)}: {', '.join(found.contracts)}")
    say(f"  batches     {found.batches}")
    say(f"  set aside   {found.quarantined} rows")
    say(f"  revisions   {found.revisions} bars changed by a later batch")
    told = f"{spec.kind} {', '.join(spec.paths)}" if spec else "none (`orbcast ingest --remember`)"
    say(f"  source      {told}")


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
