"""`orbcast strategy`: the rules, what they would have brought, and what the model adds."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from deployments.cli.terminal import MarketOption, day_of, out, time_of

app = typer.Typer(no_args_is_help=True, help="The rules of the strategy, and the outbox.")

Name = Annotated[
    str | None, typer.Option("--strategy", help="Name of a strategy file; ORBCAST_STRATEGY else.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def strategy() -> None:
    """Look at the rules, follow them through history, and see what the model is worth to them.

    Own rules go to <home>/strategies/NAME.toml; `orbcast strategy show` prints the fields.
    """


@app.command()
def show(name: Name = None, as_json: AsJson = False) -> None:
    """Show the rules in force, every field with its value.

    Example: orbcast strategy show --strategy orb-default
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help

    rules = settings().rules(name)
    plain = {**rules.model_dump(mode="json"), "hash": rules.hash}
    if as_json:
        out().print_json(json.dumps(plain))
        return
    for field, value in plain.items():
        out().print(f"{field} = {json.dumps(value)}", markup=False, soft_wrap=True)


@app.command()
def backtest(
    market: MarketOption = "mgc",
    name: Name = None,
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Follow the rules alone through the lake's history, costs included.

    Rules tried until they look good are no evidence: `orbcast study setups` counts every one.

    Example: orbcast strategy backtest --from 2024-01-01
    """
    from ml_core.strategy_worth import worth  # noqa: PLC0415 - after --help
    from tasks.settings import now, settings  # noqa: PLC0415
    from tasks.strategy import backtest_rules  # noqa: PLC0415

    where = settings()
    rules = where.rules(name)
    period = day_of(first, "--from"), day_of(last, "--to")
    taken = backtest_rules(where, market, rules, first=period[0], last=period[1], at=now())
    found = worth(taken)
    if as_json:
        out().print_json(json.dumps({"rules": rules.name, "hash": rules.hash, **found.to_json()}))
        return
    symbol = where.market(market).symbol
    out().print(f"{symbol}, {rules.name}: {found.words}", markup=False, soft_wrap=True)


@app.command("worth")
def show_worth(
    market: MarketOption = "mgc",
    name: Name = None,
    replay: Annotated[bool, typer.Option("--replay", help="Replayed answers instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what the recorded decisions brought, without the model and with it, and the difference.

    With the model means with its sizes, as in hybrid, whatever the stage was.
    """
    from ml_core.strategy_worth import difference, worth  # noqa: PLC0415 - after --help
    from tasks.settings import now, settings  # noqa: PLC0415
    from tasks.strategy import lived  # noqa: PLC0415

    where = settings()
    rules = where.rules(name)
    scaled, plain = lived(where, market, rules, "replay" if replay else "live", now())
    added = difference(scaled, plain)
    if as_json:
        told = {
            "without_model": worth(plain).to_json(),
            "with_model": worth(scaled).to_json(),
            "added_per_slot": [added.estimate, added.low, added.high] if added.rows else None,
        }
        out().print_json(json.dumps(told))
        return
    console = out()
    if not plain:
        console.print("nothing was decided yet: decisions come with each prediction")
        return
    console.print(f"without the model: {worth(plain).words}", markup=False, soft_wrap=True)
    console.print(f"with its sizes:    {worth(scaled).words}", markup=False, soft_wrap=True)
    sure = "" if added.above_zero or added.below_zero else ", not to be told from 0"
    console.print(
        f"the model added {added.estimate:+.4f} R a slot ({added.low:+.4f} to {added.high:+.4f})"
        f"{sure}",
        markup=False,
        soft_wrap=True,
    )


@app.command()
def intents(
    market: MarketOption = "mgc",
    since: Annotated[str | None, typer.Option(help="Written since, 2025-06-30T09:00.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the outbox: orders that your own system may place until they expire.

    Orbcast places no order. There are intents only at stage auto.

    Example: orbcast strategy intents --since 2025-06-30 --json
    """
    from registry.strategy import order_intents  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415
    from tasks.slots import in_zone  # noqa: PLC0415

    where = settings()
    known = where.market(market)
    begin = in_zone(time_of(since, "--since"), known) if since else None
    found = order_intents(where.database(), known.symbol, since=begin)
    if as_json:
        plain = [
            {
                "slot": f"{each.market}:{each.trading_day}:{each.opening_range}",
                "at": each.at.isoformat(),
                "expires_at": each.expires_at.isoformat(),
                "version": each.version,
                "approved_for": each.bound_to,
                **each.order,
            }
            for each in found
        ]
        out().print_json(json.dumps(plain))
        return
    for each in found:
        slot = f"{each.market}:{each.trading_day}:{each.opening_range}"
        sides = ", ".join(
            f"{one['side']} {one['size']:g} beyond {one['level']:g}"
            for one in each.order["entries"]
        )
        told = f"{slot} {each.order['contract']}: {sides}; until {each.expires_at:%H:%M} UTC"
        out().print(told, markup=False, soft_wrap=True)
    if not found:
        out().print(f"{known.symbol} has no intents: they are written at stage auto only")
