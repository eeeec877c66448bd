"""`orbcast paper`: a consumer of the outbox that trades it in a paper account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import monitoring
import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.progress import progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    OptionError,
    echo,
    print_json,
    show_table,
)
from ml_core.json_values import json_values
from monitoring.pages.formatting import count_of, signed, signed_or_dash
from tasks import paper as accounts

if TYPE_CHECKING:
    from tasks.paper.books import Book

app = typer.Typer(no_args_is_help=True)

BookOption = Annotated[
    str,
    typer.Option(
        "--from",
        help="Source: outbox; plans (the recorded plans at any stage); or replay (replayed "
        "plans).",
        autocompletion=lambda: list(accounts.books.BOOKS),
    ),
]


@app.callback()
def paper() -> None:
    """Trade order intents in a paper account of Orbcast's, on the imported bars.

    The paper account is a consumer of the outbox, as your own would be (docs/hand-off.md): it
    accepts or refuses each intent, fills it bar by bar, and is the same after any restart. Orbcast
    places no orders.
    """


@app.command(short_help="Trade new intents up to the last bars.")
def run(
    market: MarketOption = "mgc",
    book: BookOption = "outbox",
    account: Annotated[
        str | None,
        typer.Option(
            help="Account whose limits apply; ORBCAST_ACCOUNT if left out, else own-money.",
            autocompletion=completion.accounts,
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            min=0.001, max=1, help="Largest share of a bar's volume that fills an order."
        ),
    ] = 0.1,
    as_json: AsJson = False,
) -> None:
    """Accept new intents, and fill and close them on the new bars. Running it twice adds nothing.

    An entry by a bar's close is filled at the next bar's open. Stop and market orders have
    slippage. A bar that opens beyond the stop fills at its open. At most --share of a bar's volume
    is filled. An intent whose break was over before it was issued is refused as stale.

    Example: orbcast paper run --market mgc

    Example: orbcast paper run --from plans --account own-money --json
    """
    settings = tasks.settings.current_settings()
    with progress("Trading on paper"):
        done = accounts.books.run_paper(
            settings, market, _book(book), tasks.settings.now(), account=account, share=share
        )
    if as_json:
        print_json(json_values(done))
        return
    if not done.intents:
        echo(_no_trades(done.market, done.book))
        return
    for one in done.added:
        price = ""
        if one.price is not None:
            price = f" at {settings.market(market).instrument.price_text(one.price)}"
        count = f" {one.quantity}" if one.quantity else ""
        brought = f", {signed(one.details['money'], 2)}" if one.event == "ended" else ""
        why = f" ({one.reason})" if one.reason else ""
        slot = f"{one.trading_day}:{one.opening_range}"
        echo(f"{one.time:%Y-%m-%d %H:%M} {slot} {one.event}{count}{price}{brought}{why}")
    echo(
        f"{done.market}, {done.book}, account {done.account}: {count_of(done.intents, 'intent')}, "
        f"{count_of(len(done.added), 'new event')}"
    )


@app.command(short_help="Show its positions, trades and balance, beside the plan's own R.")
def show(
    market: MarketOption = "mgc", book: BookOption = "outbox", as_json: AsJson = False
) -> None:
    """Show a paper account: the result of each intent, the balance, and what the limits allow.

    Each closed trade is shown with the plan's settled R and the difference, which comes from the
    next open, slippage, partial fills and another entry. One R is the distance from a trade's own
    entry to its stop: after slippage, more than the plan's.

    Example: orbcast paper show

    Example: orbcast paper show --from replay --json
    """
    settings = tasks.settings.current_settings()
    statement = accounts.statement.paper_statement(
        settings, market, _book(book), tasks.settings.now()
    )
    if as_json:
        print_json(json_values(statement))
        return
    if not statement.slots:
        echo(_no_trades(statement.market, statement.book))
        return
    table = cli.drawing.borderless_table(
        *("slot", "side", "status", "entry", "exit", "net R", "plan's", "apart"), gap=2
    )
    for one in statement.slots:
        prices = ("-" if price is None else f"{price:g}" for price in (one.entry, one.exit))
        figures = map(signed_or_dash, (one.r_net, one.plan_r, one.difference))
        slot = f"{one.trading_day}:{one.opening_range}"
        table.add_row(slot, one.side or "-", one.words, *prices, *figures)
    show_table(table)
    over = f", over: {statement.ended.replace('_', ' ')}" if statement.ended else ""
    apart = ""
    if statement.difference is not None:
        more = "more" if statement.difference >= 0 else "less"
        apart = f", {abs(statement.difference):.2f} R {more} than the plans of these trades"
    echo(
        f"Account {statement.account}{over}: {statement.balance:,.2f} {statement.currency}, "
        f"{count_of(statement.trades, 'trade')}, {signed(statement.total_r, 2)} R{apart}; "
        f"{monitoring.messages.words.limits_in_words(statement.limits)}."
    )


def _book(named: str) -> Book:
    for book in accounts.books.BOOKS:
        if book == named:
            return book
    remedy = f"use one of {', '.join(accounts.books.BOOKS)}"
    raise OptionError("--from", named, "is not a paper account", remedy)


def _no_trades(symbol: str, book: str) -> str:
    if book == "outbox":
        return (
            f"{symbol} has no intents: they are written at stage auto only; "
            "`orbcast paper run --from plans` trades the recorded plans at any stage"
        )
    return f"{symbol} has no recorded plans that arm anything"
