"""`orbcast notify on`, `off` and `quiet`: which notices a channel gets, and its quiet hours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

import deployments
import tasks
from deployments.cli import completion
from deployments.cli.operation.notify import app, home_prefect
from deployments.cli.terminal import AsJson, echo, print_json
from ml_core.errors import InputError
from monitoring.channel_rules import Switch, rules_in_words, with_switch

if TYPE_CHECKING:
    from tasks.notices.channels import Channel
    from tasks.settings import Settings

_ALL = "all"
_BY_PREFECT = "run"
"""The kind of notice that Prefect also sends by itself."""

ChannelName = Annotated[str, typer.Argument(help="Name of the channel.")]
Kinds = Annotated[
    list[str], typer.Argument(help="Kinds: forecast, break, settled, day, breaker ...; or all.")
]
OfMarket = Annotated[
    str | None,
    typer.Option(
        help="Name of a market file; every market if left out.", autocompletion=completion.markets
    ),
]
KindOption = list[str] | None


class QuietHoursError(InputError):
    """Incomplete quiet hours."""

    fault: str
    template = "{fault}; such as: orbcast notify quiet desk 22:00 07:00 --zone Australia/Brisbane"


@app.command("off", short_help="Switch these kinds off for a channel.")
def switch_off(
    name: ChannelName, kinds: Kinds, market: OfMarket = None, as_json: AsJson = False
) -> None:
    """Switch some kinds of notices off for a channel, for one market or for all.

    Earlier notices stay in `orbcast notices`. Of `on` and `off`, the later command counts.

    Example: orbcast notify off desk break settled

    Example: orbcast notify off desk all --market nq
    """
    _switch(name, kinds, market, on=False, as_json=as_json)


@app.command("on", short_help="Switch these kinds on again for a channel.")
def switch_on(
    name: ChannelName, kinds: Kinds, market: OfMarket = None, as_json: AsJson = False
) -> None:
    """Switch some kinds of notices on again for a channel, from now on.

    Example: orbcast notify on desk forecast --market nq
    """
    _switch(name, kinds, market, on=True, as_json=as_json)


@app.command(short_help="Set a channel's quiet hours.")
def quiet(
    name: ChannelName,
    begin: Annotated[str | None, typer.Argument(help="Local time, such as 22:00.")] = None,
    end: Annotated[str | None, typer.Argument(help="Local time, such as 07:00.")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the times.")] = None,
    hold: Annotated[KindOption, typer.Option(help="Kind that is sent when they end.")] = None,
    leave_out: Annotated[KindOption, typer.Option(help="Kind that is never sent.")] = None,
    at_once: Annotated[
        KindOption, typer.Option(help="Kind that is sent in spite of them.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Remove the quiet hours.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set a channel's quiet hours.

    During these hours forecasts and breaks are dropped, and all other notices are sent when they
    end. The options change this for one kind each, and may be repeated.

    Example: orbcast notify quiet desk 22:00 07:00 --zone Australia/Brisbane --at-once breaker

    Example: orbcast notify quiet desk --none
    """
    settings = tasks.settings.current_settings()
    if none:
        _change(settings, replace(_channel(settings, name), quiet=None), as_json=as_json)
        return
    if begin is None or end is None or zone is None:
        raise QuietHoursError("name both times and --zone, or --none")
    policies = {
        kind: policy
        for policy, listed in (("held", hold), ("left out", leave_out), ("at once", at_once))
        for kind in listed or ()
    }
    hours = tasks.notices.channels.quiet_hours(begin, end, zone, policies)
    _change(settings, replace(_channel(settings, name), quiet=hours), as_json=as_json)


def _switch(name: str, kinds: list[str], market: str | None, *, on: bool, as_json: bool) -> None:
    settings = tasks.settings.current_settings()
    symbol = None if market is None else settings.market(market).symbol
    channel, at = _channel(settings, name), tasks.settings.now()
    switches = channel.switches
    for kind in kinds:
        named = None if kind == _ALL else tasks.notices.channels.require_notice_kind(kind)
        switches = with_switch(switches, Switch(on=on, at=at, kind=named, market=symbol))
    _change(settings, replace(channel, switches=switches), as_json=as_json)
    if symbol is None and {_ALL, _BY_PREFECT} & set(kinds):
        with home_prefect(settings):
            listed = tasks.notices.channels.channels(settings.channels_file)
            deployments.automations.ensure_automations(listed)


def _channel(settings: Settings, name: str) -> Channel:
    return tasks.notices.channels.find_channel(settings.channels_file, name)


def _change(settings: Settings, changed: Channel, *, as_json: bool) -> None:
    listed = tasks.notices.channels.channels(settings.channels_file)
    tasks.notices.channels.write_channels(
        settings.channels_file,
        [changed if channel.name == changed.name else channel for channel in listed],
    )
    if as_json:
        print_json(changed)
        return
    lines = rules_in_words(changed.rules)
    echo(f"{changed.name}: {lines[0] if lines else 'everything, at any time'}")
    for line in lines[1:]:
        echo(f"    {line}")
