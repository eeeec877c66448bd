"""`orbcast refresh`: for a trader's own script, once it has written new bars to the source."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, print_json, remark, say
from ml_core.errors import OperatorError, TransientError

if TYPE_CHECKING:
    from deployments.cli.progress import Bar
    from tasks.settings import Settings

LOCKED_SECONDS = 30.0
"""How long a locked source is tried again here; on the server the run's own retries do it."""


class NobodyListensError(OperatorError):
    """An event without a server that could take it."""

    home: str
    template = (
        "no Prefect server is up for {home}, so an event would start nothing; start it with "
        "`orbcast up`, or leave --event out to refresh here"
    )


def refresh(
    market: MarketOption = "mgc",
    full: Annotated[
        bool,
        typer.Option("--full", help="Read a database from its beginning, not the last month."),
    ] = False,
    event: Annotated[
        bool, typer.Option("--event", help="Only tell the server that bars arrived; do not wait.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the run on the server.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Bring the bars up to the market's standing source; what depends on them follows by itself.

    With `orbcast up` the run is made there, and shows in the UI; without, here.
    Exit status: 0 done, 2 mend the source, 3 mend the machine or the run, 5 locked or
    still running, try again later.

    Examples
    --------
    orbcast refresh

    orbcast refresh --market mgc --full --json

    orbcast refresh --event
    """
    from deployments.serving.prefect_session import prefect_session, server_of  # noqa: PLC0415 - --help
    from tasks.settings import api_url, current_settings  # noqa: PLC0415

    settings = current_settings()
    settings.market(market)
    server = api_url() or server_of(settings)
    if event and server is None:
        raise NobodyListensError(str(settings.home))
    result = None
    if server is not None:
        with progress("Refreshing on the server"), prefect_session(settings, level="WARNING"):
            result = _emit(market) if event else _on_server(market, full, wait)
    result = result or _here(market, full)
    result = {"market": market.lower(), **_lake(settings, market), **result}
    if as_json:
        print_json(result)
    else:
        say(result["verdict"])


def _on_server(market: str, full: bool, wait: float) -> dict[str, Any] | None:
    """Have the server make the run; None if it serves no such market."""
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415 - after the session

    from deployments.serving.served_run import run_served  # noqa: PLC0415

    try:
        run = run_served(f"refresh-data/{market.lower()}", {"full": full}, wait, remark)
    except ObjectNotFound:
        remark(f"the server does not serve {market} (ORBCAST_MARKETS); refreshing here")
        return None
    return {"ran": "on the server", "run": run.name, "verdict": run.verdict}


def _here(market: str, full: bool) -> dict[str, Any]:
    """Read the source in this process, which needs no Prefect; nobody listens to an event."""
    from tasks.data.ingest import read_source  # noqa: PLC0415
    from tasks.data.intake import verdict_of  # noqa: PLC0415
    from tasks.prediction.await_bars import pauses  # noqa: PLC0415 - after --help
    from tasks.settings import now  # noqa: PLC0415

    def read(bar: Bar) -> dict[str, Any]:
        def on_progress(name: str, done: int) -> None:
            bar.at(done, None, name)

        return read_source(market, None, now(), full=full, on_progress=on_progress)

    with progress("Reading bars") as bar:
        for pause in pauses(LOCKED_SECONDS):
            try:
                brought = read(bar)
                break
            except TransientError as error:
                remark(f"{error}; again in {pause:g} s")
                time.sleep(pause)
        else:
            brought = read(bar)
    return {"ran": "here", "run": None, **brought, "verdict": verdict_of(brought)}


def _emit(market: str) -> dict[str, Any]:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - after the session

    from tasks.notices.events import ARRIVED, resource_of  # noqa: PLC0415
    from tasks.settings import now  # noqa: PLC0415

    told = {
        "id": str(uuid.uuid4()),
        "occurred": now().isoformat(),
        "event": ARRIVED,
        "resource": {"prefect.resource.id": resource_of(market)},
        "payload": {"market": market.lower()},
    }
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[told])
    words = f"told the server that bars of {market} arrived; refresh-data starts by itself"
    return {"ran": "event", "run": None, "verdict": words}


def _lake(settings: Settings, market: str) -> dict[str, Any]:
    status = settings.lake().status(settings.market(market).symbol)
    return {"bars": status.bars, "last_bar": status.last.isoformat() if status.last else None}
