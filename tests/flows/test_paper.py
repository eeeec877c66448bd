"""The hand-off at stage auto: an intent's events, and a paper account that trades it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

import tasks.paper.books
import tasks.prediction.outbox
from deployments.cli.app import app
from ml_core.decision.slot import Slot
from ml_core.market_events import Stage
from monitoring.rollout.stage import Position
from registry.paper import paper_events
from registry.strategy import intent_events
from tasks.health.breaker import change
from tasks.paper.books import run_paper
from tasks.paper.update import update_outbox, update_paper
from tasks.prediction import predict as prediction
from tasks.prediction import slot_context
from tasks.prediction.outbox import outbox, review_outbox
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings, now
from tests.docs.page import steps_of
from tests.docs.pages import path_of
from tests.flows.test_result_schemas import SCHEMAS, closed

THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)
STRATEGY = 'name = "day"\none_position = false\nmax_size_atr = 5\n'
LIMITS = 'name = "mine"\nbalance = 25000\nrisk_money = 100\ndaily_loss = 130\n'


@pytest.fixture(autouse=True)
def at_stage_auto(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "1000000000")
    (own / "strategies").mkdir()
    (own / "strategies" / "day.toml").write_text(STRATEGY)
    monkeypatch.setenv("ORBCAST_STRATEGY", "day")
    stand_at(monkeypatch, "auto")
    models = current_settings().models()
    trees = models.find("MGC", "challenger").version
    models.set_alias("MGC", "champion", trees, at=now(), by="test", reason="to be asked")


def stand_at(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    position = Position(stage=stage, bound_to="what was approved")
    for module in (slot_context, tasks.prediction.outbox):
        monkeypatch.setattr(module, "stage_of", lambda *_: (stage, position))


def decide(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[Slot]:
    """Decide Thursday's ranges live, four seconds after each closed."""
    market = current_settings().market("mgc")
    slots = [latest_slot(market, THURSDAY_0905 + timedelta(hours=3), name) for name in names]
    for one in slots:
        made_at = one.decision + timedelta(seconds=4)
        monkeypatch.setattr(prediction, "_made_at", lambda made_at=made_at: made_at)
        prediction.plan_slot.fn(prediction.predict_slot.fn("mgc", one, "live"))
    return slots


def run(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def changes() -> list[str]:
    return [one.event for one in intent_events(current_settings().database(), "MGC")]


def test_an_intent_expires_or_is_withdrawn_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    (one, *_) = decide(monkeypatch, "0900", "1000")
    settings, soon = current_settings(), one.decision + timedelta(hours=1, minutes=1)
    assert review_outbox(settings, "mgc", soon) == ()
    stand_at(monkeypatch, "hybrid")
    first, second = review_outbox(settings, "mgc", soon)
    assert (first.event, first.reason, first.order) == ("withdrawn", "the stage is hybrid now", {})
    assert review_outbox(settings, "mgc", soon) == ()  # once
    stand_at(monkeypatch, "auto")
    assert {row.why_not for row in outbox(settings, "MGC", soon)} == {
        "withdrawn: the stage is hybrid now"
    }
    listed = run("strategy", "intents", "--events", "--after", str(first.id or 1))
    assert [row["event"] for row in listed][-2:] == ["withdrawn", "withdrawn"]
    assert second.sequence == 1
    words = CliRunner().invoke(app, ["strategy", "intents", "--events"]).stdout
    assert "withdrawn, the stage is hybrid now" in words
    decide(monkeypatch, "1100")
    assert update_outbox.fn("mgc", soon + timedelta(days=1)) == 1
    assert changes() == ["issued", "issued", "withdrawn", "withdrawn", "issued", "expired"]


def test_an_open_breaker_withdraws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = decide(monkeypatch, "0900")
    at = one.decision + timedelta(minutes=1)
    change(current_settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=at)
    (event,) = review_outbox(current_settings(), "mgc", at + timedelta(seconds=1))
    assert (event.event, event.reason) == ("withdrawn", "the circuit breaker is open: by hand")


def test_it_is_replaced_by_what_the_account_has_room_for_after_a_loss(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "accounts").mkdir()
    (own / "accounts" / "mine.toml").write_text(LIMITS)
    monkeypatch.setenv("ORBCAST_ACCOUNT", "mine")
    (one,) = decide(monkeypatch, "0900")
    settings = current_settings()
    (issued,) = intent_events(settings.database(), "MGC")
    before = [entry["contracts"] for entry in issued.order["entries"]]
    real = tasks.prediction.outbox.account_standing

    def after_a_loss(*arguments: Any) -> Any:
        standing = real(*arguments)
        begun = standing.on(one.trading_day).state
        lost = {"balance": begun.balance - left, "day_net": -left}
        return replace(standing, state=replace(begun, **lost))

    monkeypatch.setattr(tasks.prediction.outbox, "account_standing", after_a_loss)
    stop = min(
        abs(entry["level_ticks"] - entry["stop_ticks"]) + 5.48 for entry in issued.order["entries"]
    )
    left = 130 - 1.5 * stop  # room for one contract
    at = one.decision + timedelta(seconds=20)
    (event,) = review_outbox(settings, "mgc", at)
    assert event.event == "replaced"
    assert {entry["contracts"] for entry in event.order["entries"]} == {1}
    assert min(before) > 1
    assert "the account allows now" in event.reason
    assert review_outbox(settings, "mgc", at) == ()
    (row,) = outbox(settings, "MGC", at)
    assert (row.event, row.in_force, row.order["entries"][0]["contracts"]) == ("replaced", True, 1)
    left = 129.0  # none
    (event,) = review_outbox(settings, "mgc", at)
    assert (event.event, event.order) == ("withdrawn", {})
    assert "too much" in event.reason


def test_the_paper_account_trades_the_outbox_and_a_kill_anywhere_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slots = decide(monkeypatch, "0900", "1000", "1100")
    settings, end = current_settings(), slots[0].decision + timedelta(hours=10)
    recording = tasks.paper.books.record_paper

    kills = []

    def killed(*_: Any, **__: Any) -> bool:
        kills.append(1)
        raise KeyboardInterrupt

    for minutes in (10, 75, 140, 141):
        at = slots[0].decision + timedelta(minutes=minutes)
        monkeypatch.setattr(tasks.paper.books, "record_paper", killed)
        with contextlib.suppress(KeyboardInterrupt):
            run_paper(settings, "mgc", "outbox", at)
        monkeypatch.setattr(tasks.paper.books, "record_paper", recording)
        run_paper(settings, "mgc", "outbox", at)
    assert kills
    assert update_paper.fn("mgc", end) > 0
    assert update_paper.fn("mgc", end) == 0
    record = paper_events(settings.database(), "outbox", "MGC")

    whole: list[Any] = []
    monkeypatch.setattr(
        tasks.paper.books, "record_paper", lambda *given, **_: whole.extend(given[3]) or True
    )
    monkeypatch.setattr(tasks.paper.books, "paper_events", lambda *_: ())
    run_paper(settings, "mgc", "outbox", end)

    def comparable(events: Any) -> list[Any]:
        return sorted((one.key, one.sequence, one.event, one.time, one.price) for one in events)

    assert comparable(record) == comparable(whole)
    assert {one.event for one in record} >= {"taken", "filled", "closed", "ended"}


def test_the_paper_account_is_run_and_shown_by_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decide(monkeypatch, "0900", "1000")
    words = CliRunner().invoke(app, ["paper", "run", "--account", "own-money"]).stdout
    assert "taken" in words
    assert "MGC, outbox, account own-money: 2 intents" in words
    assert run("paper", "run")["added"] == []
    statement = run("paper", "show")
    assert statement["account"] == "own-money"
    assert statement["balance"] == pytest.approx(
        25_000 + sum(one["money"] for one in statement["slots"] if one["money"] is not None)
    )
    jsonschema.validate(statement, closed(SCHEMAS["paper-statement"]))
    jsonschema.validate(run("paper", "run"), closed(SCHEMAS["paper-run"]))
    for row in run("strategy", "intents"):
        jsonschema.validate(row, closed(SCHEMAS["order-intent"]))
    for event in run("strategy", "intents", "--events"):
        jsonschema.validate(event, closed(SCHEMAS["intent-event"]))
    for one in statement["slots"]:
        if one["difference"] is not None:
            assert one["difference"] == pytest.approx(one["r_net"] - one["plan_r"])
    assert "Account own-money" in CliRunner().invoke(app, ["paper", "show"]).stdout
    other = CliRunner().invoke(app, ["paper", "run", "--account", "static-100k"])
    assert other.exit_code == 2
    assert "was started with the limits of own-money" in other.stderr
    unknown = CliRunner().invoke(app, ["paper", "show", "--from", "mine"])
    assert (unknown.exit_code, "use one of outbox, plans, replay" in unknown.stderr) == (2, True)
    plans = run("paper", "run", "--from", "plans")
    assert (plans["intents"], plans["book"]) == (2, "plans")
    nothing = CliRunner().invoke(app, ["paper", "run", "--from", "replay"]).stdout
    assert "no recorded plans" in nothing


def test_the_consumer_of_the_page_takes_each_event_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (step,) = [one for one in steps_of(path_of("hand-off.md")) if one.title == "consumer.py"]
    monkeypatch.chdir(tmp_path)

    def run_here(words: list[str], **_: Any) -> SimpleNamespace:
        return SimpleNamespace(stdout=CliRunner().invoke(app, words[1:]).stdout)

    def consume() -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "run", run_here)
            exec(compile(step.text, "consumer.py", "exec"), {})  # noqa: S102 - our own page
        return json.loads((tmp_path / "taken.json").read_text())

    (one,) = decide(monkeypatch, "0900")
    first = consume()
    (slot,) = first["orders"]
    assert first["orders"][slot]["status"] == "refused: stale"  # it is years old
    assert consume() == first
    review_outbox(current_settings(), "mgc", one.decision + timedelta(days=1))
    assert consume()["orders"][slot]["status"] == "expired"
    assert consume()["last"] > first["last"]
