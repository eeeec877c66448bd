"""`orbcast market costs`: correct the assumed costs in a market's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ml_core
import tasks
from deployments.cli.data import market_facts
from deployments.cli.data.market import MarketArgument, app
from deployments.cli.terminal import AsJson, echo, print_json
from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.toml_file import open_toml, set_values, table_to_change

if TYPE_CHECKING:
    from ml_core.market.market import Market

__all__ = ["app"]


class NoCostError(InputError):
    """A correction of costs that names no cost."""

    name: str
    template = (
        "no cost of {name} was given; give --slippage (ticks, one side) or --commission "
        "(money a contract, one side)"
    )


@app.command(short_help="Correct the costs that a market's file assumes.")
def costs(
    name: MarketArgument,
    slippage: Annotated[float | None, typer.Option(help="Ticks, one side.", min=0)] = None,
    commission: Annotated[
        float | None, typer.Option(help="Money a contract, one side.", min=0)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Correct the costs that a market's file assumes; comments and everything else in it stay.

    The file of a shipped market is not changed; it is copied into the home, and the copy takes its
    place. A model trained with other costs does not predict until it is trained again.
    `orbcast fills report` prints this command if your own trades cost something else.

    Example: orbcast market costs mgc --slippage 1.4 --commission 1.30
    """
    if slippage is None and commission is None:
        raise NoCostError(name)
    settings = tasks.settings.current_settings()
    before = settings.market(name)
    source = settings.market_file(name)
    path = settings.own_markets_dir / source.name
    market = _write_costs(source, path, slippage, commission)
    changed = market_facts.trained_on_another(settings, market)
    figures: dict[str, Any] = {
        "market": market.symbol,
        "file": path,
        "slippage_ticks_per_side": market.instrument.slippage_ticks_per_side,
        "commission_per_side": market.instrument.commission_per_side,
        "round_trip_cost_ticks": market.instrument.round_trip_cost_ticks,
        "before_ticks": before.instrument.round_trip_cost_ticks,
        "changed": changed,
    }
    if as_json:
        print_json(figures)
        return
    echo(
        f"{path}: a round trip of {market.symbol} costs "
        f"{market.instrument.round_trip_cost_ticks:.2f} ticks, "
        f"{before.instrument.round_trip_cost_ticks:.2f} before"
    )
    if changed:
        echo(f"{changed}; until then it does not predict")


def _write_costs(
    source: Path, path: Path, slippage: float | None, commission: float | None
) -> Market:
    """Write the file with the new costs after checking that it loads; return the market."""
    document = open_toml(source)
    instrument = table_to_change(document, "instrument")
    given = {"slippage_ticks_per_side": slippage, "commission_per_side": commission}
    new = {name: value for name, value in given.items() if value is not None}
    set_values(instrument, {**instrument, **new})
    with written_atomically(path) as temporary:
        temporary.write_text(document.as_string(), encoding="utf-8")
        market: Market = ml_core.market.market.load_market(temporary)
    return market
