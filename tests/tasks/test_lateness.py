"""In time, late, missed: the deciding second; a replay's clock is its decision time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.decision.entry import Mode, PredictionEntry
from ml_core.decision.slot import Slot
from registry.errors import PrematurePredictionError
from tasks.prediction import predict as prediction
from tasks.prediction.predict import decided_entries
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings
from tests.tasks.unread_version import unread_version

# Wednesday 2024-11-20 at 09:05 in Brisbane
T0 = datetime(2024, 11, 19, 23, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def requested_times(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Times for which the serving version was requested, in an empty home."""
    del home
    times: list[datetime] = []

    def versions(*arguments: object) -> tuple[object, ...]:
        times.append(next(value for value in arguments if isinstance(value, datetime)))
        return (unread_version(),)

    monkeypatch.setattr("tasks.prediction.slot_context.versions_for", versions)
    return times


def slot() -> Slot:
    return latest_slot(current_settings().market("mgc"), T0, "0900")


def prediction_made_after(seconds: float, mode: Mode = "live") -> PredictionEntry:
    settings = current_settings()
    made_at = T0 + timedelta(seconds=seconds)
    (entry,) = decided_entries(settings, settings.market("mgc"), slot(), made_at, mode)
    return entry


@pytest.mark.parametrize(
    ("seconds", "late"),
    [(0, False), (59, False), (61, False), (119.999, False), (120, False), (120.001, True)],
)
def test_a_live_answer_is_late_two_minutes_after_its_decision_time(
    seconds: float, late: bool
) -> None:
    assert prediction_made_after(seconds).late is late


@pytest.mark.parametrize(("seconds", "late"), [(59, False), (60, False), (61, True)])
def test_the_limit_is_the_one_that_was_set(
    monkeypatch: pytest.MonkeyPatch, seconds: float, late: bool
) -> None:
    monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "60")
    assert prediction_made_after(seconds).late is late


@pytest.mark.parametrize(
    ("seconds", "reason"), [(3599, "stale_data"), (3600, "stale_data"), (3600.001, "missed")]
)
def test_a_live_answer_is_missed_an_hour_after_its_decision_time(
    seconds: float, reason: str
) -> None:
    entry = prediction_made_after(seconds)
    assert (entry.reason, entry.late) == (reason, True)


def test_a_live_answer_before_the_window_has_closed_is_refused() -> None:
    with pytest.raises(PrematurePredictionError):
        prediction_made_after(-0.001)


@pytest.mark.parametrize("seconds", [-0.001, 120.001, 3600.001, 86400 * 400])
def test_a_replay_is_neither_early_nor_late_nor_missed(seconds: float) -> None:
    entry = prediction_made_after(seconds, "replay")
    assert (entry.reason, entry.late) == ("stale_data", False)
    assert entry.made_at == T0 + timedelta(seconds=seconds)


def test_a_replay_uses_the_version_of_the_decision_time_and_a_live_prediction_the_present_one(
    requested_times: list[datetime],
) -> None:
    prediction_made_after(86400 * 400, "replay")
    prediction_made_after(90)
    assert requested_times == [T0, T0 + timedelta(seconds=90)]


def test_the_clock_dates_the_entry_whatever_the_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    made_at = T0 + timedelta(seconds=121)
    monkeypatch.setattr(prediction, "_made_at", lambda: made_at)
    for mode in ("live", "replay"):
        prediction.predict_slot.fn("mgc", slot(), mode)
    rows = [row.prediction for row in current_settings().ledger().settled("MGC")]
    assert [(row.mode, row.decision_time, row.made_at, row.late) for row in rows] == [
        ("live", T0, made_at, True),
        ("replay", T0, made_at, False),
    ]


@pytest.mark.parametrize(("seconds", "late"), [(59, False), (60, False), (61, True)])
def test_a_clock_that_stepped_back_by_more_than_a_minute_makes_a_live_answer_late(
    seconds: float, late: bool
) -> None:
    ledger = current_settings().ledger()
    earlier = prediction_made_after(100)
    later = replace(
        earlier, opening_range="1000", made_at=earlier.made_at - timedelta(seconds=seconds)
    )
    ledger.record([earlier, later])
    assert [row.prediction.late for row in ledger.settled("MGC")] == [False, late]
