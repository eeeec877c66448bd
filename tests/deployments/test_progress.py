"""Progress of long work on a terminal's error stream, with the time left."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deployments.cli.progress import Pace
from tasks.runs import artifacts
from tasks.runs.watching import watching
from tests.at_a_terminal import at_a_pipe, at_a_terminal


@pytest.mark.slow
def test_the_time_left_is_shown_at_a_terminal_and_nothing_of_it_in_the_output(
    tmp_path: Path,
) -> None:
    database = tmp_path / "simulated.duckdb"
    ended = at_a_terminal(tmp_path, "simulate", "--days", "400", "--out", str(database), "--json")
    assert ended.status == 0
    assert json.loads(ended.output)["file"] == str(database)
    assert any(re.search(r"\d+ % \d:\d\d:\d\d left", frame) for frame in ended.frames)
    assert all(len(frame.rstrip()) <= 80 for frame in ended.frames)


def test_elsewhere_the_error_stream_stays_empty(tmp_path: Path) -> None:
    database = tmp_path / "simulated.duckdb"
    ended = at_a_pipe(tmp_path, "simulate", "--days", "20", "--out", str(database))
    assert (ended.status, ended.errors) == (0, "")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_done_before_does_not_make_the_rest_look_quick() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin(0.5)
    clock.now = 10.0
    pace.reached(0.6)
    assert pace.words == "0:00:40 left"


def test_a_step_that_takes_longer_than_estimated_shows_the_elapsed_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 10.0
    pace.reached(0.5)
    clock.now = 25.0
    assert pace.words == "0:00:25 so far"
    pace.reached(1.0)
    assert pace.words == "0:00:25 so far"


def test_a_bar_that_a_flow_moves_in_the_ui_moves_for_whoever_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.prefect_api.create_progress_artifact", lambda *_, **__: "id")
    monkeypatch.setattr("tasks.prefect_api.update_progress_artifact", lambda *_: None)
    seen: list[tuple[float, str]] = []
    with watching(lambda share, words: seen.append((share, words))):
        move = artifacts.progress("folds", "Folds of mine", 0.25)
        move(0.5)
    move(0.75)
    assert seen == [(0.25, "Folds of mine"), (0.5, "Folds of mine")]
