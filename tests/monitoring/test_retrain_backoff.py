"""Retrains pause after repeated failures, longer with each, and never because of manual runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.market_events import RetrainAttempt
from monitoring.retrain_backoff import LATE, LONGEST_DAYS, failures, paused_until

T0 = datetime(2025, 3, 4, 8, 16, tzinfo=UTC)
DAY = timedelta(days=1)


def night(number: int, end: str = "failed", *, by_itself: bool = True) -> RetrainAttempt:
    at = T0 + number * DAY
    over: Any = {} if end == "killed" else {"end": end, "ended_at": at}
    return RetrainAttempt(market="MGC", began_at=at, by_itself=by_itself, **over)


def test_fewer_failures_than_allowed_change_nothing() -> None:
    assert paused_until([night(0), night(1)], 3) is None
    assert paused_until([], 1) is None


@pytest.mark.parametrize(("failed", "days"), [(3, 1), (4, 2), (5, 4), (6, 8), (7, 8), (70, 8)])
def test_the_pause_doubles_with_each_further_failure(failed: int, days: int) -> None:
    attempts = [night(number) for number in range(failed)]
    assert paused_until(attempts, 3) == attempts[-1].last_seen + days * DAY + LATE


def test_a_pause_of_a_day_skips_the_next_night_and_no_other() -> None:
    until = paused_until([night(0)], 1)
    assert until is not None
    # the schedule's run may begin earlier or later in its hour than the one that failed
    due = [T0.replace(minute=minute) + days * DAY for days in (1, 2) for minute in (15, 50)]
    assert [at < until for at in due] == [True, True, False, False]


def test_a_killed_attempt_is_a_failure_and_one_stopped_by_a_person_is_not() -> None:
    assert len(failures([night(0, "killed"), night(1, "stopped"), night(2)])) == 2


def test_a_manual_run_is_no_failure_but_its_success_ends_the_pause() -> None:
    failed = [night(number) for number in range(3)]
    assert len(failures([*failed, night(3, by_itself=False)])) == 3
    assert paused_until([*failed, night(3, "done", by_itself=False)], 3) is None


@given(
    ends=st.lists(st.sampled_from(["done", "failed", "stopped", "killed"]), max_size=30),
    allowed=st.integers(1, 5),
)
def test_no_pause_is_longer_than_stated_or_begins_before_a_failure(
    ends: list[str], allowed: int
) -> None:
    attempts = [night(number, end) for number, end in enumerate(ends)]
    until = paused_until(attempts, allowed)
    failed = failures(attempts)
    assert (until is None) == (len(failed) < allowed)
    if until is not None:
        assert DAY < until - failed[-1].last_seen <= LONGEST_DAYS * DAY + LATE
