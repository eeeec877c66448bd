"""A channel's switches and quiet hours: set by commands, stored, and obeyed on delivery."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deployments.cli.app import app
from tasks.notices import delivery
from tasks.notices import notify as telling
from tasks.notices.channel_blocks import add_channel
from tasks.notices.channels import channels
from tasks.settings import current_settings
from tests.flows.desk import Desk
from tests.live_days import set_clock

pytestmark = pytest.mark.usefixtures("prefect_server")

NOON = datetime(2024, 6, 3, 2, 0, tzinfo=UTC)
"""Noon in Brisbane."""
NIGHT = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)
BEFORE_SEVEN = datetime(2024, 6, 3, 20, 59, tzinfo=UTC)
SEVEN = datetime(2024, 6, 3, 21, 0, tzinfo=UTC)
QUIET = ("notify", "quiet", "desk", "22:00", "07:00", "--zone", "Australia/Brisbane")


@pytest.fixture
def desk(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A channel of an empty home, added at noon."""
    del home
    webhook = Desk()
    set_clock(monkeypatch, tmp_path / "clock", NOON)
    add_channel(current_settings().channels_file, "desk", "webhook", webhook.url, NOON)
    yield webhook
    webhook.close()


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the clock."""
    return lambda moment: set_clock(monkeypatch, tmp_path / "clock", moment)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def tell(kind: str, key: str, market: str | None = "MGC") -> None:
    telling.notify(current_settings(), kind, market, f"{kind} {key}", f"{kind} {key}", "words")


def subjects(desk: Desk) -> list[str]:
    return [message["subject"] for message in desk.messages]


def test_a_kind_is_switched_off_and_on_by_market_and_by_channel(desk: Desk, at: Any) -> None:
    other = Desk()
    add_channel(current_settings().channels_file, "other", "webhook", other.url, NOON)
    assert run("notify", "off", "desk", "break", "settled", "--market", "nq").exit_code == 0
    at(NIGHT)
    for market in ("MGC", "NQ"):
        for kind in ("break", "settled", "breaker"):
            tell(kind, market, market)
    assert subjects(desk) == ["break MGC", "settled MGC", "breaker MGC", "breaker NQ"]
    assert len(other.messages) == 6
    other.close()
    assert "NOT DELIVERED" not in run("notices").output
    listed = run("notify", "list").output
    assert "break of NQ off" in listed
    assert run("notify", "on", "desk", "break", "--market", "nq").exit_code == 0
    at(SEVEN)
    assert delivery.deliver(current_settings()) == 0  # nothing from the time when it was off
    tell("break", "later", "NQ")
    assert subjects(desk)[-1] == "break later"


def test_quiet_hours_hold_what_matters_leave_out_a_forecast_and_let_through_what_is_named(
    desk: Desk, at: Any
) -> None:
    done = run(*QUIET, "--at-once", "breaker")
    assert done.exit_code == 0
    assert "quiet from 22:00 to 07:00 Australia/Brisbane" in done.output
    at(NIGHT)
    for kind in ("forecast", "settled", "breaker"):
        tell(kind, "at night")
    assert subjects(desk) == ["breaker at night"]
    assert "NOT DELIVERED" not in run("notices").output
    at(BEFORE_SEVEN)
    assert delivery.deliver(current_settings()) == 0
    at(SEVEN)
    assert delivery.deliver(current_settings()) == 1
    assert delivery.deliver(current_settings()) == 0
    assert subjects(desk) == ["breaker at night", "settled at night"]
    assert desk.messages[-1]["body"] == "words\n2024-06-03 15:00 UTC, held during the quiet hours"
    assert run("notify", "quiet", "desk", "--none").exit_code == 0
    at(NIGHT.replace(day=4))
    tell("forecast", "without quiet hours")
    assert subjects(desk)[-1] == "forecast without quiet hours"


def test_switches_and_quiet_hours_are_kept_in_the_file_and_outlive_a_new_url(
    desk: Desk,
) -> None:
    path = current_settings().channels_file
    run("notify", "off", "desk", "day", "week")
    run(*QUIET, "--hold", "forecast", "--leave-out", "day")
    (before,) = channels(path)
    (kept,) = tomllib.loads(path.read_text("utf-8"))["channels"]
    assert [text.split()[:3] for text in kept["switches"]] == [
        ["off", "day", "*"],
        ["off", "week", "*"],
    ]
    assert kept["quiet"]["kinds"] == {"forecast": "held", "day": "left out"}
    assert before.rules.quiet is not None
    assert before.rules.quiet.policy("forecast") == "held"
    add_channel(path, "desk", "webhook", desk.url, SEVEN)
    assert channels(path) == (before,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("off", "desk", "weather"), "is unknown; use one of forecast, break, settled"),
        (("off", "nobody", "break"), "does not exist; `orbcast notify list` shows them"),
        (("off", "desk", "break", "--market", "moon"), "moon"),
        (("quiet", "desk", "22:00"), "name both times and --zone, or --none"),
        (
            ("quiet", "desk", "22:00", "7", "--zone", "UTC"),
            "write hours and minutes such as 22:00",
        ),
        (("quiet", "desk", "22:00", "22:00", "--zone", "UTC"), "never begin"),
        (("quiet", "desk", "22:00", "07:00", "--zone", "Mars"), "Australia/Brisbane"),
        (("quiet", "desk", "22:00", "07:00", "--zone", "UTC", "--hold", "x"), "is unknown"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_what_cannot_be_is_refused_and_changes_nothing(
    arguments: tuple[str, ...], words: str
) -> None:
    path = current_settings().channels_file
    before = path.read_text("utf-8")
    refused = run("notify", *arguments)
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert path.read_text("utf-8") == before


@pytest.mark.parametrize(
    "line",
    [
        'switches = ["off"]',
        'switches = ["of break * 2024-06-03T09:05:00+00:00"]',
        'switches = ["off break * yesterday"]',
        'switches = ["off break * 2024-06-03T09:05:00"]',
        'switches = ["off weather * 2024-06-03T09:05:00+00:00"]',
        'quiet = {from = "22:00", to = "07:00"}',
        'quiet = {from = "22:00", to = "07:00", zone = "UTC", kinds = {day = "loud"}}',
        "quiet = 7",
    ],
)
def test_a_file_that_a_person_spoiled_is_named(desk: Desk, line: str) -> None:
    del desk
    path = current_settings().channels_file
    path.write_text(f"{path.read_text('utf-8')}{line}\n", "utf-8")
    refused = run("notify", "list")
    assert refused.exit_code == 2
    assert "channel" in refused.stderr
    assert "internal error" not in refused.stderr


def test_json_lists_the_rules_of_a_channel(desk: Desk) -> None:
    del desk
    rules = json.loads(run(*QUIET, "--json").stdout)
    assert rules["quiet"]["zone"] == "Australia/Brisbane"
    rules = json.loads(run("notify", "off", "desk", "break", "--json").stdout)
    assert [switch["kind"] for switch in rules["switches"]] == ["break"]
