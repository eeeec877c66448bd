"""`orbcast status` and `orbcast down`: how everything stands, and stopping it."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.terminal import out
from ml_core.errors import OperatorError

if TYPE_CHECKING:
    from datetime import datetime

    from tasks.settings import Settings

STOPPED_WITHIN_SECONDS = 15.0


class StillUpError(OperatorError):
    """A supervisor that does not stop."""

    def __init__(self, pid: int, seconds: float) -> None:
        super().__init__(pid, seconds)
        self.pid, self.seconds = pid, seconds

    def __str__(self) -> str:
        return (
            f"process {self.pid} has not stopped within {self.seconds:g} s; look at its logs, or "
            f"end it with kill -9 {self.pid}"
        )


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say in a few lines how the server and each market stand.

    Example: orbcast --home var/demo status
    """
    from deployments.prefect_session import answers, server_of  # noqa: PLC0415 - after --help
    from tasks.settings import api_url, now, settings  # noqa: PLC0415

    where = settings()
    named = api_url()
    server = named if named and answers(named) else None if named else server_of(where)
    markets = [_market(where, name, now()) for name in where.markets]
    if as_json:
        out().print_json(json.dumps({"server": server, "markets": markets}))
        return
    console = out()
    console.print(f"server: {server or _not_up(named)}", soft_wrap=True, markup=False)
    for each in markets:
        console.print(f"{each.pop('market')}:", markup=False)
        for name, words in each.items():
            line = f"  {name.replace('_', ' ')}: {words or '-'}"
            console.print(line, soft_wrap=True, markup=False)


def _not_up(named: str | None) -> str:
    if named:
        return f"{named} does not answer; start it, or unset PREFECT_API_URL to use Orbcast's own"
    return "not up (`orbcast up`)"


def down() -> None:
    """Stop what `orbcast up` of this home started; schedules go on at the next start."""
    from deployments.prefect_session import SERVER_FILE  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415

    path = settings().prefect_dir / SERVER_FILE
    try:
        pid = int(json.loads(path.read_text("utf-8"))["pid"])
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        out().print("nothing is up")
        return
    deadline = time.monotonic() + STOPPED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if not path.exists() or not _alive(pid):
            out().print("stopped")
            return
        time.sleep(0.2)
    raise StillUpError(pid, STOPPED_WITHIN_SECONDS)


def _alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _market(where: Settings, name: str, at: datetime) -> dict[str, Any]:
    from registry.drift import latest_drift  # noqa: PLC0415 - after --help
    from registry.parity import latest_parity  # noqa: PLC0415
    from tasks.breaker import breaker_of  # noqa: PLC0415
    from tasks.rollout import stage_of  # noqa: PLC0415

    symbol = where.market(name).symbol
    lake, database = where.lake().status(symbol), where.database()
    breaker = breaker_of(where, symbol, at)
    drift, parity = latest_drift(database, symbol), latest_parity(database, symbol)
    return {
        "market": symbol,
        "stage": stage_of(where, symbol, at)[0],
        "breaker": breaker.state
        + (f", {breaker.cause}: {breaker.detail}" if breaker.cause else ""),
        "serves": _serves(where, symbol, at),
        "bars": f"{lake.bars:,}, the last {_time(lake.last)}" if lake.bars else None,
        "last_live_answer": _last_answer(where, symbol),
        "drift": drift and f"{_time(drift.at)}: {drift.verdict}",
        "parity": parity and f"{_time(parity.at)}: {parity.verdict}",
    }


def _serves(where: Settings, symbol: str, at: datetime) -> str | None:
    from registry.errors import UnknownVersionError  # noqa: PLC0415 - after --help

    try:
        serving = where.models().serving(symbol, at)
    except UnknownVersionError:
        return None
    record = serving.record
    why = serving.expired or serving.fallback
    told = f"{record.version} ({record.model}), made {_time(record.created_at)}"
    return f"{told}; {why}" if why else told


def _last_answer(where: Settings, symbol: str) -> str | None:
    rows = [
        each.prediction
        for each in where.ledger().settled(symbol, mode="live")
        if each.prediction.role == "champion"
    ]
    if not rows:
        return None
    last = rows[-1]
    said = last.recommendation or f"none, {last.reason}"
    return f"{symbol}:{last.trading_day}:{last.opening_range} {said}"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "-"
