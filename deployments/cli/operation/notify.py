"""`orbcast notify` and `orbcast notices`: channels for notices, and the notices sent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

import deployments
import monitoring
import registry
import tasks
from deployments import serving
from deployments.cli import completion
from deployments.cli.terminal import AsJson, echo, print_json, remark
from ml_core.errors import InputError, OperatorError

if TYPE_CHECKING:
    from tasks.notices.channels import Channel
    from tasks.settings import Settings

app = typer.Typer(no_args_is_help=True)


class NoSecretError(InputError):
    """The environment variable named for a channel's URL is not set."""

    variable: str
    template = "--url-env {variable}: the variable is not set; export it first"


class DeadChannelError(OperatorError):
    """Channels that did not accept a message."""

    faults: tuple[tuple[str, str], ...]
    template = "not delivered: {_lines:; }; correct the channel with `orbcast notify add`"

    @property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"{name}: {fault}" for name, fault in self.faults)


@contextlib.contextmanager
def home_prefect(settings: Settings) -> Iterator[None]:
    """Use the home's Prefect, the only place of the channels' secrets."""
    with serving.prefect_server.session.prefect_session(settings, level="CRITICAL"):
        yield


@app.callback()
def notify() -> None:
    """Choose the channels for notices of forecasts, breaks, results and faults.

    Channels are Prefect notification blocks: their secrets are in Prefect's store, encrypted, and
    can be changed in its UI. Notices are also kept without a channel: `orbcast notices`.
    """


@app.command(short_help="Add a channel, or replace one of the same name.")
def add(
    kind: Annotated[str, typer.Argument(help="slack, teams, email, webhook or apprise.")],
    name: Annotated[str, typer.Argument(help="Name for the channel, such as desk.")],
    url_env: Annotated[
        str | None, typer.Option(help="Environment variable with the URL; asked for if left out.")
    ] = None,
    least: Annotated[
        str, typer.Option(help="Least level that it receives: info, warning or trouble.")
    ] = "info",
    as_json: AsJson = False,
) -> None:
    """Add a channel, or replace one of the same name; its URL is never shown or logged.

    slack, teams: the incoming webhook's URL. webhook: a URL that takes {"subject", "body"} by
    POST. email: mailtos://user:password@smtp.example.com?to=you@example.com. apprise: the URL of
    one of the hundred services that Apprise supports: ntfy://topic, tgram://token/chat,
    discord://...

    Example: orbcast notify add slack desk --url-env SLACK_URL

    Example: orbcast notify add apprise phone --url-env NTFY_URL
    """
    if url_env is None:
        url = typer.prompt("URL (not shown)", hide_input=True)
    else:
        url = os.environ.get(url_env, "")
        if not url:
            raise NoSecretError(url_env)
    tasks.notices.channels.new_channel(
        name, kind, url, tasks.settings.now(), least
    )  # invalid values are reported before Prefect is used
    settings = tasks.settings.current_settings()
    with home_prefect(settings):
        channel = tasks.notices.channel_blocks.add_channel(
            settings.channels_file, name, kind, url, tasks.settings.now(), least
        )
        deployments.automations.ensure_automations(
            tasks.notices.channels.channels(settings.channels_file)
        )
    if as_json:
        print_json(channel)
        return
    echo(f"{channel.name} ({channel.kind}) added; try it: `orbcast notify test {name}`")


@app.command(short_help="Remove a channel.")
def remove(
    name: Annotated[str, typer.Argument(help="Name of the channel.")], as_json: AsJson = False
) -> None:
    """Remove a channel: nothing more is sent to it, and Prefect deletes its secret.

    Example: orbcast notify remove desk
    """
    settings = tasks.settings.current_settings()
    with home_prefect(settings):
        if not tasks.notices.channel_blocks.remove_channel(settings.channels_file, name):
            raise tasks.notices.channels.ChannelError(
                "name", name, "does not exist; `orbcast notify list` shows them"
            )
        deployments.automations.ensure_automations(
            tasks.notices.channels.channels(settings.channels_file)
        )
    if as_json:
        print_json({"removed": name})
        return
    echo(f"{name} removed")


@app.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List the channels, with the result of the last message to each.

    Example: orbcast notify list
    """
    settings = tasks.settings.current_settings()
    attempts = [
        (channel, registry.notices.last_attempt(settings.database(), channel.name))
        for channel in tasks.notices.channels.channels(settings.channels_file)
    ]
    if as_json:
        print_json([{**asdict(channel), "last_attempt": last} for channel, last in attempts])
        return
    for channel, last in attempts:
        state = "no notices yet"
        if last is not None:
            state = "delivered" if last.delivered else f"failed: {last.detail}"
            state = f"{last.at:%Y-%m-%d %H:%M} UTC {state}"
        kind = channel.kind if channel.least == "info" else f"{channel.kind}, {channel.least}"
        echo(f"{channel.name} ({kind}): {state}")
        for line in monitoring.channel_rules.rules_in_words(channel.rules):
            echo(f"    {line}")
    if not attempts:
        echo("no channel yet: `orbcast notify add slack NAME --url-env VARIABLE`")


@app.command("test")
def try_channels(
    name: Annotated[
        str | None, typer.Argument(help="Name of the channel; all if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a real message as a test. Exit status 3: a channel did not accept it.

    The message is the latest forecast that was sent, or a made-up one if there is none yet, with
    its picture if the channel accepts pictures.

    Example: orbcast notify test
    """
    settings = tasks.settings.current_settings()
    with home_prefect(settings):
        channels = [
            channel
            for channel in tasks.notices.channels.channels(settings.channels_file)
            if name in {None, channel.name}
        ]
        if not channels:
            raise tasks.notices.channels.ChannelError(
                "name", name or "", "does not exist; `orbcast notify list` shows them"
            )
        with tasks.messages.trial.trial_message(settings) as (message, picture):
            tried = [
                tasks.notices.delivery.send_test(channel, message, picture) for channel in channels
            ]
    if as_json:
        print_json(tried)
    else:
        for line in (message.subject, *message.body.splitlines(), ""):
            echo(line)
    for delivery in () if as_json else tried:
        if delivery.delivered:
            echo(f"{delivery.channel}: delivered")
    faults = tuple(
        (delivery.channel, delivery.detail) for delivery in tried if not delivery.delivered
    )
    if faults:
        raise DeadChannelError(faults)


@app.command(short_help="Send undelivered notices again now.")
def retry(as_json: AsJson = False) -> None:
    """Send undelivered notices again now; log-outcomes also retries them over time.

    Exit status 3: a channel still does not accept them.

    Example: orbcast notify retry
    """
    settings = tasks.settings.current_settings()
    with home_prefect(settings):
        delivered = tasks.notices.delivery.deliver(settings, at_once=True)
        failed = [
            (channel.name, registry.notices.failures_in_a_row(settings.database(), channel.name))
            for channel in tasks.notices.channels.channels(settings.channels_file)
        ]
    faults = tuple((name, deliveries[-1].detail) for name, deliveries in failed if deliveries)
    if as_json:
        failing = [{"channel": name, "detail": detail} for name, detail in faults]
        print_json({"delivered": delivered, "failing": failing})
    else:
        echo(f"{delivered} delivered")
    if faults:
        raise DeadChannelError(faults)


@app.command(short_help="Have Prefect notify of runs that crash or stop responding.")
def automations(as_json: AsJson = False) -> None:
    """Have Prefect itself report runs that crash, do not start or go silent.

    `notify add` and `orbcast up` do this automatically.

    Example: orbcast notify automations
    """
    settings = tasks.settings.current_settings()
    with home_prefect(settings):
        names = deployments.automations.ensure_automations(
            tasks.notices.channels.channels(settings.channels_file)
        )
    if as_json:
        print_json(names)
        return
    for name in names:
        echo(name)
    if not names:
        echo("none: no channel that Prefect itself can use (SMTP email is not one)")


def show_notices(
    market: Annotated[
        str | None,
        typer.Option(
            help="Name of a market file; all if left out.", autocompletion=completion.markets
        ),
    ] = None,
    last: Annotated[int, typer.Option(help="Number of notices.", min=1)] = 20,
    kind: Annotated[
        list[str] | None, typer.Option(help="Of this kind only, such as breaker; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the notices, and whether each channel accepted them.

    Example: orbcast notices --last 5

    Example: orbcast notices --kind forecast --kind break
    """
    kinds = [tasks.notices.channels.require_notice_kind(name) for name in kind] if kind else None
    settings = tasks.settings.current_settings()
    symbol = None if market is None else settings.market(market).symbol
    listed: tuple[Channel, ...] = ()
    try:
        listed = tasks.notices.channels.channels(settings.channels_file)
    except (
        tasks.notices.channels.ChannelError
    ) as error:  # the notices are shown even if no channel can be used
        remark(f"nothing is delivered: {error}")
    at = tasks.settings.now()
    notice_records = registry.notices.notices(
        settings.database(), market=symbol, kinds=kinds, last=last
    )
    if as_json:
        notices_json = [
            {
                "at": notice_record.notice.at.isoformat(),
                "kind": notice_record.notice.kind,
                "market": notice_record.notice.market,
                "subject": notice_record.notice.subject,
                "body": notice_record.notice.body,
                "delivered": sorted(
                    {
                        delivery.channel
                        for delivery in notice_record.deliveries
                        if delivery.delivered
                    }
                ),
                "not_delivered": list(
                    tasks.notices.channels.missing_from(notice_record, listed, at)
                ),
            }
            for notice_record in notice_records
        ]
        print_json(notices_json)
        return
    for notice_record in notice_records:
        missed = tasks.notices.channels.missing_from(notice_record, listed, at)
        state = f"  NOT DELIVERED to {', '.join(missed)}" if missed else ""
        head = (
            f"{notice_record.notice.at:%Y-%m-%d %H:%M} UTC  {notice_record.notice.subject}{state}"
        )
        echo(head)
        for line in notice_record.notice.body.splitlines():
            echo(f"    {line}")
    if not notice_records:
        echo("no notices yet")
