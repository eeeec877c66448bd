"""The rollout on record: missing gates are listed, trouble steps down, forgery has no effect."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.audit import audit
from ml_core.market_events import RolloutEvent
from registry.notices import notices
from registry.rollout import rollout_faults, rollout_records
from tasks.health.breaker import change
from tasks.prediction import predict as prediction
from tasks.prediction.slots import latest_slot
from tasks.rollout import checks as rollout_checks
from tasks.rollout import stage as rollout
from tasks.rollout.record import record_event
from tasks.settings import current_settings, now
from tests.live_days import set_clock

THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)


def cli(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["rollout", *arguments])
    assert result.exit_code == status, result.output
    return result.stdout if not status else result.stderr


@pytest.fixture
def advisory(own: Path) -> None:
    """A market that a person moved to advisory, with all gates passed, by its events."""
    del own
    settings = current_settings()
    serving = settings.models().serving("MGC", now()).record
    common: dict[str, Any] = {"market": "MGC", "by": "ana", "reason": "seen", "bound_to": "h"}
    at = now() - timedelta(days=1)
    events = [
        RolloutEvent(
            sequence=0,
            at=at,
            kind="approved",
            stage="advisory",
            expires_at=at + timedelta(days=2),
            **common,
        ),
        RolloutEvent(
            sequence=1,
            at=at,
            kind="up",
            stage="advisory",
            details={"recipe_hash": serving.recipe_hash},
            **common,
        ),
    ]
    for event in events:
        record_event(settings, event)
    assert rollout.stage_of(settings, "MGC", now())[0] == "advisory"


@pytest.mark.usefixtures("own")
def test_a_fresh_market_is_in_shadow_and_every_gate_says_what_is_missing() -> None:
    status = json.loads(cli("status", "--json"))
    assert (status["stage"], status["next"]) == ("shadow", "advisory")
    missing = {gate["name"]: gate["missing"] for gate in status["gates"] if not gate["passed"]}
    assert missing["live days"] == "90 more days"
    assert missing["trades"] == "617 more trades"
    assert missing["model"] == "a champion with skill above the baseline"
    assert "drift check that ran" in missing["drift"]
    assert "approval" in missing
    words = cli("status")
    assert "617 more trades" in words
    assert "next: wait" in words


@pytest.mark.usefixtures("own")
def test_neither_a_step_up_nor_an_approval_can_be_had_without_what_they_ask_for() -> None:
    assert "live days: 90 more days" in cli(
        "step-up", "--to", "advisory", "--reason", "now", status=2
    )
    assert "not the stage below" in cli("step-up", "--to", "auto", "--reason", "now", status=2)
    assert "has a study" in cli("approve", "--to", "advisory", "--reason", "ok", status=2)
    assert "is not a stage" in cli("status", "--to", "heaven", status=2)
    assert json.loads(cli("status", "--json"))["stage"] == "shadow"
    assert rollout_records(current_settings().database(), "MGC") == ()


@pytest.mark.usefixtures("own")
def test_live_answers_are_counted_and_replays_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, tmp_path / "clock", THURSDAY_0905 + timedelta(days=101, hours=1))
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "1000000000")
    with current_settings().database().session() as session:
        session.execute(text("DELETE FROM predictions"))
    slot = latest_slot(current_settings().market("mgc"), THURSDAY_0905)
    prediction.predict_slot.fn("mgc", slot, "replay")
    before = json.loads(cli("status", "--json"))["gates"]
    assert "0 calendar days" in before[1]["figure"]
    prediction.predict_slot.fn("mgc", slot, "live")
    after = json.loads(cli("status", "--json"))["gates"]
    assert "101 calendar days" in after[1]["figure"]
    assert after[1]["passed"]


@pytest.mark.usefixtures("advisory")
def test_trouble_steps_down_at_once_sends_a_notice_and_stays_down() -> None:
    settings = current_settings()
    change(settings, "MGC", "open", cause="drawdown", detail="12 R", by="test", at=now())
    check = rollout_checks.check_rollout.fn("mgc", now())
    assert check.stage == "shadow"
    assert "circuit breaker is open" in (check.stepped_down or "")
    change(settings, "MGC", "closed", cause="by hand", detail="fine", by="ana", at=now())
    assert rollout_checks.check_rollout.fn("mgc", now()).stage == "shadow"
    assert json.loads(cli("status", "--json"))["counted_from"] is not None
    kinds = [record.notice.subject for record in notices(settings.database())]
    assert "MGC: stepped down to shadow" in kinds


@pytest.mark.usefixtures("advisory")
def test_a_check_that_did_not_run_steps_down_but_spoils_no_record() -> None:
    check = rollout_checks.check_rollout.fn("mgc", now())
    assert check.stage == "shadow"
    assert "never checked" in (check.stepped_down or "")
    assert json.loads(cli("status", "--json"))["counted_from"] is None


@pytest.mark.usefixtures("advisory")
def test_an_edited_event_is_named_and_counts_as_shadow() -> None:
    settings = current_settings()
    with settings.database().session() as session:
        session.execute(text("UPDATE rollout_events SET stage = 'auto' WHERE kind = 'up'"))
    assert rollout.stage_of(settings, "MGC", now())[0] == "shadow"
    assert "was edited" in rollout_faults(settings.database())[0]
    verified = CliRunner().invoke(app, ["verify"])
    assert verified.exit_code == 1
    assert "rollout event" in verified.stdout


@pytest.mark.usefixtures("own", "prefect_server")
def test_the_daily_audit_shows_the_gates() -> None:
    result = audit("mgc")
    assert result.lookahead.clean


@pytest.mark.usefixtures("advisory")
def test_a_person_can_go_down_and_off_and_come_back_to_shadow_only() -> None:
    assert "MGC: off" in cli("step-down", "--to", "off", "--reason", "holiday", "--by", "ana")
    assert "MGC: shadow" in cli("step-up", "--to", "shadow", "--reason", "back", "--by", "ana")
    assert "is not below it" in cli("step-down", "--to", "auto", "--reason", "up?", status=2)
