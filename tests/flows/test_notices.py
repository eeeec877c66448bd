"""Notices: kept first, brought to every channel, and a dead channel stops nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from typer.testing import CliRunner

from deployments.automations import ensure_automations
from deployments.cli.app import app
from flows.log_outcomes import log_outcomes
from registry.notices import notices
from tasks import notices as telling
from tasks.breaker import change
from tasks.channels import add_channel, channels
from tasks.settings import now, settings

pytestmark = pytest.mark.usefixtures("prefect_server")


class Desk:
    """A webhook that remembers what it was told, answers as it is asked to, or not at all."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.hang = threading.Event()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if desk.status == 0:
                    desk.hang.wait(20)
                    return
                if desk.status == 200:
                    desk.told.append(json.loads(body))
                self.send_response(desk.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-token"

    def close(self) -> None:
        self.hang.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def desk(own: Path) -> Iterator[Desk]:
    """A channel of the home."""
    del own
    found = Desk()
    add_channel(settings().channels_file, "desk", "webhook", found.url)
    yield found
    found.close()


def tell(key: str = "one") -> bool:
    return telling.notify(settings(), "breaker", "MGC", key, "MGC: breaker open", "12 R down")


def test_a_notice_is_kept_and_brought_once(desk: Desk) -> None:
    assert tell()
    assert not tell()
    assert desk.told == [{"subject": "MGC: breaker open", "body": "12 R down"}]
    told = CliRunner().invoke(app, ["notices"]).stdout
    assert "MGC: breaker open" in told
    assert "NOT DELIVERED" not in told


def test_a_channel_that_fails_is_tried_again_later_and_reached_exactly_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.status = 500
    assert tell()
    assert "NOT DELIVERED to desk" in CliRunner().invoke(app, ["notices"]).stdout
    desk.status = 200
    assert telling.bring(settings()) == 0  # not at once: it waits a while
    later = now() + timedelta(minutes=11)
    monkeypatch.setattr(telling, "now", lambda: later)
    assert telling.bring(settings()) == 1
    assert telling.bring(settings()) == 0
    assert len(desk.told) == 1


def test_neither_a_closed_port_nor_one_that_never_answers_stops_a_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "SECONDS", 0.5)
    add_channel(settings().channels_file, "dead", "webhook", "http://127.0.0.1:9/x")
    desk.status = 0
    change(settings(), "MGC", "open", cause="drawdown", detail="12 R", by="test", at=now())
    told = log_outcomes("mgc")
    assert told["breaker"]["state"] == "open"
    (notice,) = [each for each in notices(settings().database()) if each.notice.kind == "breaker"]
    details = {each.channel: each.detail for each in notice.deliveries}
    assert "no answer within" in details["desk"]
    assert set(details) == {"desk", "dead"}


def test_secrets_are_neither_in_the_file_nor_in_the_database_nor_shown(
    own: Path, desk: Desk
) -> None:
    desk.status = 500
    tell()
    shown = CliRunner().invoke(app, ["notify", "list"]).stdout
    kept = (own / "channels.toml").read_text("utf-8") + shown
    kept += (own / "orbcast.sqlite").read_bytes().decode("latin-1")
    kept += (own / "orbcast.sqlite-wal").read_bytes().decode("latin-1")
    assert "secret-token" not in kept
    assert "failed" in shown


def test_a_run_that_fails_is_told_of(desk: Desk) -> None:
    @flow(name="breaks", **telling.REPORTED)
    def breaks(market: str = "mgc") -> None:
        raise ValueError(f"{market} is not here, see http://user:password@host")

    with pytest.raises(ValueError, match="not here"):
        breaks()
    (told,) = desk.told
    assert told["subject"] == "Orbcast: breaks failed"
    assert "mgc is not here" in told["body"]
    assert "password" not in told["body"]


def test_prefect_is_asked_to_tell_of_runs_that_crash_and_twice_changes_nothing(
    desk: Desk,
) -> None:
    del desk
    found = channels(settings().channels_file)
    first = ensure_automations(found)
    assert first == ensure_automations(found)
    assert first == ("orbcast: tell desk of crashed and late runs",)


def test_without_a_channel_notices_are_kept_all_the_same(own: Path) -> None:
    del own
    assert tell("alone")
    listed = CliRunner().invoke(app, ["notices", "--json"])
    assert json.loads(listed.stdout)[-1]["subject"] == "MGC: breaker open"
    assert "no channel yet" in CliRunner().invoke(app, ["notify", "list"]).stdout


def test_the_command_line_adds_tests_and_removes_a_channel(
    own: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own
    runner = CliRunner()
    monkeypatch.setenv("DESK_URL", desk.url)
    added = runner.invoke(app, ["notify", "add", "webhook", "pager", "--url-env", "DESK_URL"])
    assert added.exit_code == 0, added.output
    assert "secret-token" not in added.output
    assert "pager: delivered" in runner.invoke(app, ["notify", "test", "pager"]).stdout
    desk.status = 500
    failed = runner.invoke(app, ["notify", "test", "pager"])
    assert failed.exit_code == 3
    assert "not delivered: pager" in failed.stderr
    assert runner.invoke(app, ["notify", "remove", "pager"]).exit_code == 0
    assert runner.invoke(app, ["notify", "remove", "pager"]).exit_code == 2
    for arguments, words in (
        (["notify", "add", "pigeon", "x", "--url-env", "DESK_URL"], "is unknown"),
        (["notify", "add", "slack", "x", "--url-env", "NOT_SET"], "is not set"),
        (["notify", "add", "slack", "No Name", "--url-env", "DESK_URL"], "small letters"),
    ):
        refused = runner.invoke(app, arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr
