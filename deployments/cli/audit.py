"""`orbcast audit`: whether any feature sees the future."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.terminal import MarketOption, day_of, out, progress

LEAKY = 4
UNEXPLAINED = 4
_MOST_SHOWN = 20

app = typer.Typer(no_args_is_help=True, help="Audits that ship with Orbcast.")


@app.callback()
def audit() -> None:
    """Run an audit that ships with Orbcast."""


@app.command()
def lookahead(  # noqa: PLR0917 - options of a command
    market: MarketOption = "mgc",
    recipe: Annotated[
        str, typer.Option(help="Recipe whose features to audit.")
    ] = "residual-small",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    days: Annotated[int, typer.Option(help="Trading days to sample.", min=1)] = 12,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
) -> None:
    """Delete, then scramble, the future of sampled decisions; features must not move.

    Example: orbcast audit lookahead --days 20
    """
    from ml_core.features.all import CATALOGUE  # noqa: PLC0415 - after --help
    from ml_core.features.audit import audit_lookahead  # noqa: PLC0415
    from tasks.datasets import known_bars, period_of  # noqa: PLC0415
    from tasks.settings import now, settings  # noqa: PLC0415

    where = settings()
    known, chosen = where.market(market), where.recipe(recipe)
    asked = day_of(first, "--from"), day_of(last, "--to")
    bars = known_bars(where, market, known, now())
    begin, end = period_of(bars, known, *asked)
    with progress("Auditing decisions", 0) as bar:
        report = audit_lookahead(
            bars,
            known,
            chosen.label,
            CATALOGUE.select(chosen.features),
            first=begin,
            last=end,
            days=days,
            seed=seed,
            on_progress=bar.at,
        )
    console = out()
    console.print(
        f"{report.market}: {len(report.features)} features at {report.decisions} decisions, the "
        "future deleted and scrambled."
    )
    if report.never_seen:
        console.print(
            f"Missing in every one of them, so not proven: {', '.join(report.never_seen)}"
        )
    for leak in report.leaks[:_MOST_SHOWN]:
        console.print(f"  {leak}")
    if report.clean:
        console.print("Clean: none moved by a bit.")
        return
    console.print(f"{len(report.leaking)} features see the future: {', '.join(report.leaking)}")
    raise typer.Exit(LEAKY)


@app.command()
def parity(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Replayed answers instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute logged features again from the lake; they must be the same to the bit.

    A bar that came in or was revised since is named as the cause, once the bars as they stood then
    give what was logged. Exit status 4: something differs and nothing accounts for it.

    Example: orbcast audit parity --from 2025-06-01
    """
    import json  # noqa: PLC0415 - after --help

    from tasks.parity import audit_parity  # noqa: PLC0415
    from tasks.settings import now  # noqa: PLC0415

    report = audit_parity.fn(
        market,
        day_of(first, "--from"),
        day_of(last, "--to"),
        now(),
        "replay" if replay else "live",
    )
    console = out()
    if as_json:
        console.print_json(json.dumps(report.to_json()))
    else:
        console.print(report.verdict, soft_wrap=True, markup=False)
        for each in report.audited:
            if each.cause == "same":
                continue
            names = ", ".join(one.feature for one in each.differences)
            console.print(f"  {each.slot} {each.role}, {each.cause}: {names}", markup=False)
            for bar in each.changes:
                console.print(f"      {bar}", markup=False)
    if report.count("unexplained"):
        raise typer.Exit(UNEXPLAINED)
