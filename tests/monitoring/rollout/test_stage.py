"""The rollout: up one stage at a time, by a person, on evidence; down at once, never back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml_core.market_events import STAGES, RolloutEvent, Stage
from monitoring.rollout.stage import RolloutPolicy, latest_time, open_approvals, position

T0 = datetime(2025, 1, 6, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
FIRST: Any = {"market": "MGC", "sequence": 0}


def approved(
    stage: Stage, at: datetime, to: str = "h", lasts: timedelta = 14 * DAY
) -> RolloutEvent:
    return RolloutEvent(
        **FIRST,
        at=at,
        kind="approved",
        stage=stage,
        by="ana",
        reason="seen",
        bound_to=to,
        expires_at=at + lasts,
    )


def up(stage: Stage, at: datetime, to: str | None = "h") -> RolloutEvent:
    return RolloutEvent(**FIRST, at=at, kind="up", stage=stage, by="ana", reason="go", bound_to=to)


def down(stage: Stage, at: datetime) -> RolloutEvent:
    return RolloutEvent(**FIRST, at=at, kind="down", stage=stage, by="orbcast", reason="breaker")


def test_the_numbers_of_the_ladder_are_those_that_the_manual_states() -> None:
    assert RolloutPolicy() == RolloutPolicy(
        record_days=90,
        stage_days=30,
        recent_days=30,
        most_unanswered=0.05,
        accuracy=0.55,
        lift=0.05,
        power=0.8,
        alpha=0.05,
        check_age=4 * DAY,
        approval_lasts=14 * DAY,
        stage_lasts=90 * DAY,
    )


def test_a_market_without_events_is_in_shadow() -> None:
    current = position([])
    assert (current.stage, current.next, current.counted_from) == ("shadow", "advisory", None)


def test_a_step_up_with_its_approval_holds() -> None:
    current = position([approved("advisory", T0), up("advisory", T0 + DAY)])
    assert (current.stage, current.since, current.bound_to) == ("advisory", T0 + DAY, "h")
    assert current.ignored == ()


@pytest.mark.parametrize(
    "events",
    [
        [up("advisory", T0)],
        [approved("advisory", T0, to="other"), up("advisory", T0 + DAY)],
        [approved("hybrid", T0), up("hybrid", T0 + DAY)],
        [approved("advisory", T0), up("advisory", T0 + 14 * DAY)],
        [approved("advisory", T0 + SECOND), up("advisory", T0)],
        [approved("advisory", T0), up("advisory", T0 + DAY, to=None)],
        [approved("advisory", T0), down("shadow", T0 + DAY), up("advisory", T0 + 2 * DAY)],
        [approved("hybrid", T0), up("advisory", T0 + DAY)],
        [replace(approved("advisory", T0), by=" "), up("advisory", T0 + DAY)],
        [replace(approved("advisory", T0), expires_at=None), up("advisory", T0 + DAY)],
        [approved("shadow", T0), up("shadow", T0 + DAY)],
    ],
    ids=[
        "none",
        "other hash",
        "two stages",
        "expired",
        "before it",
        "no hash",
        "after a step down",
        "of another stage",
        "by nobody",
        "without an end",
        "to where it stands",
    ],
)
def test_a_step_up_without_a_standing_approval_of_it_has_no_effect(
    events: list[RolloutEvent],
) -> None:
    current = position(events)
    assert current.stage == "shadow"
    assert len(current.ignored) == 1


@pytest.mark.parametrize("waited", [timedelta(), 14 * DAY - SECOND])
def test_an_approval_holds_from_its_own_moment_to_its_last_second(waited: timedelta) -> None:
    assert position([approved("advisory", T0), up("advisory", T0 + waited)]).stage == "advisory"


def test_any_open_approval_of_several_suffices_and_one_is_used() -> None:
    short, long = (approved("advisory", T0, lasts=days * DAY) for days in (1, 9))
    events = [short, long, short, up("advisory", T0 + 2 * DAY)]
    assert position(events).stage == "advisory"
    assert open_approvals(events) == (short, short)
    assert open_approvals([*events, down("shadow", T0 + 3 * DAY)]) == ()


@pytest.mark.parametrize(("late", "stage"), [(timedelta(), "hybrid"), (-SECOND, "advisory")])
def test_a_step_dated_before_the_one_before_it_has_no_effect(
    late: timedelta, stage: Stage
) -> None:
    climbed = [approved("advisory", T0), up("advisory", T0 + DAY)]
    events = [*climbed, approved("hybrid", T0), up("hybrid", T0 + DAY + late)]
    assert position(events).stage == stage


def climbed_to(stage: Stage) -> list[RolloutEvent]:
    """Return one step up a day, each with its approval."""
    events = []
    for number, step_stage in enumerate(STAGES[2 : STAGES.index(stage) + 1], 1):
        at = T0 + number * DAY
        step = replace(up(step_stage, at, f"h-{step_stage}"), details={"recipe_hash": "recipe"})
        events += [approved(step_stage, at, f"h-{step_stage}"), step]
    return events


@pytest.mark.parametrize("stage", ["shadow", "advisory", "hybrid", "auto"])
@pytest.mark.parametrize("to", STAGES)
def test_a_step_down_goes_to_any_stage_below_and_to_no_other(stage: Stage, to: Stage) -> None:
    before = position(climbed_to(stage))
    at = T0 + 30 * DAY
    after = position([*climbed_to(stage), down(to, at)])
    lowered = replace(
        before,
        stage=to,
        since=at,
        by="orbcast",
        reason="breaker",
        bound_to=None,
        recipe_hash="recipe" if to in {"advisory", "hybrid"} else None,
        holds_until=None,
    )
    assert after == (lowered if STAGES.index(to) < STAGES.index(stage) else before)


@pytest.mark.parametrize(
    ("stage", "above"),
    [("shadow", "advisory"), ("advisory", "hybrid"), ("hybrid", "auto"), ("auto", None)],
)
def test_a_stage_knows_the_one_above_it(stage: Stage, above: Stage | None) -> None:
    current = position(climbed_to(stage))
    assert (current.stage, current.next) == (stage, above)
    assert current.ignored == ()


@pytest.mark.parametrize(
    ("stage", "days"), [("shadow", None), ("advisory", None), ("hybrid", 90), ("auto", 90)]
)
def test_hybrid_and_auto_lapse_after_ninety_days_and_the_others_never(
    stage: Stage, days: int | None
) -> None:
    current = position(climbed_to(stage))
    begun = current.since or T0
    assert current.holds_until == (None if days is None else begun + days * DAY)
    end = begun + 90 * DAY
    assert current.at(end - SECOND) == stage
    assert current.at(end) == (stage if days is None else "advisory")


def test_a_stage_that_does_not_lapse_is_not_stepped_up_to_again() -> None:
    again = [approved("advisory", T0 + 2 * DAY, "h2"), up("advisory", T0 + 2 * DAY, "h2")]
    current = position([*climbed_to("advisory"), *again])
    assert (current.bound_to, len(current.ignored)) == ("h-advisory", 1)


def test_an_approval_is_used_once() -> None:
    events = [
        approved("advisory", T0),
        up("advisory", T0 + DAY),
        down("shadow", T0 + 2 * DAY),
        up("advisory", T0 + 3 * DAY),
    ]
    assert position(events).stage == "shadow"
    assert open_approvals(events[:1]) == (events[0],)
    assert open_approvals(events[:2]) == ()


def test_a_step_down_never_leads_up() -> None:
    assert position([down("auto", T0)]).stage == "shadow"
    climbed = [approved("advisory", T0), up("advisory", T0 + DAY)]
    assert position([*climbed, down("auto", T0 + 2 * DAY)]).stage == "advisory"


@pytest.mark.parametrize("to", ["shadow", "auto"])
def test_a_spoiled_record_counts_anew_whether_or_not_the_stage_changes(to: Stage) -> None:
    climbed = climbed_to("advisory")
    assert position([*climbed, down(to, T0 + 2 * DAY)]).counted_from is None
    spoiled = [*climbed, replace(down(to, T0 + 2 * DAY), details={"restarts": True})]
    for events in (spoiled, [*spoiled, down(to, T0 + 3 * DAY)]):
        assert position(events).counted_from == T0 + 2 * DAY


def test_hybrid_lapses_and_is_renewed_by_another_approval_and_step() -> None:
    climbed = [
        approved("advisory", T0),
        up("advisory", T0 + DAY),
        approved("hybrid", T0 + 40 * DAY, "h2"),
        up("hybrid", T0 + 40 * DAY, "h2"),
    ]
    current = position(climbed)
    end = T0 + (40 + 90) * DAY
    assert (current.at(end - DAY), current.at(end)) == ("hybrid", "advisory")
    renewal = [approved("hybrid", end - 5 * DAY, "h3"), up("hybrid", end - 5 * DAY, "h3")]
    renewed = position([*climbed, *renewal])
    assert renewed.at(end) == "hybrid"
    assert renewed.since == T0 + 40 * DAY
    unapproved = position([*climbed, renewal[1]])
    assert unapproved.at(end) == "advisory"
    # the approval of the step itself is used up, though it has not expired
    used_twice = position([*climbed, up("hybrid", T0 + 45 * DAY, "h2")])
    assert used_twice.at(end) == "advisory"


def test_off_is_left_by_a_person_without_evidence_but_only_for_shadow() -> None:
    assert position([down("off", T0), up("shadow", T0 + DAY, to=None)]).stage == "shadow"
    assert position([down("off", T0), approved("advisory", T0), up("advisory", T0)]).stage == "off"


def test_a_clock_set_back_gives_no_time_before_what_was_recorded() -> None:
    events = [approved("advisory", T0)]
    assert latest_time(events, T0 - 30 * DAY) == T0
    assert latest_time(events, T0 + DAY) == T0 + DAY
