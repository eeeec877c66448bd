"""Replay: the live code on past days, reproducible, and never part of the live record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from flows.replay import replay
from ml_core.errors import ReversedPeriodError
from tasks.prediction import predict as prediction
from tasks.prediction.replay import replay_days
from tasks.prediction.slots import latest_slot
from tasks.runs.periods import FutureDayError
from tasks.settings import current_settings

FIRST, LAST = date(2024, 11, 18), date(2024, 11, 20)


@pytest.fixture(autouse=True)
def empty(own: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del own
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    with current_settings().database().session() as session:
        session.execute(text("DELETE FROM predictions"))


@pytest.mark.usefixtures("prefect_server")
def test_replaying_twice_adds_nothing_and_a_replay_is_not_live() -> None:
    first = replay("mgc", FIRST, LAST)
    again = replay("mgc", FIRST, LAST)
    assert (first.slots, first.added, again.added) == (18, 18, 0)
    assert first.verdict == again.verdict
    ledger = current_settings().ledger()
    assert ledger.settled("MGC", mode="live") == ()
    rows = ledger.settled("MGC", mode="replay")
    assert {row.prediction.mode for row in rows} == {"replay"}
    assert sum(row.outcome is not None for row in rows) > 18
    assert ledger.verify_chain() == ()


def test_a_replayed_answer_is_the_live_one_to_the_bit() -> None:
    def ignore_progress(_: float) -> None:
        """Ignore the progress."""

    replay_days.fn("mgc", LAST, LAST, ignore_progress)
    slot = latest_slot(
        current_settings().market("mgc"), datetime(2024, 11, 19, 23, 5, 4, tzinfo=UTC)
    )
    prediction.predict_slot.fn("mgc", slot, "live")

    def predictions(mode: Any) -> list[tuple[Any, ...]]:
        rows = current_settings().ledger().settled("MGC", first=LAST, last=LAST, mode=mode)
        return [
            (row.prediction.role, row.prediction.p_up, row.prediction.features)
            for row in rows
            if row.prediction.opening_range == slot.opening_range
        ]

    assert predictions("live") == predictions("replay")
    assert predictions("live")


@pytest.mark.usefixtures("prefect_server")
def test_days_that_have_not_come_are_refused_before_anything_is_answered() -> None:
    with pytest.raises(FutureDayError, match="day 2190-01-02 is in the future"):
        replay("mgc", FIRST, date(2190, 1, 2))
    assert current_settings().ledger().settled("MGC", mode="replay") == ()


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ReversedPeriodError, match="swap them"):
        replay_days.fn("mgc", LAST, FIRST, print)
