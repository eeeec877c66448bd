"""Notices: stored first, delivered to every channel, and a dead channel stops nothing."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from filelock import FileLock
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Crashed
from typer.testing import CliRunner

from deployments.automations import ensure_automations
from deployments.cli.app import app
from flows.log_outcomes import log_outcomes
from monitoring.messages.facts import Message
from registry.notices import notices
from tasks.health.breaker import change
from tasks.notices import delivery
from tasks.notices import notify as telling
from tasks.notices.channel_blocks import BLOCKS, add_channel, remove_channel, without_secrets
from tasks.notices.channels import ChannelError, channels
from tasks.settings import current_settings, now
from tests.flows.desk import Desk
from tests.trained_market import give_prefect_database

pytestmark = [
    pytest.mark.usefixtures("prefect_server", "same_server"),
    # Apprise loads all its plugins at once
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


@pytest.fixture
def same_server(prefect_server: None) -> Iterator[None]:
    """Let commands find the session's server, and restore the environment afterwards."""
    del prefect_server
    with patch.dict(os.environ, {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}):
        yield


@pytest.fixture
def desk(own: Path) -> Iterator[Desk]:
    """A channel of the home."""
    del own
    webhook = Desk()
    add("desk", webhook.url)
    yield webhook
    webhook.close()


def add(name: str, url: str, least: str = "info") -> None:
    add_channel(current_settings().channels_file, name, "webhook", url, now(), least)


def tell(key: str = "one", kind: str = "breaker") -> bool:
    return telling.notify(current_settings(), kind, "MGC", key, f"MGC: {kind} {key}", "12 R down")


def later(monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    moment = now() + timedelta(**time)
    monkeypatch.setattr(delivery, "now", lambda: moment)


def command(*arguments: str) -> str:
    return CliRunner().invoke(app, list(arguments)).output


def test_a_notice_is_kept_and_brought_once_with_its_time(desk: Desk) -> None:
    assert tell()
    assert not tell()
    (message,) = desk.messages
    assert message["subject"] == "MGC: breaker one"
    assert message["body"].startswith("12 R down\n20")
    assert "NOT DELIVERED" not in command("notices")


def test_a_channel_that_fails_is_tried_again_later_and_reached_exactly_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.status = 500
    assert tell()
    assert "NOT DELIVERED to desk" in command("notices", "--market", "mgc")
    desk.status = 200
    assert delivery.deliver(current_settings()) == 0  # not at once: the channel is paused
    later(monkeypatch, minutes=16)
    assert delivery.deliver(current_settings()) == 1
    assert delivery.deliver(current_settings()) == 0
    assert len(desk.messages) == 1
    assert "sent 0 h 16 min late" in desk.messages[0]["body"]


def test_after_a_night_without_the_channel_everything_arrives(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.status = 500
    keys = ["one", "two", "three"]
    for key in keys:
        tell(key)
    begun = now()
    for quarter in range(1, 4 * 8):
        moment = begun + quarter * timedelta(minutes=15)
        monkeypatch.setattr(delivery, "now", lambda moment=moment: moment)
        delivery.deliver(current_settings())
    desk.status = 200
    monkeypatch.setattr(delivery, "now", lambda: begun + timedelta(hours=9))
    assert delivery.deliver(current_settings()) == 3
    assert sorted(message["subject"].split()[-1] for message in desk.messages) == sorted(keys)


@pytest.mark.parametrize(("minutes", "brought"), [(-1, 1), (1, 0)], ids=["younger", "older"])
def test_what_is_three_days_old_is_given_up_and_still_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, minutes: int, brought: int
) -> None:
    desk.status = 500
    tell()
    desk.status = 200
    later(monkeypatch, days=3, minutes=minutes)
    assert delivery.deliver(current_settings()) == brought
    assert ("NOT DELIVERED to desk" in command("notices")) == (not brought)


def test_new_trouble_is_tried_at_once_on_a_channel_that_rests(desk: Desk) -> None:
    desk.status = 500
    tell("one")
    desk.status = 200
    tell("two")
    assert [message["subject"] for message in desk.messages] == [
        "MGC: breaker two",
        "MGC: breaker one",
    ]


def test_retry_tries_at_once_and_names_the_channels_that_still_fail(desk: Desk) -> None:
    desk.status = 500
    tell()
    failed = CliRunner().invoke(app, ["notify", "retry"])
    assert failed.exit_code == 3
    assert "not delivered: desk" in failed.stderr
    desk.status = 200
    assert command("notify", "retry") == "1 delivered\n"
    assert command("notify", "retry") == "0 delivered\n"
    assert len(desk.messages) == 1


def test_a_new_channel_gets_no_earlier_notice_and_none_below_its_severity(
    desk: Desk,
) -> None:
    tell("before")
    pager = Desk()
    add("pager", pager.url, "trouble")
    tell("gate", kind="gate")
    tell("after")
    pager.close()
    assert [message["subject"] for message in pager.messages] == ["MGC: breaker after"]
    assert len(desk.messages) == 3
    assert "NOT DELIVERED" not in command("notices")


def test_one_process_at_a_time_brings_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SECONDS", 0.2)
    with FileLock(current_settings().home / "notices.lock"):
        assert tell()  # stored, and left to the process that is delivering
    assert desk.messages == []
    monkeypatch.setattr(delivery, "SECONDS", 10.0)
    assert delivery.deliver(current_settings()) == 1


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a mail server that accepts connections and never responds."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    accepted.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


def test_neither_a_closed_port_nor_one_that_never_answers_stops_a_run(
    desk: Desk, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SECONDS", 0.5)
    add("dead", "http://127.0.0.1:9/x")
    mail = f"mailto://ann:secret@127.0.0.1:{silent}?from=ann@example.com&to=bob@example.com"
    add_channel(current_settings().channels_file, "mail", "email", mail, now())
    desk.status = 0
    change(current_settings(), "MGC", "open", cause="drawdown", detail="12 R", by="test", at=now())
    result = log_outcomes("mgc")
    assert result.breaker.state == "open"
    (notice,) = [
        candidate
        for candidate in notices(current_settings().database())
        if candidate.notice.kind == "breaker"
    ]
    details = {attempt.channel: attempt.detail for attempt in notice.deliveries}
    assert "no answer within" in details["desk"]
    assert "no answer within" in details["mail"]
    assert set(details) == {"desk", "dead", "mail"}
    printed = command("notices")
    assert "circuit breaker open" in printed
    assert "NOT DELIVERED to desk, dead, mail" in printed


def test_a_channel_file_that_cannot_be_read_stops_no_run_and_is_reported(desk: Desk) -> None:
    current_settings().channels_file.write_text("[[channels]]\nname = ", encoding="utf-8")
    assert tell()
    log_outcomes("mgc")
    printed = command("notices")
    assert "nothing is delivered: channel file" in printed
    assert "MGC: breaker one" in printed
    assert desk.messages == []


def test_what_the_database_does_not_take_is_sent_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_DATABASE_URL", "sqlite:////proc/nowhere/orbcast.sqlite")
    assert not tell()
    assert [message["subject"] for message in desk.messages] == ["MGC: breaker one"]


def test_a_plain_command_keeps_it_and_starts_no_server_of_its_own(desk: Desk) -> None:
    with temporary_settings({PREFECT_API_URL: None}):
        assert tell()
    assert desk.messages == []
    assert "NOT DELIVERED to desk" in command("notices")
    assert delivery.deliver(current_settings()) == 1


def test_secrets_are_neither_in_the_file_nor_in_the_database_nor_shown(
    own: Path, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.status = 500
    tell()
    kept = (own / "channels.toml").read_text("utf-8") + command("notify", "list") + caplog.text
    kept += command("notices")
    for name in ("orbcast.sqlite", "orbcast.sqlite-wal"):
        kept += (own / name).read_bytes().decode("latin-1")
    assert "secret-token" not in kept
    assert "failed: HTTPStatusError" in kept


@pytest.mark.parametrize(
    "words",
    [
        "no https://hooks.slack.com/services/T0123/B4567/hush-hush",
        "HTTPSConnectionPool(host='hooks.slack.com'): with url: /services/T0123/B4567/hush-hush",
        "the token hush-hush is unknown",
    ],
)
def test_no_part_of_a_secret_url_is_left_in_the_message_of_a_library(words: str) -> None:
    block = BLOCKS["slack"](url="https://hooks.slack.com/services/T0123/B4567/hush-hush")
    left = without_secrets(block, words)
    assert not [part for part in ("T0123", "B4567", "hush") if part in left]


@pytest.mark.parametrize(
    "words", ["no tgram://bot%2Dtoken/4711", "bot-token is unknown", "chat 4711 of bot%2Dtoken"]
)
def test_no_part_of_a_service_s_url_is_left_either(words: str) -> None:
    left = without_secrets(BLOCKS["apprise"](url="tgram://bot%2Dtoken/4711"), words)
    assert not [part for part in ("bot", "4711") if part in left]


def test_an_apprise_service_gets_a_notice_once_and_its_failure_is_kept_without_the_secret(
    own: Path, desk: Desk
) -> None:
    path = current_settings().channels_file
    url = desk.url.replace("http://", "json://")
    add_channel(path, "service", "apprise", url, now())
    assert remove_channel(path, "desk")
    assert tell()
    assert not tell()
    (message,) = desk.messages
    assert message["title"] == "MGC: breaker one"
    assert message["message"].startswith("12 R down")
    desk.status = 500
    assert tell("two")
    assert "NOT DELIVERED to service" in command("notices")
    kept = command("notify", "list")
    for name in ("orbcast.sqlite", "orbcast.sqlite-wal"):
        kept += (own / name).read_bytes().decode("latin-1")
    assert "secret-token" not in kept


@pytest.mark.parametrize(
    "url", ["nothing://of/the/kind", "hush", "json://one/hush, json://two/hush", ""]
)
def test_what_is_no_service_or_several_is_refused_without_its_url(own: Path, url: str) -> None:
    del own
    with pytest.raises(ChannelError) as refused:
        add_channel(current_settings().channels_file, "x", "apprise", url, now())
    assert "hush" not in str(refused.value)


def test_a_run_that_fails_repeatedly_is_reported_only_once_in_a_while(desk: Desk) -> None:
    @flow(name="breaks", **telling.REPORTED)
    def breaks(market: str = "mgc") -> None:
        raise ValueError(f"{market} is not here, see http://user:password@host")

    for _ in range(2):
        with pytest.raises(ValueError, match="not here"):
            breaks()
    (message,) = desk.messages
    assert message["subject"] == "MGC: breaks failed"
    assert "mgc is not here" in message["body"]
    assert "orbcast run breaks --market mgc" in message["body"]
    assert "password" not in message["body"]


def test_a_run_that_was_killed_is_reported_by_the_runner(desk: Desk) -> None:
    # as Prefect's runner calls hooks: by keyword, and not in the flow's process
    run = FlowRun(flow_id="00000000-0000-0000-0000-000000000000", parameters={"market": "mgc"})
    for hook in telling.REPORTED["on_crashed"]:
        hook(flow=log_outcomes, flow_run=run, state=Crashed(message="status code: -9"))
    assert [message["subject"] for message in desk.messages] == ["MGC: log-outcomes crashed"]


def automations() -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        listed = client.read_automations()
    # tests of other files may have left an unused one on the same server
    return {
        automation.name: automation.id
        for automation in listed
        if automation.name.startswith("orbcast: tell ")
    }


def test_prefect_reports_runs_that_crash_do_not_start_or_go_silent(desk: Desk) -> None:
    add("least", desk.url, "trouble")  # a notice of kind run is a warning
    path = current_settings().channels_file
    first = ensure_automations(channels(path))
    assert first == tuple(
        f"orbcast: tell desk of runs that {what}"
        for what in ("crash", "do not start", "go silent")
    )
    before = automations()
    assert set(before) == set(first)
    ensure_automations(channels(path))
    assert automations() == before
    assert remove_channel(path, "desk")
    ensure_automations(channels(path))
    assert automations() == {}


def test_without_a_channel_notices_are_kept_all_the_same(own: Path) -> None:
    del own
    assert tell("alone")
    (notice,) = json.loads(command("notices", "--json"))
    assert notice["subject"] == "MGC: breaker alone"
    assert notice["not_delivered"] == []
    assert command("notices", "--market", "mgc", "--last", "1").count("MGC: breaker") == 1
    assert "no channel yet" in command("notify", "list")


def test_the_command_line_adds_tests_and_removes_a_channel(
    own: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own
    runner = CliRunner()
    monkeypatch.setenv("DESK_URL", desk.url)
    added = runner.invoke(app, ["notify", "add", "webhook", "pager", "--url-env", "DESK_URL"])
    assert added.exit_code == 0, added.output
    assert "secret-token" not in added.output
    assert "orbcast: tell pager of runs that crash" in automations()
    assert "pager: delivered" in command("notify", "test", "pager")
    desk.status = 500
    failed = runner.invoke(app, ["notify", "test", "pager"])
    assert failed.exit_code == 3
    assert "not delivered: pager" in failed.stderr
    assert runner.invoke(app, ["notify", "remove", "pager"]).exit_code == 0
    assert "orbcast: tell pager of runs that crash" not in automations()
    assert runner.invoke(app, ["notify", "remove", "pager"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pigeon", "x", "--url-env", "DESK_URL"], "is unknown; use one of slack"),
        (["slack", "x", "--url-env", "NOT_SET"], "is not set"),
        (["slack", "No Name", "--url-env", "DESK_URL"], "small letters"),
        (["slack", "x", "--url-env", "DESK_URL"], "does not begin with https://hooks.slack.com"),
        (["teams", "x", "--url-env", "TEAMS_URL"], "is not one that teams takes"),
        (["webhook", "x", "--url-env", "DESK_URL", "--least", "bad"], "info, warning, trouble"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_and_its_url_not_shown(
    own: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("DESK_URL", "http://127.0.0.1:9/secret-token")
    monkeypatch.setenv("TEAMS_URL", "https://example.com/secret-token")
    refused = CliRunner().invoke(app, ["notify", "add", *arguments])
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert "secret-token" not in refused.output
    assert not (own / "channels.toml").exists()


def test_email_is_sent_by_apprise_and_a_dead_mail_server_is_reported(own: Path) -> None:
    del own
    url = "mailto://ann:hush-hush@127.0.0.1:9?from=ann@example.com&to=bob@example.com"
    channel = add_channel(
        current_settings().channels_file, "mail", "email", url, datetime.now(UTC)
    )
    tried = delivery.send_test(channel, Message(subject="one", body="two"), None)
    assert not tried.delivered
    assert "hush-hush" not in tried.detail
    assert ensure_automations((channel,)) == ()  # the server does not know the block


@pytest.mark.slow
def test_from_the_shell_the_home_s_own_prefect_holds_the_channel(
    home: Path, prefect_database: Path
) -> None:
    give_prefect_database(prefect_database, home)
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment |= {"ORBCAST_HOME": str(home), "DESK_URL": "http://127.0.0.1:9/secret-token"}
    arguments = ["notify", "add", "webhook", "desk", "--url-env", "DESK_URL"]
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as prefect:
        ((name, data),) = prefect.execute("SELECT name, data FROM block_document").fetchall()
    assert name == "orbcast-desk"
    assert "secret-token" not in data  # encrypted
