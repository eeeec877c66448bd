"""A short soak: a trading day on a simulated clock, with real processes that are killed."""

from __future__ import annotations

import socket
from datetime import date
from pathlib import Path

import pytest

from benchmarks.soak import Plan, Soak
from tests.trained_market import give_prefect_database


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.timeout(2400)  # the longest test, so it starts first
def test_a_day_of_killed_processes_leaves_one_row_a_slot_and_nothing_behind(
    tmp_path: Path, prefect_database: Path
) -> None:
    give_prefect_database(prefect_database, tmp_path / "home")
    # first trading day after New York's clocks went back; source locked at the first range
    plan = Plan(first=date(2025, 11, 3), days=1, seed=5, kills=0.5, locked=frozenset({0}))
    record = Soak(tmp_path, plan, free_port()).go()
    assert record.faults == []
    assert (record.planned, record.slots, record.locked) == (6, 6, 1)
    assert record.predicted >= 5  # a kill may lose one
    assert record.killed == {"runner": 2}  # with that seed
