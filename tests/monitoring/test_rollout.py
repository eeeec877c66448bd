"""The ladder: one stage at a time, by a person, on evidence; down at once and never back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.rollout import POLICY, RolloutEvent, Stage, latest_time, open_approvals, position

T0 = datetime(2025, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def approved(
    stage: Stage, at: datetime, to: str = "h", lasts: timedelta = 14 * DAY
) -> RolloutEvent:
    return RolloutEvent(
        at=at,
        kind="approved",
        stage=stage,
        by="ana",
        reason="seen",
        bound_to=to,
        expires_at=at + lasts,
    )


def up(stage: Stage, at: datetime, to: str | None = "h") -> RolloutEvent:
    return RolloutEvent(at=at, kind="up", stage=stage, by="ana", reason="go", bound_to=to)


def down(stage: Stage, at: datetime, *, restarts: bool = False) -> RolloutEvent:
    return RolloutEvent(
        at=at, kind="down", stage=stage, by="orbcast", reason="breaker", restarts=restarts
    )


def test_a_market_without_events_is_in_shadow() -> None:
    stands = position([])
    assert (stands.stage, stands.next, stands.counted_from) == ("shadow", "advisory", None)


def test_a_step_up_with_its_approval_holds() -> None:
    stands = position([approved("advisory", T0), up("advisory", T0 + DAY)])
    assert (stands.stage, stands.since, stands.bound_to) == ("advisory", T0 + DAY, "h")
    assert stands.ignored == ()


@pytest.mark.parametrize(
    "events",
    [
        [up("advisory", T0)],
        [approved("advisory", T0, to="other"), up("advisory", T0 + DAY)],
        [approved("hybrid", T0), up("hybrid", T0 + DAY)],
        [approved("advisory", T0), up("advisory", T0 + 14 * DAY)],
        [approved("advisory", T0 + 2 * DAY), up("advisory", T0 + DAY)],
        [approved("advisory", T0), up("advisory", T0 + DAY, to=None)],
        [approved("advisory", T0), down("shadow", T0 + DAY), up("advisory", T0 + 2 * DAY)],
    ],
    ids=[
        "none",
        "other hash",
        "two stages",
        "expired",
        "before it",
        "no hash",
        "after a step down",
    ],
)
def test_a_step_up_without_a_standing_approval_of_it_has_no_effect(
    events: list[RolloutEvent],
) -> None:
    stands = position(events)
    assert stands.stage == "shadow"
    assert len(stands.ignored) == 1


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


def test_a_spoiled_record_counts_anew() -> None:
    climbed = [approved("advisory", T0), up("advisory", T0 + DAY)]
    assert position([*climbed, down("shadow", T0 + 2 * DAY)]).counted_from is None
    spoiled = position([*climbed, down("shadow", T0 + 2 * DAY, restarts=True)])
    assert spoiled.counted_from == T0 + 2 * DAY


def test_hybrid_lapses_and_is_renewed_by_another_approval_and_step() -> None:
    climbed = [
        approved("advisory", T0),
        up("advisory", T0 + DAY),
        approved("hybrid", T0 + 40 * DAY, "h2"),
        up("hybrid", T0 + 40 * DAY, "h2"),
    ]
    stands = position(climbed)
    end = T0 + 40 * DAY + POLICY.stage_lasts
    assert (stands.at(end - DAY), stands.at(end)) == ("hybrid", "advisory")
    renewal = [approved("hybrid", end - 5 * DAY, "h3"), up("hybrid", end - 5 * DAY, "h3")]
    renewed = position([*climbed, *renewal])
    assert renewed.at(end) == "hybrid"
    assert renewed.since == T0 + 40 * DAY
    unapproved = position([*climbed, renewal[1]])
    assert unapproved.at(end) == "advisory"


def test_off_is_left_by_a_person_without_evidence_but_only_for_shadow() -> None:
    assert position([down("off", T0), up("shadow", T0 + DAY, to=None)]).stage == "shadow"
    assert position([down("off", T0), approved("advisory", T0), up("advisory", T0)]).stage == "off"


def test_a_clock_set_back_gives_no_time_before_what_was_recorded() -> None:
    events = [approved("advisory", T0)]
    assert latest_time(events, T0 - 30 * DAY) == T0
    assert latest_time(events, T0 + DAY) == T0 + DAY
