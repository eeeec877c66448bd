"""The drift check on a real ledger: quiet, then shifted, announced once, never by a replay."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.check_drift import check_drift
from registry.drift import drift_records
from tasks import drift
from tasks.decision import answers
from tasks.settings import now, settings
from tasks.slots import slots_between

FIRST, LAST = date(2024, 11, 4), date(2024, 11, 19)


@pytest.fixture
def logged(own: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve days of live answers."""
    del own
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    monkeypatch.setattr("monitoring.drift_report.LEAST_REFERENCE_DAYS", 60)
    where = settings()
    with where.database().session() as session:
        session.execute(text("DELETE FROM predictions"))
    market = where.market("mgc")
    for slot in slots_between(market, FIRST, LAST):
        where.ledger().record(answers(where, market, slot, now(), "live"))


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that were emitted."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(drift, "emit_event", lambda **event: found.append(event))
    return found


def shift(by: float) -> None:
    """Move the momentum features of every logged row, in the database itself."""
    with settings().database().session() as session:
        for number, features in session.execute(text("SELECT id, features FROM predictions")):
            values = json.loads(features)
            moved = {
                name: value + by
                for name, value in values.items()
                if name.startswith("change_") and value is not None
            }
            session.execute(
                text("UPDATE predictions SET features = :features WHERE id = :id"),
                {"features": json.dumps({**values, **moved}), "id": number},
            )


AT = datetime(2024, 11, 20, 12, tzinfo=UTC)


@pytest.mark.usefixtures("logged", "prefect_server")
def test_a_shift_is_announced_once_and_its_report_is_kept(announced: list[dict[str, Any]]) -> None:
    quiet = check_drift("mgc", as_of=AT - timedelta(days=1))
    assert (quiet["judged"], quiet["detected"], announced) == (True, False, [])

    shift(30.0)
    found = check_drift("mgc", as_of=AT, full=True)
    assert found["detected"]
    assert "momentum" in found["groups"]
    assert found["report"].endswith(".html")
    (event,) = announced
    assert event["event"] == "orbcast.drift.detected"
    assert event["resource"] == {"prefect.resource.id": "orbcast.market.mgc"}
    assert event["payload"]["last_day"] == "2024-11-19"

    assert check_drift("mgc", as_of=AT)["detected"]
    assert len(announced) == 1
    records = drift_records(settings().database(), "MGC")
    assert [each.detected for each in records] == [False, True]
    told = CliRunner().invoke(app, ["drift", "show"])
    assert "drift in" in told.stdout


@pytest.mark.usefixtures("logged", "prefect_server")
def test_replays_are_looked_at_and_start_nothing(announced: list[dict[str, Any]]) -> None:
    with settings().database().session() as session:
        session.execute(text("UPDATE predictions SET mode = 'replay'"))
    shift(30.0)
    assert check_drift("mgc", mode="replay", as_of=AT)["detected"]
    assert announced == []
    assert drift_records(settings().database(), "MGC") == ()
    live = check_drift("mgc", as_of=AT)
    assert not live["judged"]
    assert not live["detected"]
