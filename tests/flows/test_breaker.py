"""The breaker on record: opened by live events, marked on predictions, closed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.health.drift import DriftFigures
from ml_core.health.parity import ParityReport
from registry.database import open_database
from registry.health.drift import DriftRecord, record_drift
from registry.health.parity import ParityRecord, record_parity
from tasks.health.breaker import breaker_of, change
from tasks.health.breaker_check import check_breaker
from tasks.prediction.predict import decided_entries
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings

WEDNESDAY_0905 = datetime(2024, 11, 19, 23, 5, 4, tzinfo=UTC)


def cli(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["breaker", *arguments])
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


@pytest.mark.usefixtures("own")
def test_while_it_is_open_answers_are_logged_marked_and_recommend_nothing() -> None:
    settings = current_settings()
    market = settings.market("mgc")
    slot = latest_slot(market, WEDNESDAY_0905)
    change(settings, "MGC", "open", cause="drawdown", detail="12 R", by="test", at=WEDNESDAY_0905)
    live = decided_entries(settings, market, slot, WEDNESDAY_0905, "live")
    assert [entry.role for entry in live] == ["champion", "challenger"]
    for entry in live:
        assert entry.status == "predicted"
        assert entry.p_up is not None
        assert entry.recommendation == "skip"
        assert entry.outputs.breaker == "open"
        assert entry.outputs.breaker_cause == "drawdown"
    replayed = decided_entries(settings, market, slot, WEDNESDAY_0905, "replay")
    assert [entry.outputs.breaker for entry in replayed] == [None, None]


@pytest.mark.usefixtures("own")
def test_unanswered_slots_open_it_and_answers_after_its_time_close_it_again() -> None:
    settings = current_settings()
    with open_database(settings.url).session() as session:
        session.execute(text("DELETE FROM predictions"))
    market = settings.market("mgc")
    day = datetime(2024, 11, 20, 1, 30, tzinfo=UTC)  # 11:30 in Brisbane: three ranges closed
    late = day + timedelta(hours=5)
    for name in ("0900", "1000", "1100"):
        slot = latest_slot(market, day, name)
        settings.ledger().record(decided_entries(settings, market, slot, late, "live"))
    assert check_breaker.fn("mgc", late).cause == "failures"
    assert check_breaker.fn("mgc", late).state == "open"
    assert not breaker_of(settings, "MGC", late).closed

    soon = late + timedelta(hours=13)
    assert breaker_of(settings, "MGC", soon).state == "half_open"
    assert check_breaker.fn("mgc", soon).state == "closed"
    assert check_breaker.fn("mgc", soon).state == "closed"


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("cause", ["parity", "drift"])
def test_a_check_that_found_something_wrong_opens_it_once(cause: str) -> None:
    settings = current_settings()
    at = WEDNESDAY_0905
    common: dict[str, Any] = {
        "market": "MGC",
        "first_day": at.date(),
        "last_day": at.date(),
        "verdict": "2 answers differ without a known cause",
        "at": at,
    }
    if cause == "parity":
        nothing = ParityReport.of(
            (), market="MGC", first_day=at.date(), last_day=at.date(), mode="live"
        )
        record_parity(
            settings.database(), ParityRecord(**common, compared=6, unexplained=2, figures=nothing)
        )
    else:
        record_drift(
            settings.database(),
            DriftRecord(
                **common,
                version="20240924-aa",
                rows=60,
                detected=True,
                figures=DriftFigures(why_not="", drifted=1),
            ),
        )
    breaker = check_breaker.fn("mgc", at + timedelta(minutes=1))
    assert (breaker.state, breaker.cause) == ("open", cause)
    # the report that opened it does not keep it open after its time is over
    later = at + timedelta(hours=13)
    assert check_breaker.fn("mgc", later).state == "closed"


def test_what_cannot_be_read_counts_as_open(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = own.parent / "broken"
    broken.mkdir()
    (broken / "orbcast.sqlite").write_bytes(b"not a database at all" * 100)
    monkeypatch.setenv("ORBCAST_HOME", str(broken))
    now = breaker_of(current_settings(), "MGC", WEDNESDAY_0905)
    assert (now.state, now.cause) == ("open", "unreadable")


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("damage", ["at = 'soon'", "state = 'ajar'"])
def test_a_row_that_cannot_be_read_counts_as_open(damage: str) -> None:
    settings = current_settings()
    for state in ("open", "closed"):
        change(settings, "MGC", state, cause="test", detail="fine", by="test", at=WEDNESDAY_0905)
    assert breaker_of(settings, "MGC", WEDNESDAY_0905).closed
    with settings.database().session() as session:
        session.execute(text(f"UPDATE breaker_events SET {damage}"))  # noqa: S608
    assert breaker_of(settings, "MGC", WEDNESDAY_0905).state == "open"


@pytest.mark.usefixtures("own")
def test_a_person_opens_and_resets_it_with_a_reason() -> None:
    assert "closed" in cli("status")
    assert "open, by ann" in cli("open", "--reason", "news day", "--by", "ann")
    assert "by hand, news day" in cli("status")
    assert "closed, by bob" in cli("reset", "--reason", "over", "--by", "bob")
    assert "reason" in cli("open", "--reason", " ", status=2)
