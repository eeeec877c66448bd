"""`orbcast breaker`: a state that already holds is not recorded again."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from tasks.health.breaker import change, events_of
from tasks.settings import current_settings, now


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))


def breaker(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["breaker", *arguments, "--by", "ana"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_opened_twice_is_one_opening_and_so_is_closing() -> None:
    assert breaker("open", "--reason", "news").strip() == "MGC: open, by ana"
    first = json.loads(breaker("open", "--reason", "more news", "--json"))
    assert (first["changed"], first["detail"]) == (False, "news")
    assert "open already (by hand, news); nothing was changed" in breaker("open", "--reason", "x")
    assert [event.state for event in events_of(current_settings(), "MGC")] == ["open"]

    assert breaker("reset", "--reason", "over").strip() == "MGC: closed, by ana"
    assert "closed already" in breaker("reset", "--reason", "over")
    assert [event.state for event in events_of(current_settings(), "MGC")] == ["open", "closed"]


def test_one_whose_time_is_over_can_be_opened_again() -> None:
    settings, at = current_settings(), now()
    for hours, changed in ((0, True), (11, False), (12, True), (35, False), (36, True)):
        given = {"cause": "by hand", "detail": "x", "by": "ana"}
        moment = at + timedelta(hours=hours)
        assert change(settings, "MGC", "open", at=moment, **given) is changed, hours
