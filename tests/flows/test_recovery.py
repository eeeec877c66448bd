"""Runs whose process is gone, on a real server: marked, slots freed, restarted, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.states import Cancelling, Pending, Running, Scheduled, Suspended

from deployments.catalogue import HOUSEKEEPING, deployments_of
from deployments.serving.runner import deployment
from flows.recover import recover
from registry.notices import notices
from tasks.runs.process_mark import LABEL, mark
from tasks.runs.recovery.crashed_runs import drop_superseded, free_slots, mark_crashed_runs
from tasks.runs.recovery.restarts import restart_crashed
from tasks.settings import current_settings
from tests.flows.begun_runs import ELSEWHERE, GONE, begun, others_of, slots_of, state_of
from tests.ml_core.builders import mgc

pytestmark = pytest.mark.usefixtures("prefect_server", "home")


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


@pytest.fixture
def served(client: SyncPrefectClient) -> Iterator[UUID]:
    """The deployment of log-outcomes, which takes one run at a time."""
    (spec,) = [
        candidate
        for candidate in deployments_of("mgc", mgc())
        if "outcomes" in candidate.entrypoint
    ]
    deployed: UUID = deployment(spec).apply()
    mark_crashed_runs.fn()  # clears what earlier tests left on the server
    yield deployed
    client.delete_deployment(deployed)


def test_a_run_whose_process_was_killed_crashes_and_frees_its_slot_and_is_started_again(
    client: SyncPrefectClient, served: UUID
) -> None:
    run = begun(client, served, GONE, Pending(), Running())
    assert slots_of(client, served) == 1
    (dead,) = mark_crashed_runs.fn()
    assert (dead.ended.flow, dead.ended.state) == ("log-outcomes", "Crashed")
    assert state_of(client, run) == "Crashed"
    assert slots_of(client, served) == 0
    (again,) = others_of(client, run)
    assert (again.name, again.parameters) == (dead.again, run.parameters)
    assert mark_crashed_runs.fn() == []


def test_a_crashed_run_is_started_again_twice_and_no_more(
    client: SyncPrefectClient, served: UUID
) -> None:
    first = begun(client, served, GONE, Pending(), Running())
    names = {str(first.name)}
    for _ in range(2):
        (dead,) = mark_crashed_runs.fn()
        assert dead.again is not None
        names.add(dead.again)
        (again,) = [run for run in others_of(client, first) if run.name == dead.again]
        client.update_flow_run_labels(again.id, {LABEL: GONE})
        client.set_flow_run_state(again.id, Pending())
        client.set_flow_run_state(again.id, Running())
    (dead,) = mark_crashed_runs.fn()
    assert dead.again is None
    assert len(names) == 3


def test_what_a_person_started_is_the_persons_to_start_again(
    client: SyncPrefectClient, served: UUID
) -> None:
    begun(client, served, GONE, Pending(), Running(), restarts=False)
    (dead,) = mark_crashed_runs.fn()
    assert dead.again is None


def test_a_crash_that_the_runner_saw_starts_one_run_however_often_it_is_reported(
    client: SyncPrefectClient, served: UUID
) -> None:
    run = begun(client, served, None, Pending(), Running())
    for _ in range(2):
        restart_crashed(recover, run, Running())
    assert len(others_of(client, run)) == 1
    client.delete_flow_run(run.id)


@pytest.mark.parametrize(
    ("marked", "states"),
    [
        (mark(), (Pending(), Running())),
        (ELSEWHERE, (Pending(), Running())),
        (None, (Pending(), Running())),
        ("not a mark", (Pending(), Running())),
        (None, (Pending(),)),
        (GONE, (Pending(), Running(), Suspended(timeout_seconds=600))),
        (GONE, ()),
    ],
    ids=["alive", "elsewhere", "unmarked", "odd", "just taken", "waits for a person", "due"],
)
def test_a_run_that_may_live_is_left_alone(
    client: SyncPrefectClient, served: UUID, marked: str | None, states: tuple[State[None], ...]
) -> None:
    run = begun(client, served, marked, *states)
    before = state_of(client, run)
    assert mark_crashed_runs.fn() == []
    assert state_of(client, run) == before
    client.delete_flow_run(run.id)


def test_a_run_that_its_runner_took_and_never_began_has_crashed(
    client: SyncPrefectClient, served: UUID
) -> None:
    run = begun(client, served, None, Pending())
    assert mark_crashed_runs.fn() == []
    (dead,) = mark_crashed_runs.fn(timedelta(0))
    assert "never started" in dead.ended.words
    assert state_of(client, run) == "Crashed"


def test_a_run_killed_between_beginning_and_its_mark_has_crashed(
    client: SyncPrefectClient, served: UUID
) -> None:
    run = begun(client, served, None, Pending(), Running())
    assert mark_crashed_runs.fn() == []
    (dead,) = mark_crashed_runs.fn(timedelta(0))
    assert dead.again is not None
    assert state_of(client, run) == "Crashed"


def test_a_runner_that_comes_up_takes_the_place_of_one_on_another_machine(
    client: SyncPrefectClient, served: UUID
) -> None:
    """This covers a recreated container, or a machine with a new name."""
    run = begun(client, served, ELSEWHERE, Pending(), Running())
    by_hand = client.create_flow_run(recover, state=Running())
    client.update_flow_run_labels(by_hand.id, {LABEL: ELSEWHERE})
    assert mark_crashed_runs.fn() == []
    (dead,) = mark_crashed_runs.fn(timedelta(0))
    assert dead.again is not None
    assert (state_of(client, run), state_of(client, by_hand)) == ("Crashed", "Running")
    client.delete_flow_run(by_hand.id)


def test_a_subflow_killed_before_its_mark_is_buried_with_its_parent(
    client: SyncPrefectClient, served: UUID
) -> None:
    parent = begun(client, served, GONE, Pending(), Running())
    call = client.create_task_run(
        task(lambda: None), flow_run_id=parent.id, dynamic_key="0", state=Running()
    )
    child = client.create_flow_run(recover, parent_task_run_id=call.id, state=Running())
    (dead,) = mark_crashed_runs.fn()
    assert dead.ended.run == parent.name
    assert state_of(client, child) == "Crashed"


def test_a_run_that_was_being_cancelled_when_it_died_is_cancelled_and_not_started_again(
    client: SyncPrefectClient, served: UUID
) -> None:
    run = begun(client, served, GONE, Pending(), Running(), Cancelling())
    (dead,) = mark_crashed_runs.fn()
    assert (dead.ended.state, dead.again) == ("Cancelled", None)
    assert state_of(client, run) == "Cancelled"


def test_a_run_that_cannot_be_ended_hides_no_other(
    client: SyncPrefectClient, served: UUID
) -> None:
    (spec,) = [
        candidate for candidate in deployments_of("mgc", mgc()) if "audit" in candidate.entrypoint
    ]
    gone = deployment(spec).apply()
    stuck = begun(client, gone, GONE, Pending(), Running())
    client.delete_deployment(gone)
    run = begun(client, served, GONE, Pending(), Running())
    names = [dead.ended.run for dead in mark_crashed_runs.fn()]
    assert run.name in names
    assert state_of(client, run) == "Crashed"
    client.delete_flow_run(stuck.id)


def test_a_slot_that_no_run_holds_is_freed_and_one_that_is_held_is_not(
    client: SyncPrefectClient, served: UUID
) -> None:
    limit = client.read_deployment(served).global_concurrency_limit
    assert limit is not None
    client.increment_concurrency_slots([limit.name], 1, "concurrency")
    assert slots_of(client, served) == 1
    assert free_slots(client) == 1
    assert slots_of(client, served) == 0
    run = begun(client, served, mark(), Pending(), Running())
    assert free_slots(client) == 0
    assert slots_of(client, served) == 1
    client.delete_flow_run(run.id)


def test_of_what_was_due_while_nothing_ran_only_the_last_of_each_kind_is_done(
    client: SyncPrefectClient, served: UUID
) -> None:
    now = datetime.now(UTC)
    due = {
        hours: client.create_flow_run_from_deployment(
            served, state=Scheduled(scheduled_time=now + timedelta(hours=hours))
        )
        for hours in (-3, -1, -2, 1)
    }
    other = client.create_flow_run_from_deployment(
        served,
        parameters={"as_of": "2025-01-01T00:00:00Z"},
        state=Scheduled(scheduled_time=now - timedelta(hours=4)),
    )
    assert drop_superseded([served], now) == 2
    left = {hours for hours, run in due.items() if state_of(client, run) != "Cancelled"}
    assert left == {-1, 1}
    assert state_of(client, other) != "Cancelled"
    assert drop_superseded([served], now) == 0
    assert drop_superseded([uuid4()], now + timedelta(days=1)) == 0


def test_the_flow_sends_a_notice_and_returns_the_dead_runs(
    client: SyncPrefectClient, served: UUID, home: Path
) -> None:
    del home
    assert recover().verdict == "every run has a process"
    run = begun(client, served, GONE, Pending(), Running())
    result = recover()
    assert result.verdict == "1 runs no longer had a process"
    assert result.dead[0].run == run.name
    (record,) = [
        candidate
        for candidate in notices(current_settings().database())
        if run.name in candidate.notice.body
    ]
    assert "log-outcomes" in record.notice.subject


def test_a_dead_recover_holds_up_no_other_also_where_an_earlier_release_limited_it(
    client: SyncPrefectClient, served: UUID
) -> None:
    del served
    limited = replace(HOUSEKEEPING[0], limit=1)
    for spec in (limited, *HOUSEKEEPING):
        deployed = deployment(spec).apply()
    runs = [client.create_flow_run_from_deployment(deployed) for _ in range(2)]
    for run in runs:
        client.set_flow_run_state(run.id, Pending())
    assert [state_of(client, run) for run in runs] == ["Pending", "Pending"]
    for run in runs:
        client.delete_flow_run(run.id)
    client.delete_deployment(deployed)


def test_recover_leaves_the_last_of_each_kind_that_was_due_while_nothing_ran(
    client: SyncPrefectClient, served: UUID
) -> None:
    due = [
        client.create_flow_run_from_deployment(
            served, state=Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=hours))
        )
        for hours in (3, 2, 1)
    ]
    recover()
    assert [state_of(client, run) for run in due][:2] == ["Cancelled", "Cancelled"]
    assert state_of(client, due[2]) != "Cancelled"
