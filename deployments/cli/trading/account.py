"""`orbcast account`: the limits of an account, and the chance that rules break them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ml_core
import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.progress import progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    days_of,
    echo,
    print_fields,
    print_json,
    show_table,
)
from ml_core.json_values import json_values
from monitoring.pages.formatting import count_of, percent, signed
from tasks import statistics

if TYPE_CHECKING:
    from rich.table import Table

    from ml_core.strategy.account.chance import AccountChances, Chance, Outcome
    from ml_core.strategy.account.limits import Account
    from ml_core.strategy.account.sizing import Sizing
    from tasks.statistics.account_odds import AccountOdds

app = typer.Typer(no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="Name of an account file.", autocompletion=completion.accounts)
]
OUTCOMES: Mapping[Outcome, str] = {
    "target": "reaches its profit target",
    "drawdown": "breaks the drawdown",
    "daily_loss": "breaks the day's loss",
    "no_room": "has no room left for a contract",
}


@app.callback()
def account() -> None:
    """Show the limits of accounts, and how rules would fare within them.

    Your own accounts are in <home>/accounts/NAME.toml; `orbcast account show` prints the fields.
    """


@app.command("list", short_help="List the account files.")
def list_accounts(as_json: AsJson = False) -> None:
    """List the account files, your own and those that come with Orbcast.

    Example: orbcast account list
    """
    settings = tasks.settings.current_settings()
    accounts = [settings.read_account(name) for name in settings.account_names()]
    if as_json:
        print_json([account.model_dump(mode="json") for account in accounts])
        return
    for account in accounts:
        echo(f"{account.name}: {account.about}")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show every field of an account with its value.

    Example: orbcast account show own-money
    """
    values = tasks.settings.current_settings().read_account(name).model_dump(mode="json")
    print_fields(values, as_json=as_json)


@app.command(short_help="Check an account file, and show what it allows.")
def check(
    file: Annotated[Path, typer.Argument(help="An account file (TOML).")],
    stop: Annotated[
        float | None,
        typer.Option(min=0.01, help="Loss of one contract at its stop, with costs."),
    ] = None,
    lost: Annotated[float, typer.Option(min=0, help="Loss of the day before that trade.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Print whether an account file can be used, or what is wrong with it.

    With --stop, also print how many contracts of such a trade the limits allow at the account's
    first balance, or by how much they refuse it. Plans, order intents and replays are sized by the
    same decision.

    Example: orbcast account check var/accounts/mine.toml

    Example: orbcast account check var/accounts/mine.toml --stop 86 --lost 920
    """
    loaded = ml_core.strategy.account.limits.load_account(file)
    sizing = None if stop is None else _sizing(loaded, stop, lost)
    if as_json:
        allowed = {} if sizing is None else {"allowed": sizing}
        print_json({"file": file, "usable": True, "name": loaded.name, **allowed})
        return
    echo(f"{file} can be used: {loaded.name}")
    if sizing is not None and sizing.refusal is not None:
        echo(f"refused: {sizing.refusal.words()}")
    elif sizing is not None and stop is not None:
        name = ml_core.strategy.account.sizing.NAMES[sizing.limit]
        echo(
            f"allowed: {count_of(sizing.contracts, 'contract')}, {sizing.contracts * stop:,.2f} "
            f"at the stop; {name} leaves {sizing.room or 0.0:,.2f}"
        )


def _sizing(loaded: Account, stop: float, lost: float) -> Sizing:
    first = ml_core.strategy.account.limits.AccountState.first(loaded)
    state = replace(first, balance=first.balance - lost, day_net=-lost)
    return ml_core.strategy.account.sizing.contracts_for(loaded, state, size=1.0, risk=stop)


@app.command(short_help="Print the chance that an account breaks a limit under some rules.")
def chance(
    name: Name,
    market: MarketOption = "mgc",
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            help="Name of a strategy file; may be repeated; ORBCAST_STRATEGY if left out.",
            autocompletion=completion.strategies,
        ),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    days: Annotated[
        int, typer.Option(min=1, max=2_000, help="Most trading days of a path.")
    ] = 120,
    paths: Annotated[
        int, typer.Option(min=100, max=100_000, help="Number of paths to draw.")
    ] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Print how likely some rules bring an account to its target before they break a limit.

    The rules are followed through history, costs included. Whole trading days are then drawn from
    this history with replacement. Because the mean of a record is uncertain, the chance is also
    computed with the mean at the lower end of its 95 % interval. Contracts are sized so that a
    fill at the stop breaks no limit; a gap still can. Several strategies are shown side by side.

    Example: orbcast account chance trailing-intraday-50k --strategy six-ranges

    Example: orbcast account chance own-money --strategy first-candle --strategy six-ranges

    Example: orbcast account chance own-money --days 250 --json
    """
    settings = tasks.settings.current_settings()
    period, words = days_of(first, last), "Drawing trading days"
    symbol, names = settings.market(market).symbol, dict.fromkeys(strategy or ())
    of_each = [settings.rules(symbol, one) for one in names] or [settings.rules(symbol)]
    odds: list[AccountOdds] = []
    with progress(words, 1.0) as bar:

        def show(done: int, of: int) -> None:
            bar.share((len(odds) + done / of) / len(of_each), words)

        for rules in of_each:
            own = statistics.account_odds.account_odds(
                settings,
                market,
                settings.read_account(name),
                rules,
                first=period[0],
                last=period[1],
                at=tasks.settings.now(),
                horizon=days,
                paths=paths,
                seed=seed,
                on_path=show,
            )
            odds.append(own)
    if as_json:
        print_json(json_values(odds[0]) if len(odds) == 1 else [json_values(one) for one in odds])
        return
    if len(odds) > 1:
        _print_side_by_side(odds)
        return
    _print(odds[0], settings.market(market).instrument.currency)


def _print_side_by_side(odds: Sequence[AccountOdds]) -> None:
    drawn = odds[0].as_recorded
    echo(
        f"{odds[0].account.name}, {odds[0].symbol}, on {drawn.paths:,} paths of {drawn.days} "
        "trading days at most: by the record / by its low end"
    )
    table = cli.drawing.ruled_table("the account", *(one.rules for one in odds))
    both = [(one.as_recorded, one.at_low_end) for one in odds]
    for outcome in _can_be(odds[0].account):
        shares = [[percent(one.outcomes[outcome].share) for one in pair] for pair in both]
        table.add_row(OUTCOMES[outcome], *map(" / ".join, shares))
    figures: dict[str, Callable[[AccountChances], str]] = {
        "still trades": lambda one: percent(one.goes_on.share),
        **_FIGURES,
    }
    for words, figure in figures.items():
        table.add_row(words, *(" / ".join(map(figure, pair)) for pair in both))
    show_table(table)


def _print(odds: AccountOdds, currency: str) -> None:
    own = odds.through_record
    echo(
        f"{odds.account.name} by {odds.rules}: {count_of(odds.trades, 'trade')} on "
        f"{count_of(odds.trading_days, 'trading day')} of {odds.symbol}, "
        f"{signed(odds.as_recorded.net_per_day, 3)} R a day"
    )
    if own.ended is not None:
        ended = f"{OUTCOMES[own.ended]} on {own.day}"
    elif odds.no_room_since is not None:
        ended = f"{OUTCOMES['no_room']} from {odds.no_room_since} on"
    else:
        ended = "goes on to its end"
    echo(f"In that record's own order, the account {ended}: {own.balance:,.2f} {currency}.")
    if odds.refused:
        reasons = ", ".join(f"{limit} {count:,}" for limit, count in odds.refused.items())
        echo(f"Trades without a contract that fits: {reasons}.")
    echo(f"On {odds.as_recorded.paths:,} paths of {odds.as_recorded.days} trading days at most:")
    show_table(_table(odds))
    echo(f"Uncertainty from the record: {odds.luck}")


def _table(odds: AccountOdds) -> Table:
    table = cli.drawing.ruled_table("the account", "by the record", "by its low end")
    both = (odds.as_recorded, odds.at_low_end)
    for outcome in _can_be(odds.account):
        table.add_row(OUTCOMES[outcome], *(_chance(one.outcomes[outcome]) for one in both))
    table.add_row("still trades", *(_chance(one.goes_on) for one in both))
    for words, figure in _FIGURES.items():
        table.add_row(words, *map(figure, both))
    return table


def _can_be(own: Account) -> list[Outcome]:
    """Return the outcomes that an account with such limits can have."""
    can_be = {
        "target": own.profit_target is not None,
        "daily_loss": own.daily_loss is not None and own.daily_loss_ends == "account",
    }
    return [outcome for outcome in OUTCOMES if can_be.get(outcome, own.drawdown is not None)]


def _days_to_the_end(one: AccountChances) -> str:
    return "-" if one.median_days is None else f"{one.median_days:.0f}"


_FIGURES: Mapping[str, Callable[[AccountChances], str]] = {
    "net R a day": lambda one: signed(one.net_per_day, 3),
    "median days to the end": _days_to_the_end,
}
"""Figures of the paths beside the outcomes."""


def _chance(of: Chance) -> str:
    return f"{percent(of.share)} ({100 * of.low:.1f} to {100 * of.high:.1f})"
