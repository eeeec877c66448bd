"""The drift check on a real ledger: quiet, then shifted; announced once, never for a replay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prefect.events import Event
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.check_drift import check_drift
from flows.nightly_retrain import nightly_retrain
from ml_core.features.all import CATALOGUE
from monitoring.drift.shifts import WINDOW_DAYS
from registry.health.drift import drift_records
from tasks.health import drift
from tasks.settings import current_settings
from tests.live_days import logged_home_of

FIRST, LAST = date(2024, 11, 4), date(2024, 11, 19)


@pytest.fixture(scope="module")
def logged_home(untouched_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home, to be copied, with twelve days of live predictions."""
    return logged_home_of(untouched_home, tmp_path_factory.mktemp("logged"), FIRST, LAST)


@pytest.fixture
def logged(logged_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a copy of that home."""
    monkeypatch.setenv("ORBCAST_HOME", str(shutil.copytree(logged_home, tmp_path / "home")))
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    monkeypatch.setattr("monitoring.drift.report.LEAST_REFERENCE_DAYS", 60)


@pytest.fixture
def counted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count drifted columns without Evidently, whose count takes seconds and is the same."""
    monkeypatch.setattr(
        "monitoring.drift.report.counted_by_evidently",
        lambda _reference, _current, columns: sum(column.drifted for column in columns),
    )


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Event]]]:
    """Return the drift events handed to Prefect, in the form it would send them."""
    AssertingEventsClient.reset()
    worker = EventsWorker.instance(AssertingEventsClient)
    monkeypatch.setattr(EventsWorker, "instance", lambda *_: worker)

    def drift_events() -> list[Event]:
        worker.wait_until_empty()
        sent = [event for client in AssertingEventsClient.all for event in client.events]
        return [event for event in sent if event.event == "orbcast.drift.detected"]

    yield drift_events
    worker.drain()


def shift(by: float) -> None:
    """Shift the momentum features of every logged row directly in the database."""
    with current_settings().database().session() as session:
        for number, features in session.execute(text("SELECT id, features FROM predictions")):
            values = json.loads(features)
            shifted = {
                name: value + by
                for name, value in values.items()
                if name.startswith("change_") and value is not None
            }
            session.execute(
                text("UPDATE predictions SET features = :features WHERE id = :id"),
                {"features": json.dumps({**values, **shifted}), "id": number},
            )


AT = datetime(2024, 11, 20, 12, tzinfo=UTC)


@pytest.mark.usefixtures("logged", "counted_here", "prefect_server")
def test_a_shift_is_announced_once_and_its_report_is_kept(
    announced: Callable[[], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Evidently's page takes half a minute, so only this test makes it
    monkeypatch.setattr(drift, "write_full_report", lambda *given: given[-1].write_text("page"))
    quiet = check_drift("mgc", as_of=AT - timedelta(days=1))
    assert (quiet.judged, quiet.detected, announced()) == (True, False, [])

    shift(30.0)
    check = check_drift("mgc", as_of=AT, full=True)
    assert check.detected
    assert "momentum" in check.groups
    assert (check.report or "").endswith(".html")
    assert Path(check.report or "").read_text() == "page"
    (event,) = announced()
    assert event.resource.id == "orbcast.market.mgc"
    assert event.payload["last_day"] == "2024-11-19"
    assert event.payload["groups"] == list(check.groups)

    assert check_drift("mgc", as_of=AT).detected
    assert check_drift("mgc", as_of=AT - timedelta(days=2)).detected
    assert len(announced()) == 1
    records = drift_records(current_settings().database(), "MGC")
    assert [record.detected for record in records] == [True, False, True]
    result = CliRunner().invoke(app, ["drift", "show"])
    assert "drift in" in result.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("logged")
def test_the_full_report_has_every_column_that_is_compared() -> None:
    page = Path(drift.write_report.fn("mgc", AT)).read_text("utf-8")
    record = current_settings().models().serving("MGC", AT).record
    compared = drift._held(current_settings(), "MGC", record, AT, "live")[0].names
    assert {"change_15m", drift._SAID} <= set(compared), compared
    assert [name for name in compared if name not in page] == []


@pytest.mark.usefixtures("logged", "counted_here", "prefect_server")
def test_the_retrain_that_a_drift_starts_ends_with_a_check_and_starts_no_other(
    announced: Callable[[], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.runs.periods.now", lambda: AT)
    shift(30.0)
    assert check_drift("mgc").detected
    retrained = nightly_retrain("mgc", refresh=False)
    assert "drift in" in str(retrained.drift)
    assert len(announced()) == 1


@pytest.mark.usefixtures("logged", "counted_here", "prefect_server")
def test_replays_are_looked_at_and_start_nothing(announced: Callable[[], list[Event]]) -> None:
    with current_settings().database().session() as session:
        session.execute(text("UPDATE predictions SET mode = 'replay'"))
    shift(30.0)
    assert check_drift("mgc", mode="replay", as_of=AT).detected
    assert announced() == []
    assert drift_records(current_settings().database(), "MGC") == ()
    live = check_drift("mgc", as_of=AT)
    assert not live.judged
    assert not live.detected


@pytest.mark.usefixtures("logged", "counted_here")
def test_one_that_ends_before_its_report_is_kept_is_announced_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announcements: list[str] = []
    monkeypatch.setattr(drift, "emit", lambda event: announcements.append(event.name))
    drift.compare.fn("mgc", AT - timedelta(days=1))
    shift(30.0)
    with monkeypatch.context() as ends:
        ends.setattr(drift, "record_drift", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            drift.compare.fn("mgc", AT)
    for _ in range(2):
        assert drift.compare.fn("mgc", AT).detected
    assert announcements == ["orbcast.drift.detected"] * 2


@pytest.mark.usefixtures("logged", "counted_here")
def test_a_later_look_at_the_same_rows_replaces_the_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drift, "emit", lambda _: None)
    drift.compare.fn("mgc", AT)
    shift(30.0)
    drift.compare.fn("mgc", AT + timedelta(hours=1))
    (record,) = drift_records(current_settings().database(), "MGC")
    assert record.detected
    assert "drift in" in record.verdict


@pytest.mark.usefixtures("logged")
def test_a_recipe_blind_to_the_calendar_leaves_the_same_days_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = current_settings()
    record = settings.models().serving("MGC", AT).record
    learned = drift._learned(record.folder, CATALOGUE)
    logged = drift._logged(settings, "MGC", learned.names, AT, "live")
    assert set(learned.day) != set(learned.ordinary().day)

    blind = tuple(name for name in learned.names if name not in {"early_close", "days_since_roll"})
    monkeypatch.setattr(drift, "_learned", lambda *_: learned.of(blind))
    reference, rows = drift._held(settings, "MGC", record, AT, "live")
    assert set(rows.day) == set(logged.ordinary().day)
    looked_at = set(sorted(set(rows.day))[-WINDOW_DAYS:])
    assert looked_at < set(learned.day)
    assert set(reference.daily.day) == set(learned.ordinary().day) - looked_at
