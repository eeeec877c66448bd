"""Optuna's log in the project's database: in order, complete, from concurrent processes."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage

from registry.database import open_database
from registry.studies.tuning_journal import TuningJournal
from registry.tables.studies import TuningEntry
from tests.waiting import AT_MOST_SECONDS

_APPEND = """
import sys
from registry.database import open_database
from registry.studies.tuning_journal import TuningJournal
journal = TuningJournal(open_database(sys.argv[1]))
for number in range(25):
    journal.append_logs([{"who": sys.argv[2], "n": number}, {"who": sys.argv[2], "n": number}])
"""


Journal = Callable[[], TuningJournal]


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    """Yield a function that opens the journal, each time like another process."""
    opened = []

    def another() -> TuningJournal:
        opened.append(open_database(url))
        return TuningJournal(opened[-1])

    yield another
    for database in opened:
        database.close()


def test_entries_come_back_in_order_from_any_number(journal: Journal) -> None:
    kept = journal()
    logs: list[dict[str, Any]] = [{"op": index, "value": index / 7} for index in range(5)]
    kept.append_logs(logs[:2])
    kept.append_logs(logs[2:])
    assert kept.read_logs(0) == logs
    assert kept.read_logs(3) == logs[3:]
    assert kept.read_logs(5) == []


def test_entries_are_numbered_from_0_without_a_gap(journal: Journal) -> None:
    kept = journal()
    for number in range(3):
        kept.append_logs([{"op": number}] * (number + 1))
    kept.append_logs([])
    with kept._database.session() as session:
        numbers = [entry.number for entry in session.query(TuningEntry).order_by(TuningEntry.id)]
    assert numbers == list(range(6))


def test_infinities_and_nan_come_back_as_they_went(journal: Journal) -> None:
    kept = journal()
    kept.append_logs([{"values": [math.inf, -math.inf, 0.1], "deep": {"x": (math.nan, None, 7)}}])
    (log,) = kept.read_logs(0)
    assert log["values"] == [math.inf, -math.inf, 0.1]
    assert math.isnan(log["deep"]["x"][0])
    assert log["deep"]["x"][1:] == [None, 7]


@pytest.mark.parametrize("score", [math.inf, -math.inf, 0.1 + 0.2])
def test_a_trial_keeps_its_score_whatever_it_is(journal: Journal, score: float) -> None:
    backend: Any = journal()
    study = optuna.create_study(storage=JournalStorage(backend), study_name="s")
    trial = study.ask()
    trial.report(math.nan, 0)
    study.tell(trial, score)
    again: Any = journal()
    (kept,) = optuna.load_study(storage=JournalStorage(again), study_name="s").trials
    assert kept.value == score
    assert math.isnan(kept.intermediate_values[0])


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
def test_two_processes_append_without_losing_or_mixing_a_line(url: str, journal: Journal) -> None:
    kept = journal()
    writers = [
        subprocess.Popen([sys.executable, "-c", _APPEND, url, who]) for who in ("ann", "bob")
    ]
    assert [writer.wait(AT_MOST_SECONDS) for writer in writers] == [0, 0]
    logs = kept.read_logs(0)
    assert len(logs) == 100
    for who in ("ann", "bob"):
        assert [log["n"] for log in logs if log["who"] == who] == [n // 2 for n in range(50)]
    # entries appended together are adjacent
    assert all(logs[index] == logs[index + 1] for index in range(0, 100, 2))


def test_a_study_goes_on_in_another_process_s_storage(journal: Journal) -> None:
    def opened() -> optuna.Study:
        backend: Any = journal()
        return optuna.create_study(
            storage=JournalStorage(backend), study_name="s", load_if_exists=True
        )

    first = opened()
    for _ in range(3):
        trial = first.ask()
        first.tell(trial, trial.suggest_float("x", 0, 1) / 3)
    again = opened()
    assert [trial.value for trial in again.trials] == [trial.value for trial in first.trials]
    assert again.best_params == first.best_params
