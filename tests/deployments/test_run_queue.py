"""Runs of heavy flows begin in the order in which they came, only so many at a time."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import flows
from deployments.catalogue import entrypoint_of
from deployments.serving import run_queue
from deployments.serving.run_queue import RunQueue
from deployments.serving.runner import HEAVY

FIRST, SECOND, THIRD, FOURTH = (uuid4() for _ in range(4))


@pytest.fixture
def queue() -> RunQueue:
    return RunQueue(frozenset({"flows.heavy.heavy"}), places=1)


def enter(queue: RunQueue, run: UUID, *under_way: UUID) -> bool:
    return queue.enter(run, {run, *under_way})


def test_the_run_that_waited_longest_is_called_and_no_other_takes_its_place(
    queue: RunQueue,
) -> None:
    assert enter(queue, FIRST)
    assert not enter(queue, SECOND, FIRST)
    assert not enter(queue, THIRD, FIRST)
    assert queue.leave(FIRST) == SECOND
    assert not enter(queue, FOURTH)
    assert enter(queue, SECOND)
    assert [queue.leave(SECOND), queue.leave(THIRD), queue.leave(FOURTH)] == [THIRD, FOURTH, None]


def test_a_run_that_is_considered_again_keeps_its_turn(queue: RunQueue) -> None:
    assert enter(queue, FIRST)
    for run in (SECOND, THIRD, SECOND):
        assert not enter(queue, run, FIRST)
    assert queue.leave(FIRST) == SECOND


def test_a_place_is_not_reserved_for_ever_for_a_run_that_does_not_come(
    queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert enter(queue, FIRST)
    assert not enter(queue, SECOND, FIRST)
    assert queue.leave(FIRST) == SECOND
    assert not enter(queue, THIRD)
    monkeypatch.setattr(run_queue, "_CALLED_SECONDS", 0.0)
    assert enter(queue, THIRD)


def test_a_run_that_was_cancelled_when_called_leaves_its_place_to_the_next(
    queue: RunQueue,
) -> None:
    assert enter(queue, FIRST)
    assert not enter(queue, SECOND, FIRST)
    assert not enter(queue, THIRD, FIRST)
    assert queue.leave(FIRST) == SECOND
    assert queue.leave(SECOND) == THIRD
    assert enter(queue, THIRD)


def test_a_run_that_never_got_a_process_holds_no_place(queue: RunQueue) -> None:
    assert enter(queue, FIRST)
    assert enter(queue, SECOND)  # the first is no longer among the runner's runs


def test_the_flows_that_wait_without_a_process_are_those_that_take_a_place_of_heavy_work() -> None:
    """A flow that calls `heavy_work` and is not in `HEAVY` would wait as a process."""
    folder = Path(flows.__path__[0])
    calling = {
        entrypoint_of(path.stem)
        for path in folder.glob("*.py")
        if re.search(r"\bheavy_work\(", path.read_text("utf-8"))
    }
    assert calling == HEAVY
