"""Racing writers and killed writers leave an intact ledger on either database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.database import open_database
from registry.ledger.entries import fields_of
from registry.ledger.ledger import Ledger
from registry.ledger.verification import PREDICTIONS
from registry.tables.ledger import PredictionRow
from tests.registry.ledger.test_ledger import T0, outcome_entry, prediction_entry

_RACER = """
    import sys
    from dataclasses import replace
    from datetime import timedelta
    from pathlib import Path
    from registry.database import open_database
    from registry.ledger.ledger import Ledger
    from tests.registry.ledger.test_ledger import T0, outcome_entry, prediction_entry

    ledger = Ledger(open_database(sys.argv[1], checkpoints=Path(sys.argv[2])))
    print("ready", flush=True)
    sys.stdin.readline()
    added = outcomes = 0
    for day in range(50):
        added += ledger.record([prediction_entry(day, p_up=float(sys.argv[3]))])
        slot = replace(outcome_entry(), trading_day=prediction_entry(day).trading_day)
        outcomes += ledger.record_outcome(slot, T0 + timedelta(days=day)) == "added"
    print(added, outcomes)
"""

# each kills its own process at one point, as kill -9 from outside would
_VICTIM = """
    import os, signal, sys
    from datetime import timedelta
    from pathlib import Path
    from sqlalchemy import event
    from sqlalchemy.orm import Session
    from registry.database import open_database
    from registry.chains.chain_checkpoints import CheckpointFile
    from registry.ledger.ledger import Ledger
    from tests.registry.ledger.test_ledger import T0, outcome_entry, prediction_entry

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    ledger = Ledger(open_database(sys.argv[1], checkpoints=Path(sys.argv[2])))
    moment = sys.argv[3]
    if moment == "prediction written, not committed":
        event.listen(Session, "after_flush", die)
    if moment == "prediction committed, its head not noted":
        CheckpointFile.note = die
    ledger.record([prediction_entry()])
    if moment == "outcome written, not committed":
        event.listen(Session, "after_flush", die)
    if moment == "outcome committed, its head not noted":
        CheckpointFile.note = die
    if moment == "between prediction and outcome":
        die()
    ledger.record_outcome(outcome_entry(), T0 + timedelta(hours=2))
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_racing_through_fifty_slots_make_one_row_of_each(
    url: str, tmp_path: Path
) -> None:
    checkpoints = tmp_path / "heads.jsonl"
    racers = [start(_RACER, url, str(checkpoints), p_up) for p_up in ("0.4", "0.6")]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    counts = [racer.communicate("go\n")[0].split() for racer in racers]

    database = open_database(url, checkpoints=checkpoints)
    ledger = Ledger(database)
    rows = ledger.settled("MGC")
    assert sum(int(added) for added, _ in counts) == len(rows) == 50
    assert sum(int(outcomes) for _, outcomes in counts) == 50
    assert {row.prediction.trading_day for row in rows} == {
        prediction_entry(day).trading_day for day in range(50)
    }
    assert all(row.outcome is not None and row.revision == 0 for row in rows)
    record = ledger.verify()
    assert (record.faults, record.gaps, record.doubts, record.unnoted) == ((), (), (), 0)
    assert (record.predictions.rows, record.outcomes.rows) == (50, 50)
    database.close()


@pytest.mark.parametrize(
    "moment",
    [
        "prediction written, not committed",
        "prediction committed, its head not noted",
        "between prediction and outcome",
        "outcome written, not committed",
        "outcome committed, its head not noted",
    ],
)
def test_killed_anywhere_the_next_run_completes_and_no_false_alarm_is_raised(
    tmp_path: Path, migrated_file: Path, moment: str
) -> None:
    url, checkpoints = f"sqlite:///{tmp_path / 'o.sqlite'}", tmp_path / "heads.jsonl"
    shutil.copy(migrated_file, tmp_path / "o.sqlite")
    victim = start(_VICTIM, url, str(checkpoints), moment)
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL

    ledger = Ledger(open_database(url, checkpoints=checkpoints))
    assert ledger.verify().faults == ()
    ledger.record([prediction_entry(p_up=0.9)])
    ledger.record_outcome(outcome_entry(), T0 + timedelta(hours=2))

    (row,) = ledger.settled("MGC")
    first_is_kept = moment != "prediction written, not committed"
    assert row.prediction.p_up == (0.6 if first_is_kept else 0.9)
    assert row.outcome == outcome_entry()
    record = ledger.verify()
    assert record.faults == ()
    assert (record.predictions.rows, record.outcomes.rows) == (1, 1)


def test_a_writer_that_does_not_wait_its_turn_is_retried(
    migrated_postgresql: str,
) -> None:
    database = open_database(migrated_postgresql)
    ledger = Ledger(database)
    ledger.record([prediction_entry()])
    head = ledger.head().row_hash
    values = fields_of(prediction_entry(1))
    row = {**values, "previous_hash": head, "row_hash": PREDICTIONS.row_hash(values, head)}
    added = []
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    out_of_turn = database.engine.execution_options(orbcast_reading=True)
    with database.reading() as watch, out_of_turn.connect() as intruder:
        with intruder.begin():
            intruder.execute(PredictionRow.__table__.insert().values(row))
            racer = threading.Thread(
                target=lambda: added.append(
                    ledger.record([prediction_entry(1), prediction_entry(2)])
                )
            )
            racer.start()
            while not watch.execute(waiting).scalar():
                assert racer.is_alive()
        racer.join()

    assert added == [1]
    assert len(ledger.settled("MGC")) == 3
    assert ledger.verify_chain() == ()
    database.close()
