"""`orbcast strategy`: the rules, their results in history, and what the model adds."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ml_core
import registry
import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.progress import progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    days_of,
    echo,
    parse_time,
    print_fields,
    print_json,
    show_table,
)
from deployments.cli.trading import backtest_output
from ml_core.json_values import json_values
from monitoring import pages
from monitoring.pages.formatting import signed_or_dash
from tasks import prediction

if TYPE_CHECKING:
    from ml_core.backtest.value_added import TradeStatistics
    from ml_core.strategy.trades import PlanResultLine
    from tasks.settings import Settings

app = typer.Typer(no_args_is_help=True)

_WEEK = timedelta(days=7)  # the exchange is open on some day of it

Name = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        help="Name of a strategy file; ORBCAST_STRATEGY if left out.",
        autocompletion=completion.strategies,
    ),
]


@app.callback()
def strategy() -> None:
    """Show the rules, backtest them on history, and measure what the model adds to them.

    Your own rules go to <home>/strategies/NAME.toml; `orbcast strategy show` prints the fields.
    """


@app.command(short_help="Show the current rules, and the account whose limits apply.")
def show(market: MarketOption = "mgc", name: Name = None, as_json: AsJson = False) -> None:
    """Show the rules in force, every field with its value, and the market's account.

    Example: orbcast strategy show --strategy orb-default
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    rules = settings.rules(symbol, name)
    values = {**rules.model_dump(mode="json"), "hash": rules.hash}
    values["account"] = settings.account_of(symbol)
    values["followed_beside"] = [] if name else list(settings.followed(symbol)[1:])
    values["trade"] = rules.trade_rule.model_dump(mode="json")
    print_fields(values, as_json=as_json)


@app.command(short_help="Check a strategy file.")
def check(
    file: Annotated[Path, typer.Argument(help="A strategy file (TOML).")],
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Print whether a strategy file can be used on a market, or what is wrong with it.

    Example: orbcast strategy check var/strategies/mine.toml
    """
    definition = tasks.settings.current_settings().market(market)
    rules = ml_core.strategy.rules.load_rules(file)
    named = () if rules.allowed_ranges == "all" else rules.allowed_ranges
    for name in (*named, *rules.ranges):
        definition.range_index(name)  # refuses a range that the market does not have
    today = tasks.settings.now().date()
    schedule = ml_core.market.schedule.build_schedule(definition, today - _WEEK, today)
    never = ml_core.strategy.setups.never_entered(definition, schedule, rules)
    if never:
        remedy = f"{', '.join(never)} would close after it and never be entered; give a later time"
        clock = repr(rules.for_range(never[0]).trade_rule.last_entry)
        raise ml_core.strategy.rules.StrategyFileError(str(file), (("last_entry", clock, remedy),))
    if as_json:
        values = {"file": file, "market": definition.symbol, "usable": True}
        print_json({**values, "name": rules.name, "hash": rules.hash})
        return
    echo(f"{file} can be used on {definition.symbol}: {rules.name}, {rules.hash[:12]}")


@app.command(short_help="Backtest the rules without the model, with costs.")
def backtest(
    market: MarketOption = "mgc",
    name: Name = None,
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a tear sheet, trades, orders and days.")
    ] = None,
    balance: Annotated[
        float, typer.Option(min=1, help="Starting money, for the returns of days.")
    ] = 10_000.0,
    as_json: AsJson = False,
) -> None:
    """Backtest the rules alone on the lake's history, costs included.

    The result is compared with that of a driftless price: the same rules and code on the same
    bars, each mirrored or not by a coin toss. Rules tried until they look good are no evidence, so
    each distinct backtest counts as one of the market's trials, and the interval corrected for all
    of them is printed too. `orbcast study setups` tries thousands and corrects for all.

    --out writes tear-sheet.html, a page of figures and pictures, to a folder, and for other
    programs trades.csv, orders.csv (as Portfolio.from_orders of vectorbt takes them) and days.csv.

    If the market has an account (ORBCAST_ACCOUNT), the result in it is printed in money, each
    trade with the contracts that the limits allow.

    Example: orbcast strategy backtest --from 2024-01-01

    Example: orbcast strategy backtest --strategy first-candle --json

    Example: orbcast strategy backtest --out backtest --balance 25000
    """
    settings = tasks.settings.current_settings()
    rules = settings.rules(settings.market(market).symbol, name)
    period = days_of(first, last)
    words = "Backtesting the rules, then driftless prices"
    with progress(words, 1.0) as bar:
        result = prediction.outcomes.value_added.backtest_rules(
            settings,
            market,
            rules,
            first=period[0],
            last=period[1],
            at=tasks.settings.now(),
            on_walk=lambda done, walks: bar.share(done / walks, words),
        )
    definition = settings.market(market)
    files = (
        [] if out is None else backtest_output.write_files(definition, rules, result, out, balance)
    )
    account = prediction.account_now.account_after(
        settings, definition, result.taken, tasks.settings.now()
    )
    if as_json:
        more = {"files": files, "account": json_values(account)}
        print_json({**json_values(result), **{key: value for key, value in more.items() if value}})
        return
    worth = result.whole.statistics
    echo(f"{definition.symbol}, {rules.name}: {worth.words}")
    for year, year_worth in result.years.items():
        echo(f"  {year}: {_short(year_worth)}")
    if result.refused:
        echo(
            "  refused: " + ", ".join(f"{why} {count:,}" for why, count in result.refused.items())
        )
    if worth.trades:
        show_table(backtest_output.by_range(result))
    if beside := pages.tear_sheet.beside_driftless_words(result):
        echo(beside)
    echo(f"{worth.verdict[0].upper()}{worth.verdict[1:]}.")
    if account is not None:
        echo(backtest_output.in_account(account))
    for file in files:
        echo(f"  {file}")


@app.command(short_help="List each trade of some days, of several strategies side by side.")
def trades(
    market: MarketOption = "mgc",
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            help="Name of a strategy file, may be repeated; the market's if left out.",
            autocompletion=completion.strategies,
        ),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the rules' trade of each opening range: entry, exit, net R, or what refused it.

    Without days, the last five with bars. Each strategy counts as a look at these days, as its
    backtest does.

    Example: orbcast strategy trades --strategy first-candle --strategy six-ranges
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    chosen = dict.fromkeys(names or [settings.strategy_of(definition.symbol)])
    rules = [settings.rules(definition.symbol, name) for name in chosen]
    period = days_of(first, last)
    with progress("Backtesting the rules"):
        slots = prediction.outcomes.value_added.trades_beside(
            settings, market, rules, first=period[0], last=period[1], at=tasks.settings.now()
        )
    headings = ("day", "range", *(f"{one.name}, net R" for one in rules))
    table = cli.drawing.borderless_table(*headings, gap=2)
    rows = []
    for taken in slots:
        slot = taken[0].slot
        made = [trade.line(definition.instrument) for trade in taken]
        day, opening_range = str(slot.trading_day), slot.opening_range
        by_name = {one.name: trade for one, trade in zip(rules, made, strict=True)}
        rows.append({"trading_day": day, "opening_range": opening_range, "trades": by_name})
        table.add_row(day, opening_range, *map(_trade_words, made))
    if as_json:
        print_json(rows)
        return
    show_table(table)


@app.command("worth", short_help="Results of recorded decisions, with the model and without.")
def show_worth(
    market: MarketOption = "mgc",
    name: Name = None,
    replay: Annotated[bool, typer.Option("--replay", help="Use replayed predictions.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the results of recorded decisions with and without the model, and the difference.

    With the model means at its sizes, as in hybrid, whatever the stage was. The difference is
    split: what a smaller or larger size alone would have changed is not credited to the model.

    Example: orbcast strategy worth --market mgc
    """
    settings = tasks.settings.current_settings()
    rules = settings.rules(settings.market(market).symbol, name)
    with progress("Replaying recorded decisions"):
        scaled, bare = prediction.outcomes.value_added.followed_days(
            settings, market, rules, "replay" if replay else "live", tasks.settings.now()
        )
    added, opinions = (
        ml_core.backtest.value_added.added(scaled, bare),
        ml_core.backtest.value_added.by_opinion(scaled, bare),
    )
    if as_json:
        comparison = {
            "without_model": ml_core.backtest.value_added.trade_statistics(bare),
            "with_model": ml_core.backtest.value_added.trade_statistics(scaled),
            "added": added,
            "by_opinion": opinions,
        }
        print_json(comparison)
        return
    if not bare:
        echo(f"no decisions by {rules.name} yet: they are made with each prediction")
        return
    echo(f"without the model: {ml_core.backtest.value_added.trade_statistics(bare).words}")
    echo(f"with its sizes:    {ml_core.backtest.value_added.trade_statistics(scaled).words}")
    for opinion, one in opinions.items():
        echo(f"  {opinion}: {_short(one)}")
    echo(f"{added.words[0].upper()}{added.words[1:]}.")


@app.command(short_help="List the outbox: orders that your system may place.")
def intents(
    market: MarketOption = "mgc",
    since: Annotated[str | None, typer.Option(help="Only those since, 2025-06-30T09:00.")] = None,
    events: Annotated[
        bool, typer.Option("--events", help="The events of intents: issued, withdrawn ...")
    ] = False,
    after: Annotated[
        int, typer.Option(min=0, help="With --events: only those after this number.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """List the outbox: orders that your own system may place until they expire.

    Orbcast places no order. Intents are written only at stage auto. Each shows whether it is still
    in force: it is not once it has expired, the breaker has opened or the market has stepped down.
    --events lists their numbered events, for a system that remembers the last number it took
    (docs/hand-off.md).

    Example: orbcast strategy intents --since 2025-06-30 --json

    Example: orbcast strategy intents --events --after 0 --json
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market)
    begin = prediction.slots.in_zone(parse_time(since, "--since"), definition) if since else None
    if events:
        _print_events(settings, definition.symbol, begin, after, as_json=as_json)
        return
    rows = prediction.outbox.outbox(settings, definition.symbol, tasks.settings.now(), begin)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        sides = ", ".join(map(_entry_words, row.order["entries"]))
        held = "in force" if row.in_force else f"not in force, {row.why_not}"
        until = row.expires_at.isoformat()
        echo(f"{row.slot} {row.order['contract']}: {sides}; until {until}; {held}")
    if not rows:
        echo(f"{definition.symbol} has no intents: they are written at stage auto only")


def _print_events(
    settings: Settings, symbol: str, since: datetime | None, after: int, *, as_json: bool
) -> None:
    events = registry.strategy.intent_events(settings.database(), symbol, after=after, since=since)
    if as_json:
        print_json(events)
        return
    for event in events:
        slot = f"{symbol}:{event.trading_day}:{event.opening_range}"
        why = f", {event.reason}" if event.reason else ""
        until = event.in_force_until.isoformat()
        echo(f"{event.id} {event.at.isoformat()} {slot} {event.event}{why}; until {until}")
    if not events:
        echo(f"{symbol} has no events of intents: they are written at stage auto only")


def _trade_words(line: PlanResultLine) -> str:
    if (trade := line.trade) is None:
        return ", ".join(line.refused_by) or "no entry"
    out = "open" if trade.exit is None else f"{trade.reason.replace('_', ' ')} {trade.exit}"
    return f"{line.side} {trade.entry}, {out}, {signed_or_dash(trade.r_net)}"


def _entry_words(entry: dict[str, Any]) -> str:
    at = entry.get("stop")
    stop = f"{entry['stop_from_entry_ticks']} ticks from the entry" if at is None else at
    return f"{entry['side']} {entry['size']:g} beyond {entry['level']}, stop {stop}"


def _short(worth: TradeStatistics) -> str:
    if not worth.trades:
        return worth.words
    mean = worth.per_trade
    return (
        f"{worth.trades:,} trades, {worth.total_r:+.1f} R net, {mean.estimate:+.3f} a trade "
        f"({mean.low:+.3f} to {mean.high:+.3f})"
    )
