"""What the supervisor does when the server is up and of no use, with real processes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from deployments import runner as runner_module
from deployments.child_process import ChildProcess
from deployments.runner import SERVER_REFUSES
from deployments.supervisor import _Supervisor
from deployments.warm_runner import WarmRunner
from tasks.settings import Settings
from tests.live_days import set_clock


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, told: list[str]) -> Iterator[_Supervisor]:
    """A supervisor of a server that only lives, and of a runner whose writes it refuses."""
    where = Settings(home=tmp_path / "home")
    where.prefect_dir.mkdir(parents=True)
    made = _Supervisor(where, 1, told.append)
    made._server = ChildProcess(
        "server", ("-c", "import time; time.sleep(600)"), tmp_path / "s.log", signal.SIGTERM
    )
    made._runner = ChildProcess(
        "runner", ("-c", f"raise SystemExit({SERVER_REFUSES})"), tmp_path / "r.log", signal.SIGINT
    )
    yield made
    made._end()


def test_a_server_that_refuses_what_the_runner_writes_is_started_again(
    supervisor: _Supervisor, told: list[str]
) -> None:
    supervisor._start(supervisor._server)
    supervisor._start(supervisor._runner)
    deadline = time.monotonic() + 60
    while len(supervisor._server.marks) < 2:
        assert time.monotonic() < deadline, told
        supervisor._look()
        time.sleep(0.05)
    assert supervisor._server.status() is None
    assert any("refuses what is written" in each for each in told)


@pytest.mark.parametrize(("status", "ends"), [(503, SystemExit), (422, PrefectHTTPStatusError)])
def test_the_runner_ends_by_that_status_where_the_server_is_at_fault(
    status: int, ends: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> None:
        request = httpx.Request("PATCH", "http://127.0.0.1:1/api/deployments/1")
        answer = httpx.Response(status, request=request)
        cause = httpx.HTTPStatusError("refused", request=request, response=answer)
        raise PrefectHTTPStatusError.from_httpx_error(cause)

    monkeypatch.setattr(WarmRunner, "serve_deployment", refused)
    with pytest.raises(ends) as raised:
        asyncio.run(runner_module._serve([None], 1, Thread()))  # type: ignore[list-item]
    if isinstance(raised.value, SystemExit):
        assert raised.value.code == SERVER_REFUSES


def test_up_has_a_line_for_each_market_with_its_next_ranges(
    supervisor: _Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, tmp_path / "clock", datetime(2026, 12, 25, 15, 0, tzinfo=UTC))
    supervisor._where = supervisor._where.model_copy(update={"markets": ("mgc", "nq")})
    closed = "Fri 25 Dec 2026 is no trading day (holiday); next opening ranges, Mon 28 Dec:"
    brisbane, new_york = supervisor._outlooks()
    assert brisbane.startswith(f"MGC: {closed} 0900 at 09:00, ")
    assert new_york == f"NQ: {closed} 0930_5m at 09:30, 0930_15m at 09:30 (US/Eastern)"
