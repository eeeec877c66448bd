"""What the supervisor prints before anything runs."""

from __future__ import annotations

import math
import socket
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.serving.supervisor import BARS_PORT_OFFSET, _Supervisor, temporary_folder
from tasks.data.sources import source_spec
from tasks.data.standing_sources import remember_source
from tasks.settings import Settings
from tests.live_days import set_clock
from tests.waiting import wait_until


@pytest.fixture
def supervisor(tmp_path: Path) -> _Supervisor:
    return _Supervisor(Settings(home=tmp_path / "home"), 1, print, tmp_path)


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
    printed: list[str] = []
    supervisor = _Supervisor(config, port - BARS_PORT_OFFSET, printed.append, tmp_path)
    config.prefect_dir.mkdir(parents=True)
    try:
        for market, kind in (("mgc", "csv"), ("nq", "http")):
            given = {"stamp": "open"} if kind == "http" else {"paths": ("a.csv",)}
            remember_source(config.sources_file, market, source_spec(kind=kind, **given))
            supervisor._check_receiver()
            assert not supervisor._receiver.running
        spec = source_spec(kind="http", stamp="open")
        remember_source(config.sources_file, "mgc", spec)
        supervisor._check_receiver()
        assert supervisor._receiver.running
        assert printed == [f"Bars of mgc are accepted at http://127.0.0.1:{port}/bars/ ."]
        wait_until(lambda: _listens(port) or supervisor._receiver.status() is not None)
        assert supervisor._receiver.status() is None
    finally:
        supervisor._end()
    assert not _listens(port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("length", "inside"), [(50, True), (56, False), (200, False)])
def test_runs_are_forked_by_a_socket_however_long_the_temporary_folder_is(
    length: int, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        machine = Path(short) / ("t" * (length - len(short) - 1))
        machine.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(machine))
        with temporary_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
            assert (folder.parent == machine) is inside
            deep = Path(tempfile.mkdtemp(prefix="pymp-", dir=folder))
            listener.bind(str(deep / "listener-12345678"))
        assert not folder.exists()


def test_a_runner_that_dies_leaves_no_folder_and_the_files_of_its_runs_stay(
    supervisor: _Supervisor, tmp_path: Path
) -> None:
    (tmp_path / "pymp-12345678").mkdir()
    (tmp_path / "pymp-12345678" / "listener-1").touch()
    (tmp_path / "runner_storage" / "2a5ce690-cde6-4165-8ee9-2d801c3e04f0").mkdir(parents=True)
    (tmp_path / "of_a_run").mkdir()
    supervisor._server._next = math.inf  # never started
    supervisor._runner.arguments = ("-c", "")
    supervisor._runner.start()
    wait_until(lambda: supervisor._runner.status() is not None)
    supervisor._check_processes()
    folders = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_dir()}
    assert folders == {"home", "home/logs", "runner_storage", "of_a_run"}
