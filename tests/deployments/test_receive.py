"""Bars that a platform pushes to a real server: stored before the reply, used once finished."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.bars.arrays import Bars
from tasks.data.ingest import read_source
from tasks.data.sources import source_spec
from tasks.data.standing_sources import remember_source
from tasks.settings import current_settings, now
from tests.conftest import PROJECT
from tests.waiting import AT_MOST_SECONDS, wait_until

START = datetime(2024, 1, 2, 23, tzinfo=UTC)

GOOD = {"open": 2063.1, "high": 2063.4, "low": 2063.0, "close": 2063.2, "volume": 12}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def standing(home: Path, **options: str) -> None:
    options = {"stamp": "open", **options}
    remember_source(home / "sources.toml", "mgc", source_spec(kind="http", **options))


def set_clock(home: Path, monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    """Set the clock of this process and of servers, which runs on from there."""
    file = home / "clock"
    home.mkdir(exist_ok=True)
    file.write_text(str((at - datetime.now(UTC)).total_seconds()), "utf-8")
    monkeypatch.setenv("ORBCAST_CLOCK_FILE", str(file))


@contextmanager
def served(**environment: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "deployments.cli", "receive", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, **environment}, stderr=subprocess.PIPE
    ) as server:
        try:
            wait_for(port, server)
            yield port, server
        finally:
            server.kill()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    def listens() -> bool:
        assert server.poll() is None, server.stderr.read() if server.stderr else b""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)


def push(port: int, what: Any, market: str = "mgc", **headers: str) -> tuple[int, dict[str, Any]]:
    body = what if isinstance(what, str) else json.dumps(what)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=AT_MOST_SECONDS)
    connection.request("POST", f"/bars/{market}", body, headers)
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    connection.close()
    return reply.status, answer


def bar(at: int, **more: Any) -> dict[str, Any]:
    return {"ts": f"{START + timedelta(minutes=at):%Y-%m-%dT%H:%M:%SZ}", **GOOD, **more}


def taken() -> Bars:
    """Return the lake's bars after a reading of the standing source."""
    read_source("mgc", None, now(), full=True)
    return current_settings().lake().read(current_settings().market("mgc"))


def test_what_was_answered_is_there_after_a_kill_and_twice_changes_nothing(home: Path) -> None:
    standing(home)
    answered: list[int] = []
    with served() as (port, server):
        for at in range(60):
            if at == 40:
                server.send_signal(signal.SIGKILL)
            try:
                status, receipt = push(port, bar(at))
            except OSError:
                break
            assert (status, receipt["finished"]) == (200, 1)
            answered.append(at)
    (spool,) = (home / "feeds" / "MGC" / "http").glob("*.jsonl")
    with spool.open("ab") as file:
        file.write(b'{"at":"2024-01-03T00:40:01+00:00","layout":"gen')  # as after a kill
    before = taken()

    with served() as (port, _):
        status, receipt = push(port, [bar(at) for at in answered])
        again = taken()
        _, revised = push(port, bar(3, close=2063.3))
        after = taken()

    assert len(answered) >= 40
    assert [minute - before.minute[0] for minute in before.minute] == answered
    assert (status, receipt["already"]) == (200, len(answered))
    assert len(again) == len(before)
    assert revised["already"] == 0
    assert (len(after), current_settings().lake().status("MGC").revisions) == (len(before), 1)


def test_the_running_minute_is_never_a_bar(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing(home)
    set_clock(home, monkeypatch, START + timedelta(minutes=5, seconds=10))
    with served() as (port, _):
        assert push(port, [bar(4), bar(5, close=2063.1)])[1]["running"] == 1
        assert len(taken()) == 1
        # the minute is over; what was pushed during it may have changed since
        set_clock(home, monkeypatch, START + timedelta(minutes=6, seconds=10))
        assert len(taken()) == 1
        assert push(port, bar(5, close=2063.3))[1]["finished"] == 1
        bars = taken()
        # a later minute of the contract has started: its writer is past the one before
        set_clock(home, monkeypatch, START + timedelta(minutes=6, seconds=50))
        push(port, bar(6, close=2063.0))
        set_clock(home, monkeypatch, START + timedelta(minutes=7, seconds=5))
        assert len(taken()) == 2
        push(port, bar(7))
        assert len(taken()) == 3
        # nothing follows for a minute: the last state of that minute is final
        set_clock(home, monkeypatch, START + timedelta(minutes=9, seconds=1))
        assert len(taken()) == 4
        # the same row again, after the minute is over, says that it cannot change
        push(port, bar(9))
        set_clock(home, monkeypatch, START + timedelta(minutes=10, seconds=1))
        assert len(taken()) == 4
        assert push(port, bar(9))[1]["already"] == 0
        assert len(taken()) == 5

    assert (len(bars), bars.close[-1]) == (2, 20633)


def test_a_source_to_which_nothing_was_pushed_is_empty_and_whole(home: Path) -> None:
    standing(home)
    assert len(taken()) == 0


def test_csv_lines_are_read_as_the_source_says(home: Path) -> None:
    standing(home, layout="ninjatrader", stamp="close")
    lines = (
        "20240102 230100;2063.1;2063.4;2063.0;2063.2;12\n"
        "20240102 230200;2063.2;2063.5;2063.2;2063.4;7\n"
    )
    with served() as (port, _):
        assert push(port, lines)[0] == 200
    first = taken()
    assert int(first.minute[0]) * 60 == int(START.timestamp())
    # wrong options are corrected by another reading
    standing(home, layout="ninjatrader", stamp="open")
    second = taken()
    assert len(first) == len(second) == 2
    assert int(second.minute[0]) - int(first.minute[0]) == 1


@pytest.mark.parametrize(
    ("what", "line", "field", "words"),
    [
        ([bar(0), bar(1, open="x")], 2, "open, high, low, close", "not a price"),
        ([bar(0, volume=-1)], 1, "volume", "negative volume"),
        ([bar(0, high=2062.0)], 1, "high, low", "ohlc inconsistent"),
        ([bar(0, ts="2024-01-02T23:00:30Z")], 1, "ts", "not on a minute"),
        ([bar(0, ts="2099-01-02T23:00:00Z")], 1, "ts", "still to come"),
        ([bar(0, ts="2024-01-02 23:00")], None, None, "times without a zone"),
        ([bar(0, contract="ESH4")], 1, "contract", "no contract of MGC"),
        ([bar(0, open={"a": 1})], 1, "open", "neither a number nor text"),
        ([{"ts": "2024-01-02T23:00:00Z"}], None, None, "lacks columns"),
        ('{"ts": "2024', 1, None, "not JSON"),
        ("[3]", 1, None, "not an object"),
        ("", None, None, "is empty"),
        ("MGC crossed 2000", None, None, "holds no bar"),
        ("null", None, None, "holds no bar"),
        ("ts,open,high,low,close,volume\n2024-01-02T23:00Z,1\n", 2, None, "2 values for 6"),
    ],
)
def test_a_bad_request_is_kept_not_at_all_and_says_what_to_mend(
    shared: tuple[int, Path], what: Any, line: int | None, field: str | None, words: str
) -> None:
    port, folder = shared
    status, answer = push(port, what)

    (error,) = answer["errors"]
    assert status == 422
    assert (error["line"], error["field"]) == (line, field)
    assert words in error["fault"]
    assert error["remedy"]
    assert not list(folder.rglob("*.jsonl"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """One server for every request that is refused."""
    folder = tmp_path_factory.mktemp("shared") / "home"
    standing(folder)
    with served(ORBCAST_HOME=str(folder)) as (port, _):
        yield port, folder


def test_the_page_s_script_is_answered_as_the_page_says(home: Path, tmp_path: Path) -> None:
    standing(home)
    page = (PROJECT / "docs" / "feeds.md").read_text("utf-8")
    script = re.search(r'```python title="push.py"\n(.*?)```', page, re.DOTALL)
    documented = re.search(r"^    (\{\"market\".*\})$", page, re.MULTILINE)
    assert script is not None
    assert documented is not None
    with served() as (port, _):
        (tmp_path / "push.py").write_text(script[1].replace("6200", str(port)), "utf-8")
        printed = subprocess.run(
            [sys.executable, tmp_path / "push.py"], capture_output=True, text=True, check=True
        )
    assert json.loads(printed.stdout) == json.loads(documented[1])
    assert len(taken()) == 1


def test_nobody_else_is_answered(home: Path) -> None:
    standing(home)
    secret = {"Authorization": f"Basic {b64encode(b'me:secret').decode()}"}
    wrong = {"Authorization": f"Basic {b64encode(b'me:guess').decode()}"}
    with served(ORBCAST_AUTH="me:secret") as (port, _):
        assert push(port, bar(0))[0] == 401
        assert push(port, bar(0), **wrong)[0] == 401
        assert push(port, bar(0), **secret, Host="evil.example")[0] == 421
        assert push(port, bar(0), **secret, Origin="https://evil.example")[0] == 403
        assert push(port, bar(0), **secret, Origin="null")[0] == 403
        assert push(port, bar(0), market="nq", **secret)[0] == 409
        assert push(port, bar(0), market="..%2Fmgc", **secret)[0] == 404
        assert not list(home.rglob("*.jsonl"))
        assert push(port, bar(0), **secret)[0] == 200


def test_an_address_that_others_reach_needs_a_secret(home: Path) -> None:
    command = [sys.executable, "-m", "deployments.cli", "--home", str(home), "receive"]
    ended = subprocess.run(
        [*command, "--host", "::"],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=AT_MOST_SECONDS,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "set ORBCAST_AUTH to a name, a colon and a secret" in ended.stderr


def test_one_server_keeps_what_comes(home: Path) -> None:
    standing(home)
    with served():
        command = [sys.executable, "-m", "deployments.cli", "receive", "--port", "1"]
        second = subprocess.run(
            command,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=AT_MOST_SECONDS,
        )
    assert second.returncode == 3
    assert "another server receives bars" in second.stderr
