"""`orbcast breaker`: show the breaker's state, open it, close it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments import serving
from deployments.cli.terminal import AsJson, MarketOption, echo, print_json
from ml_core.json_values import json_values
from tasks import health

if TYPE_CHECKING:
    from ml_core.market_events import BreakerChange

app = typer.Typer(no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Reason; recorded permanently.")]
By = Annotated[str, typer.Option(help="Your name; the login name if left out.")]
BY_HAND = "by hand"


@app.callback()
def breaker() -> None:
    """Show a market's circuit breaker, open it, or close it.

    While it is not closed, predictions are still logged, but marked, and recommend nothing.
    """


@app.command()
def status(
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Print the breaker's state, since when and why.

    Example: orbcast breaker status --market mgc
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    breaker_state = health.breaker.breaker_of(settings, symbol, tasks.settings.now())
    if as_json:
        print_json({"market": symbol, **json_values(breaker_state)})
        return
    since = f" since {breaker_state.since:%Y-%m-%d %H:%M} UTC" if breaker_state.since else ""
    why = f": {breaker_state.cause}, {breaker_state.detail}" if breaker_state.cause else ""
    state = breaker_state.state.replace("_", " ")
    echo(f"{symbol}: {state}{since}{why}")
    if breaker_state.state == "open" and breaker_state.until is not None:
        echo(f"  tested from {breaker_state.until:%Y-%m-%d %H:%M} UTC on")


@app.command("open")
def open_breaker(
    reason: Reason, by: By = "", market: MarketOption = "mgc", as_json: AsJson = False
) -> None:
    """Open the breaker: nothing is recommended until it closes. An open breaker is left as it is.

    Example: orbcast breaker open --reason "news tonight" --by ana
    """
    _change(market, "open", reason, by, as_json=as_json)


@app.command()
def reset(
    reason: Reason, by: By = "", market: MarketOption = "mgc", as_json: AsJson = False
) -> None:
    """Close the breaker, whatever the cause of its opening.

    Example: orbcast breaker reset --reason "looked at it" --by ana
    """
    _change(market, "closed", reason, by, as_json=as_json)


def _change(market: str, state: BreakerChange, reason: str, by: str, *, as_json: bool) -> None:

    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    who = by or getpass.getuser()
    serving.prefect_server.session.name_running_server(settings)
    changed = health.breaker.change(
        settings, symbol, state, cause=BY_HAND, detail=reason, by=who, at=tasks.settings.now()
    )
    now = health.breaker.breaker_of(settings, symbol, tasks.settings.now())
    if as_json:
        print_json(
            {
                "market": symbol,
                **json_values(now),
                "by": who,
                "changed": changed,
            }
        )
        return
    if changed:
        echo(f"{symbol}: {state}, by {who}")
        return
    why = f" ({now.cause}, {now.detail})" if now.cause else ""
    echo(f"{symbol}: {state} already{why}; nothing was changed")
