"""Recording, disturbed at each point: nothing is lost, doubled, or left behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from registry.database import open_database
from tests.faults.fault_points import Disturbed, Fault, disturbed, tried
from tests.registry.conftest import new_database, started_server

SAVING = "tests.faults.saving"
DONE = 0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results_of_operation(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], dict[str, Disturbed]]:
    """Return a function for an operation's results by fault; each operation is disturbed once."""

    @cache
    def trial(operation: str) -> dict[str, Disturbed]:
        return disturbed(f"{SAVING}:{operation}", tmp_path_factory.mktemp(operation))

    return trial


def without_notes(seen: dict[str, Any]) -> dict[str, Any]:
    """Return the state without the number of rows that no noted head covers yet."""
    return {name: value for name, value in seen.items() if name != "unnoted"}


def require_repaired(results: Disturbed) -> None:
    """Require intact data after each point, and the undisturbed state after a second run."""
    assert (results.calm["verify"], results.calm["versions"], results.calm["unnoted"]) == (
        [],
        [],
        0,
    )
    for point in results.points:
        assert (point.state["verify"], point.state["versions"]) == ([], []), point.call
        assert without_notes(point.again) == without_notes(results.calm), point.call
        assert point.again["unnoted"] <= 3, point.call  # the rows of one transaction


@pytest.mark.parametrize("fault", ["killed", "torn"])
@pytest.mark.parametrize(
    ("operation", "calls", "least"),
    [
        ("REGISTER", {"mkdir", "create", "write", "pwrite", "fsync", "rename", "fdatasync"}, 100),
        ("PROMOTE", {"create", "write", "pwrite", "fsync", "fdatasync"}, 30),
        ("LOG", {"create", "write", "pwrite", "fsync", "fdatasync"}, 40),
    ],
)
def test_killed_before_a_call_or_in_the_middle_of_a_write(
    results_of_operation: Callable[[str], dict[str, Disturbed]],
    operation: str,
    calls: set[str],
    least: int,
    fault: Fault,
) -> None:
    results = results_of_operation(operation)[fault]
    assert {point.ended for point in results.points} == {-signal.SIGKILL}
    if fault == "killed":
        assert results.calls >= calls
        assert results.count >= least
    require_repaired(results)


@pytest.mark.parametrize("operation", ["REGISTER", "PROMOTE", "LOG"])
def test_a_disk_that_is_full_from_a_call_on_is_named_and_undoes_what_was_begun(
    results_of_operation: Callable[[str], dict[str, Disturbed]], operation: str
) -> None:
    results = results_of_operation(operation)["disk full"]
    words = {point.ended for point in results.points} - {DONE}
    assert words
    for message in map(str, words):
        assert message.startswith("3 "), message
        assert "space" in message.lower() or "room" in message, message
    require_repaired(results)


def test_a_change_of_champion_on_a_database_server_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with started_server("orbcast") as (server, _), new_database(server) as url:
        open_database(url).close()
        # including the reply to a commit: it is done, but the process does not know
        faults: tuple[Fault, ...] = ("unanswered",)
        results = disturbed(f"{SAVING}:PROMOTE", tmp_path, url, faults)["unanswered"]
    assert results.calls == {"send"}
    assert results.count >= 20
    assert {str(point.ended)[:2] for point in results.points} <= {
        "3 ",
        "5 ",
        "0",
    }  # error, or done
    require_repaired(results)


def test_of_equal_calls_in_a_row_the_last_is_tried_and_each_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = ["create a", "write a", "write a", "fsync a", "write a"]
    monkeypatch.delenv("EVERY_POINT", raising=False)
    assert tried(calls) == [1, 3, 4, 5]
    monkeypatch.setenv("EVERY_POINT", "1")
    assert tried(calls) == [1, 2, 3, 4, 5]
