"""`orbcast market`: list markets, write a new one, check a market file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import deployments
import ml_core
import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.data import market_facts
from deployments.cli.terminal import AsJson, echo, print_json, remark, show_table
from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.json_values import field_values
from ml_core.on_demand import library

if TYPE_CHECKING:
    from ml_core.market.market import Market
    from tasks.settings import Settings

market_calendars = library("pandas_market_calendars")

app = typer.Typer(no_args_is_help=True)

MarketArgument = Annotated[
    str, typer.Argument(help="Name of a market file.", autocompletion=completion.markets)
]


class MarketExistsError(InputError):
    """A market that already has its own file in the home."""

    path: str
    template = "{path} exists already; edit it, or give --replace"


class SymbolInUseError(InputError):
    """A symbol that belongs to another market."""

    symbol: str
    market: str
    template = (
        "the bars of market {market} are called {symbol}, and two markets may not share one "
        "symbol; give another --symbol"
    )


class NeverFormsError(InputError):
    """An opening range during which the exchange is never open throughout."""

    name: str
    calendar: str
    template = (
        "opening range {name} never forms: {calendar} is not open from its start to its end on "
        "any of the next trading days; choose another start"
    )


class NoCalendarError(InputError):
    """A text that no exchange calendar's name contains."""

    part: str
    template = "no exchange calendar has {part!r} in its name; leave it out to list them all"


class CostsError(InputError):
    """Costs that were not given, without a terminal to ask for them."""

    template = (
        "the costs of a trade are not known: give --commission (money a contract, one side) and "
        "--slippage (ticks, one side)"
    )


@app.callback()
def market() -> None:
    """Show the markets, and write the file of a new one."""


@app.command("list", short_help="List the markets, and the instruments for new ones.")
def list_markets(as_json: AsJson = False) -> None:
    """List the markets, and the instruments for which a new one can be made.

    Example: orbcast market list
    """
    config = tasks.settings.current_settings()
    markets = {name: config.market(name) for name in config.market_names()}
    if as_json:
        listed = [
            market_facts.ListedMarket(market_facts.summary(market), name, config.market_file(name))
            for name, market in markets.items()
        ]
        print_json(
            {"markets": listed, "instruments": list(deployments.new_market.specifications())}
        )
        return
    table = cli.drawing.ruled_table("market", "instrument", "clock", "opening ranges")
    for name, market in markets.items():
        ranges = ", ".join(spec.name for spec in market.ranges)
        table.add_row(name, market.name, market.zone, ranges)
    show_table(table)
    specified = ", ".join(deployments.new_market.specifications())
    echo(f"New ones for: {specified} (`orbcast market new es`)")


@app.command(short_help="Check a market's file; show its next trading days.")
def check(name: MarketArgument, as_json: AsJson = False) -> None:
    """Read a market's file and show its ranges on the next trading days.

    Example: orbcast market check mgc
    """
    config = tasks.settings.current_settings()
    market = config.market(name)
    days, meaning = (
        market_facts.next_days(market),
        ml_core.market.definition.MarketDefinition.of(market).hash,
    )
    changed, own_days = (
        market_facts.trained_on_another(config, market),
        market_facts.own_days(market),
    )
    if as_json:
        details = {
            "definition": meaning,
            "changed": changed,
            "calendar_days": own_days,
            "days": days,
        }
        beside = {"file": config.market_file(name), **details}
        print_json(field_values(market_facts.summary(market)) | beside)
        return
    instrument = market.instrument
    echo(f"{market.symbol}, {market.name}: {config.market_file(name)} can be used")
    echo(f"  tick        {instrument.tick_size} = {instrument.tick_value:g} {instrument.currency}")
    echo(
        f"  costs       {instrument.round_trip_cost:.2f} {instrument.currency} a contract and "
        f"round trip, {instrument.round_trip_cost_ticks:.2f} ticks"
    )
    echo(f"  exchange    {market.calendar}")
    for own in own_days:
        calendar = own.by_calendar or "closed"
        words = own.fault or f"{own.by_file or 'closed'} (by the calendar {calendar})"
        echo(f"  {own.day}  {words}")
    echo(f"  definition  {meaning[:12]}, of all settings that decide labels and features")
    if changed:
        echo(f"  changed     {changed}; until then it does not predict")
    for day in days:
        ranges = [f"{spec.range} {spec.start}-{spec.close}" for spec in day.ranges]
        echo(f"  {day.trading_day}  {', '.join(ranges) or 'no range'} ({market.zone})")


@app.command(short_help="The exchange calendars that a market file can name.")
def calendars(
    part: Annotated[str, typer.Argument(help="Part of a name, such as CME.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the exchange calendars that a market file can name.

    Example: orbcast market calendars nymex
    """
    names = sorted(market_calendars.get_calendar_names(), key=str.lower)
    names = [name for name in names if part.lower() in name.lower()]
    if not names:
        raise NoCalendarError(part)
    if as_json:
        print_json(names)
        return
    for name in names:
        echo(name)


@app.command(short_help="Write the file of a market into the home.")
def new(
    name: Annotated[str, typer.Argument(help="Name of the market, such as es.")],
    like: Annotated[
        str | None,
        typer.Option(
            help="Instrument that it is, or is like, if not its name: ES, MGC, STOCK ..."
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Symbol of its bars; the name if left out.")
    ] = None,
    commission: Annotated[
        float | None, typer.Option(help="Commission, money a contract, one side.", min=0)
    ] = None,
    slippage: Annotated[
        float | None, typer.Option(help="Assumed slippage, ticks, one side.", min=0)
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Time zone of the opening ranges, such as Europe/London.")
    ] = None,
    opening_range: Annotated[
        list[str] | None,
        typer.Option("--range", help="Opening range, start/minutes: 09:30/5; may be repeated."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite the market's own file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a market file into the home, from the known specification of the instrument.

    At a terminal, missing options are asked for. Otherwise the costs are required, and zone and
    opening range default to the instrument's usual ones.

    Examples: orbcast market new es --commission 2.10 --slippage 1

    orbcast market new mes --commission 0.62 --slippage 1 --range 09:30/5 --range 09:30/15

    orbcast market new aapl --like STOCK --commission 0 --slippage 1
    """
    config = tasks.settings.current_settings()
    spec = deployments.new_market.specification(like or name)
    path = config.own_markets_dir / f"{_market_name(name)}.toml"
    if path.exists() and not replace:
        raise MarketExistsError(str(path))
    bars_are_called = symbol or _market_name(name).upper()
    _require_own_symbol(config, bars_are_called, path.stem)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    if asks:
        remark(f"{spec.name}: tick {spec.tick} = {spec.value:g} {spec.currency}")
    if commission is None or slippage is None:
        if not asks:
            raise CostsError
        commission = _ask("Commission, money a contract, one side", 0.0, commission)
        slippage = _ask("Slippage, ticks, one side", 1.0, slippage)
    zone = zone or (typer.prompt("Time zone of the ranges", spec.zone) if asks else spec.zone)
    texts = opening_range or [
        typer.prompt("Opening range, start/minutes", f"{spec.first_range}/5")
        if asks
        else spec.first_range
    ]
    text = deployments.new_market.market_file(
        spec,
        bars_are_called,
        zone=_require_zone(zone),
        ranges=[deployments.new_market.RangeChoice.of(choice) for choice in texts],
        commission=commission,
        slippage_ticks=slippage,
    )
    market = _write_market(path, text)
    if as_json:
        print_json(market_facts.ListedMarket(market_facts.summary(market), path.stem, path))
        return
    echo(f"{path} is written: {market.name}, {', '.join(range_.name for range_ in market.ranges)}")
    echo(f"Next: orbcast market check {path.stem}, then orbcast ingest --market {path.stem} ...")


def _require_own_symbol(config: Settings, symbol: str, name: str) -> None:
    """Refuse a symbol of another market; market files that cannot be read are ignored.

    Raises
    ------
    SymbolInUseError
        The symbol belongs to another market.
    """
    for other in config.market_names():
        try:
            market = config.market(other)
        except ml_core.market.market.MarketFileError:
            continue
        if other != name and market.symbol == symbol:
            raise SymbolInUseError(symbol, other)


def _write_market(path: Path, text: str) -> Market:
    """Write a market's file after checking that it loads and its ranges can form; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        market = ml_core.market.market.load_market(temporary)
        formed = {spec.range for day in market_facts.next_days(market) for spec in day.ranges}
        for spec in market.ranges:
            if spec.name not in formed:
                raise NeverFormsError(spec.name, market.calendar)
    return market


def _ask(question: str, usual: float, given: float | None) -> float:
    return given if given is not None else float(typer.prompt(question, usual, type=float))


def _market_name(name: str) -> str:
    """Return the name in lower case.

    Raises
    ------
    MarketNameError
        It is not a valid name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_\-]{1,24}", name):
        raise MarketNameError(name)
    return name.lower()


class MarketNameError(InputError):
    """An invalid name of a market."""

    name: str
    template = "{name!r} is not a valid market name; use letters, digits, _ and -, 24 at most"


class ZoneNameError(InputError):
    """A name that is not a time zone."""

    zone: str
    template = "no zone named {zone!r}; use an IANA name such as America/New_York"


def _require_zone(zone: str) -> str:
    if not ml_core.market.market.is_zone(zone):
        raise ZoneNameError(zone)
    return zone
