"""`orbcast refresh`: for a trader's own script, after it has written new bars to the source."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments import serving
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, echo, print_json, remark
from ml_core.errors import OperatorError, TransientError
from ml_core.json_values import INLINE, json_values
from tasks import data, notices, prediction

if TYPE_CHECKING:
    from deployments.cli.progress import Bar
    from tasks.data.intake import RefreshResult

LOCKED_SECONDS = 30.0
"""How long a locked source is retried in this process; on the server, the run's retries do it."""


class NobodyListensError(OperatorError):
    """An event without a server that could receive it."""

    home: str
    template = (
        "no Prefect server is up for {home}, so an event would start no run; start it with "
        "`orbcast up`, or leave --event out to refresh here"
    )


def refresh(
    market: MarketOption = "mgc",
    full: Annotated[
        bool,
        typer.Option("--full", help="Read a database from its beginning, not the last month."),
    ] = False,
    event: Annotated[
        bool,
        typer.Option("--event", help="Only send the server the event of new bars; do not wait."),
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the run on the server.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Import new bars from the market's standing source; dependent flows follow by themselves.

    If `orbcast up` runs, the run is made there and shows in the UI; otherwise it is made here.
    Exit status: 0 done, 2 correct the source, 3 repair the machine or the run, 5 locked or
    still running, try again later.

    Examples: orbcast refresh

    orbcast refresh --market mgc --full --json

    orbcast refresh --event
    """
    settings = tasks.settings.current_settings()
    settings.market(market)
    server = tasks.settings.api_url() or serving.prefect_server.session.server_of(settings)
    if event and server is None:
        raise NobodyListensError(str(settings.home))
    result = None
    if server is not None:
        with (
            progress("Refreshing on the server"),
            serving.prefect_server.session.prefect_session(settings, level="WARNING"),
        ):
            result = _emit(market) if event else _on_server(market, full, wait)
    result = result or _here(market, full)
    if as_json:
        lake = settings.lake().status(settings.market(market).symbol)
        bars = {"market": market.lower(), "bars": lake.bars, "last_bar": lake.last}
        print_json({**bars, **json_values(result)})
    else:
        echo(result.verdict or f"the run {result.run} has ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """Where a refresh was made, by which run of the server, and its result."""

    ran: str
    run: str | None = None
    verdict: str | None
    brought: RefreshResult | None = field(default=None, metadata=INLINE)


def _on_server(market: str, full: bool, wait: float) -> Refreshed | None:
    """Have the server make the run; None if it does not serve the market."""
    try:
        run = serving.prefect_server.served_run.run_served(
            f"refresh-data/{market.lower()}", {"full": full}, wait, remark
        )
    except tasks.prefect_api.ObjectNotFound:
        remark(f"the server does not serve {market} (ORBCAST_MARKETS); refreshing here")
        return None
    return Refreshed(ran="on the server", run=run.name, verdict=run.verdict)


def _here(market: str, full: bool) -> Refreshed:
    """Read the source in this process, without Prefect and so without an event."""

    def read(bar: Bar) -> RefreshResult:
        def on_progress(name: str, done: int) -> None:
            bar.at(done, None, name)

        return data.ingest.read_source(
            market, None, tasks.settings.now(), full=full, on_progress=on_progress
        )

    with progress("Reading bars") as bar:
        for pause in prediction.await_bars.pauses(LOCKED_SECONDS):
            try:
                brought = read(bar)
                break
            except TransientError as error:
                remark(f"{error}; again in {pause:g} s")
                time.sleep(pause)
        else:
            brought = read(bar)
    return Refreshed(ran="here", verdict=brought.verdict, brought=brought)


def _emit(market: str) -> Refreshed:
    """Send the server the event that new bars have arrived."""
    event = {
        "id": str(uuid.uuid4()),
        "occurred": tasks.settings.now().isoformat(),
        "event": notices.events.ARRIVED,
        "resource": {"prefect.resource.id": notices.events.resource_of(market)},
        "payload": {"market": market.lower()},
    }
    with tasks.prefect_api.get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event])
    words = f"sent the server the event of new bars of {market}; refresh-data starts by itself"
    return Refreshed(ran="event", verdict=words)
