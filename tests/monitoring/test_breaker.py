"""The breaker opens on trouble, does not flap, and never closes itself while it is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.breaker import (
    POLICY,
    BreakerEvent,
    LiveRow,
    standing,
    trouble,
)

T0 = datetime(2024, 6, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(hours: float, state: str) -> BreakerEvent:
    return BreakerEvent(
        at=T0 + hours * HOUR,
        state=state,  # type: ignore[arg-type]
        cause="c",
        detail="d",
        by="x",
    )


def test_without_events_it_is_closed() -> None:
    assert standing([], T0).closed


def test_it_stays_open_for_its_time_and_is_then_half_open_not_closed() -> None:
    events = [event(0, "open")]
    assert standing(events, T0 + 11 * HOUR).state == "open"
    assert standing(events, T0 + 12 * HOUR).state == "half_open"
    assert standing(events, T0 + timedelta(days=400)).state == "half_open"


def test_each_opening_in_a_row_doubles_its_time_and_a_long_quiet_forgets_them() -> None:
    events = [event(0, "open"), event(13, "closed"), event(14, "open")]
    assert standing(events, T0 + (14 + 23) * HOUR).state == "open"
    assert standing(events, T0 + (14 + 24) * HOUR).state == "half_open"
    later = POLICY.longest / HOUR + 14
    quiet = [event(0, "open"), event(13, "closed"), event(later, "open")]
    assert standing(quiet, T0 + (later + 12) * HOUR).state == "half_open"


@given(st.lists(st.sampled_from(["open", "closed"]), max_size=30), st.floats(0, 10_000))
def test_time_alone_never_closes_it(states: list[str], hours: float) -> None:
    events = [event(index, state) for index, state in enumerate(states)]
    now = standing(events, T0 + (len(states) + hours) * HOUR)
    assert now.closed == (not states or states[-1] == "closed")
    if now.until is not None and now.since is not None:
        assert now.until - now.since <= POLICY.longest


def rows(count: int, **given_: object) -> list[LiveRow]:
    return [LiveRow(at=T0 + index * HOUR, failed=False, **given_) for index in range(count)]  # type: ignore[arg-type]


def test_the_cause_says_whether_it_was_the_data_the_clock_or_us() -> None:
    stale = [LiveRow(at=T0, failed=True, stale=True)] * 3
    assert trouble(stale) == ("data", "3 slots in a row had no bars come in for them")
    mixed = trouble([*stale[:2], LiveRow(at=T0, failed=True)])
    assert mixed is not None
    assert mixed[0] == "failures"
    assert trouble(rows(3, late=True)) == ("latency", "3 answers in a row came too late")
    assert trouble([*rows(2, late=True), *rows(1)]) is None


def test_failures_in_a_row_open_it_and_one_answer_between_does_not() -> None:
    failed = [LiveRow(at=T0, failed=True)] * 3
    found = trouble(failed)
    assert found is not None
    assert found[0] == "failures"
    assert trouble([*failed[:2], *rows(1), *failed[:2]]) is None
    assert trouble(failed[:2]) is None


def test_a_fall_in_r_opens_it() -> None:
    assert trouble(rows(9, r_net=-1.0)) is None
    found = trouble(rows(10, r_net=-1.0))
    assert found is not None
    assert found[0] == "drawdown"
    assert trouble(rows(100, r_net=0.1)) is None


@pytest.mark.parametrize(("towards", "opens"), [(-0.2, True), (0.2, False)])
def test_a_champion_worse_than_the_corridor_opens_it(towards: float, opens: bool) -> None:
    draw = np.random.default_rng(1)
    judged = []
    for index in range(400):
        up = bool(draw.random() < 0.5)
        said = 0.5 + (towards if up else -towards)
        judged.append(
            LiveRow(at=T0 + index * 4 * HOUR, failed=False, p_up=said, baseline_p_up=0.5, up=up)
        )
    found = trouble(judged)
    assert (found is not None and found[0] == "accuracy") == opens
