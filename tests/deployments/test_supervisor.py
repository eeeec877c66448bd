"""What the supervisor tells before anything runs."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.serving.supervisor import BARS_BESIDE, _Supervisor
from tasks.data.sources import source_spec
from tasks.data.standing_sources import remember_source
from tasks.settings import Settings
from tests.live_days import set_clock
from tests.waiting import wait_until


@pytest.fixture
def supervisor(tmp_path: Path) -> _Supervisor:
    return _Supervisor(Settings(home=tmp_path / "home"), 1, print)


def test_up_has_a_line_for_each_market_with_its_next_ranges(
    supervisor: _Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, tmp_path / "clock", datetime(2026, 12, 25, 15, 0, tzinfo=UTC))
    supervisor._settings = supervisor._settings.model_copy(update={"markets": ("mgc", "nq")})
    closed = "Fri 25 Dec 2026 is no trading day (holiday); next opening ranges, Mon 28 Dec:"
    brisbane, new_york = supervisor._outlooks()
    assert brisbane.startswith(f"MGC: {closed} 0900 at 09:00, ")
    assert new_york == f"NQ: {closed} 0930_5m at 09:30, 0930_15m at 09:30 (US/Eastern)"


def test_bars_are_received_from_when_a_market_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = Settings(home=tmp_path / "home", markets=("mgc",))
    monkeypatch.setenv("ORBCAST_HOME", str(config.home))
    said: list[str] = []
    supervisor = _Supervisor(config, port - BARS_BESIDE, said.append)
    config.prefect_dir.mkdir(parents=True)
    try:
        for market, kind in (("mgc", "csv"), ("nq", "http")):
            given = {"stamp": "open"} if kind == "http" else {"paths": ("a.csv",)}
            remember_source(config.sources_file, market, source_spec(kind=kind, **given))
            supervisor._look_at_receiver()
            assert not supervisor._receiver.running
        spec = source_spec(kind="http", stamp="open")
        remember_source(config.sources_file, "mgc", spec)
        supervisor._look_at_receiver()
        assert supervisor._receiver.running
        assert said == [f"Bars of mgc are accepted at http://127.0.0.1:{port}/bars/ ."]
        wait_until(lambda: _listens(port) or supervisor._receiver.status() is not None)
        assert supervisor._receiver.status() is None
    finally:
        supervisor._end()
    assert not _listens(port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
