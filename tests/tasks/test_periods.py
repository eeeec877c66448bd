"""A scheduled run works as of its own time, although Prefect may start it slightly early."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tasks.prediction.slots import latest_slot
from tasks.runs import periods, run_names
from tests.ml_core.builders import mgc

SLOT = latest_slot(mgc(), datetime(2024, 1, 16, 12, tzinfo=UTC), "0900")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock 0.4 s before a slot's decision, and the seconds slept by it."""
    slept: list[float] = []

    class Clock(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
            ticks.append(1)
            since = timedelta(seconds=sum(slept), microseconds=len(ticks))
            return SLOT.decision - timedelta(seconds=0.4) + since

    ticks: list[int] = []
    scheduled = SimpleNamespace(scheduled_start_time=SLOT.decision)
    for module in (periods, run_names):
        monkeypatch.setattr(module, "datetime", Clock)
        monkeypatch.setattr(module, "now", Clock.now)
        monkeypatch.setattr(module, "flow_run", scheduled)
    monkeypatch.setattr(periods, "time", SimpleNamespace(sleep=slept.append))
    return slept


def test_a_run_that_begins_before_its_time_answers_its_own_slot(clock: list[float]) -> None:
    moment = periods.moment_of(None, mgc())

    assert latest_slot(mgc(), moment, "0900") == SLOT
    assert sum(clock) < 0.41


def test_a_run_of_several_markets_waits_too(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("flows.predict_together")
    moments: list[datetime] = []

    def slots_of(_settings: object, _ranges: object, moment: datetime) -> None:
        moments.append(moment)
        raise InterruptedError

    monkeypatch.setattr(module, "slots_of", slots_of)
    with pytest.raises(InterruptedError):
        module.predict_together.fn({"mgc": ["0900"]})

    assert [latest_slot(mgc(), moment, "0900") for moment in moments] == [SLOT]
    assert clock, "it waited"


def test_a_run_that_is_begun_long_before_its_time_is_not_held(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = SimpleNamespace(scheduled_start_time=SLOT.decision + timedelta(hours=1))
    monkeypatch.setattr(periods, "flow_run", later)

    assert periods.moment_of(None, mgc()) < SLOT.decision
    assert clock == []


@pytest.mark.parametrize(
    ("by_schedule", "stepped", "held"),
    [(True, 60.0, True), (True, 3600.0, False), (False, 60.0, False)],
    ids=["stepped back", "set to another hour", "by hand"],
)
def test_a_run_of_a_schedule_waits_where_its_clock_was_stepped_back(
    clock: list[float],
    monkeypatch: pytest.MonkeyPatch,
    *,
    by_schedule: bool,
    stepped: float,
    held: bool,
) -> None:
    due = SimpleNamespace(scheduled_start_time=SLOT.decision + timedelta(seconds=stepped))
    run = SimpleNamespace(flow_run=SimpleNamespace(auto_scheduled=by_schedule))
    monkeypatch.setattr(periods, "flow_run", due)
    monkeypatch.setattr(periods.FlowRunContext, "get", lambda: run)

    moment = periods.moment_of(None, mgc())

    assert (moment >= due.scheduled_start_time) == held == bool(clock)


@pytest.mark.usefixtures("clock")
def test_a_run_is_named_after_its_own_slot_before_it_begins() -> None:
    start = run_names._start()

    assert latest_slot(mgc(), start, "0900") == SLOT
