"""Rows cut off the ledger's end are detected, as its ends are noted outside the database."""

from __future__ import annotations

import json
import logging
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, event, text

from registry.chains.chain_checkpoints import CheckpointFile
from registry.database import Database, open_database
from registry.errors import NothingMissingError, UnsignedChangeError
from registry.ledger.ledger import Ledger
from registry.tables.ledger import PredictionRow
from tests.ledger_rows import OUTCOME, PREDICTION
from tests.registry.chains.chained_rows import RECORDED
from tests.registry.conftest import url_of_no_rows
from tests.registry.ledger.test_ledger import T0, outcome_entry, prediction_entry

LATER = T0 + timedelta(days=40)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of_no_rows(request, tmp_path)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger-heads.jsonl"


def noting(database: Database, checkpoints: Path) -> Ledger:
    """Return the ledger of a database that notes its ends in a file from now on."""
    database.checkpoints = CheckpointFile(checkpoints)
    return Ledger(database)


@pytest.fixture
def ledger(database: Database, checkpoints: Path) -> Ledger:
    kept = noting(database, checkpoints)
    for day in range(4):
        kept.record([prediction_entry(day), prediction_entry(day, role="challenger")])
    kept.record_outcome(outcome_entry(), T0 + timedelta(hours=2))
    return kept


def execute(database: Database, *changes: str) -> None:
    with database.session() as session:
        for change in changes:
            session.execute(text(change))


def test_each_call_that_adds_rows_notes_one_line_and_a_call_that_adds_none_notes_none(
    ledger: Ledger, checkpoints: Path
) -> None:
    assert ledger.record([prediction_entry(3)]) == 0
    assert ledger.record_outcome(outcome_entry(), LATER) == "unchanged"

    lines = [json.loads(line) for line in checkpoints.read_text().splitlines()]

    assert [(line["chain"], line["rows"]) for line in lines] == [
        *(("predictions", rows) for rows in (2, 4, 6, 8)),
        ("outcomes", 1),
    ]
    assert lines[3]["head"] == ledger.head().row_hash
    record = ledger.verify()
    assert (record.faults, record.doubts, record.unnoted) == ((), (), 0)


def test_rows_cut_off_the_end_are_counted_and_dated(database: Database, ledger: Ledger) -> None:
    execute(database, "DELETE FROM predictions WHERE id > 5", "DELETE FROM outcomes")
    assert ledger.verify_chain() == ()  # by itself it looks whole

    outcome, predictions = ledger.verify().faults

    assert "1 outcomes recorded up to 2024-06-04 01:05 UTC are missing" in outcome
    assert (
        "3 predictions recorded after 2024-06-04 23:05 up to 2024-06-06 23:05 UTC are missing"
        in predictions
    )
    assert "--accept-restored" in predictions


def test_rows_cut_off_show_even_when_others_were_written_after(
    database: Database, ledger: Ledger
) -> None:
    execute(database, "DELETE FROM predictions WHERE id > 4")
    ledger.record([prediction_entry(day) for day in range(8, 20)])

    (fault,) = ledger.verify().faults

    assert "4 predictions recorded after 2024-06-04 23:05 up to 2024-06-06 23:05" in fault


def test_a_restored_backup_is_named_accepted_by_a_person_and_listed_for_ever(
    tmp_path: Path, checkpoints: Path
) -> None:
    path, backup = tmp_path / "o.sqlite", tmp_path / "backup.sqlite"
    first = Ledger(open_database(f"sqlite:///{path}", checkpoints=checkpoints))
    for day in range(6):
        first.record([prediction_entry(day)])
        if day == 2:
            with sqlite3.connect(path) as live, sqlite3.connect(backup) as copy:
                live.backup(copy)
            live.close()
            copy.close()
    restored = Ledger(open_database(f"sqlite:///{backup}", checkpoints=checkpoints))
    (fault,) = restored.verify().faults
    assert "3 predictions" in fault

    for by, reason in (("", "disk"), ("ann", " ")):
        with pytest.raises(UnsignedChangeError):
            restored.accept_restored(by=by, reason=reason, at=LATER)
    (gap,) = restored.accept_restored(by="ann", reason="the disk failed", at=LATER)
    assert gap.rows == 3

    record = restored.verify()
    assert record.faults == ()
    (accepted,) = record.gaps
    assert (accepted.rows, accepted.by, accepted.reason) == (3, "ann", "the disk failed")
    with pytest.raises(NothingMissingError):
        restored.accept_restored(by="ann", reason="again", at=LATER)

    # what was accepted does not cover what is lost afterwards
    restored.record([prediction_entry(10)])
    assert restored.verify().faults == ()
    execute(restored._database, "DELETE FROM predictions WHERE id > 3")
    record = restored.verify()
    assert len(record.gaps) == 1
    (fault,) = record.faults
    assert "1 predictions recorded after" in fault


def test_a_file_behind_the_database_is_no_fault(ledger: Ledger, checkpoints: Path) -> None:
    lines = checkpoints.read_bytes().splitlines(keepends=True)
    checkpoints.write_bytes(b"".join(lines[:2]))

    record = ledger.verify()

    assert (record.faults, record.doubts) == ((), ())
    assert record.unnoted == 4 + 1


def test_a_missing_or_unreadable_file_is_a_doubt_and_no_fault(
    ledger: Ledger, checkpoints: Path, database: Database, tmp_path: Path
) -> None:
    whole = checkpoints.read_bytes()
    checkpoints.write_bytes(b"no note at all\n" + whole)
    record = ledger.verify()
    assert record.faults == ()
    assert len(record.doubts) == 1
    assert "line 1 cannot be read" in record.doubts[0]

    checkpoints.unlink()
    record = ledger.verify()
    assert record.faults == ()
    assert "is not there" in record.doubts[0]

    checkpoints.mkdir()
    assert "cannot be read" in ledger.verify().doubts[0]

    path = tmp_path / "empty.sqlite"
    empty = Ledger(open_database(f"sqlite:///{path}", checkpoints=tmp_path / "none"))
    assert empty.verify().doubts == ()  # nothing was ever recorded: nothing to doubt
    assert Ledger(Database(database.engine)).verify().doubts == ()


def test_a_line_that_a_crash_cut_short_is_passed_over_and_does_not_spoil_the_next(
    ledger: Ledger, checkpoints: Path
) -> None:
    whole = checkpoints.read_bytes()
    checkpoints.write_bytes(whole[:-20])
    assert ledger.verify().doubts == ()

    ledger.record([prediction_entry(9)])

    record = ledger.verify()
    assert (record.faults, record.doubts) == ((), ())
    assert json.loads(checkpoints.read_text().splitlines()[-1])["rows"] == 9


def test_a_file_that_cannot_be_written_to_does_not_stop_the_record(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    kept = noting(database, tmp_path / "taken" / "heads.jsonl")

    with caplog.at_level(logging.WARNING):
        assert kept.record([prediction_entry()]) == 1

    assert "was not noted" in caplog.text
    assert len(kept.settled("MGC")) == 1


AFTER = {
    **dict.fromkeys((1, 2), "after 2024-06-05 23:05 "),
    **dict.fromkeys((3, 4), "after 2024-06-04 23:05 "),
    **dict.fromkeys((5, 6), "after 2024-06-03 23:05 "),
    **dict.fromkeys((7, 8), ""),
}
"""Number of rows cut off the end, with two rows per note, and the last valid note before."""


@pytest.mark.parametrize("rows", AFTER)
def test_any_number_of_rows_cut_off_the_end_is_counted_exactly(
    database: Database, ledger: Ledger, rows: int
) -> None:
    with database.session() as session:
        session.execute(delete(PredictionRow).where(PredictionRow.id > 8 - rows))
    assert ledger.verify_chain() == ()

    (fault,) = ledger.verify().faults

    words = f"{rows} predictions recorded {AFTER[rows]}up to 2024-06-06 23:05 UTC are missing: "
    assert fault.startswith(words)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (0, "2 predictions recorded up to 2024-06-03 23:05 UTC"),
        (1, "2 predictions recorded after 2024-06-03 23:05 up to 2024-06-04 23:05 UTC"),
        (2, "2 predictions recorded after 2024-06-04 23:05 up to 2024-06-05 23:05 UTC"),
        (3, "2 predictions recorded after 2024-06-05 23:05 up to 2024-06-06 23:05 UTC"),
        (4, "1 outcomes recorded up to 2024-06-04 01:05 UTC"),
    ],
)
def test_a_noted_hash_that_was_changed_names_the_rows_it_stood_for(
    ledger: Ledger, checkpoints: Path, line: int, words: str
) -> None:
    notes = [json.loads(note) for note in checkpoints.read_text().splitlines()]
    notes[line]["head"] = "f" * 64
    checkpoints.write_text("".join(f"{json.dumps(note)}\n" for note in notes))

    (fault,) = ledger.verify().faults

    assert fault.startswith(f"{words} are missing")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("change", [-1, 1, 1_000_000])
@pytest.mark.parametrize("line", range(5))
def test_a_noted_count_that_was_changed_names_its_line_and_both_numbers(
    ledger: Ledger, checkpoints: Path, line: int, change: int
) -> None:
    notes = [json.loads(note) for note in checkpoints.read_text().splitlines()]
    place = notes[line]["rows"]
    notes[line]["rows"] += change
    checkpoints.write_text("".join(f"{json.dumps(note)}\n" for note in notes))

    (fault,) = ledger.verify().faults

    assert fault.startswith(
        f"{checkpoints} line {line + 1} was edited: it notes {place + change:,} "
        f"{notes[line]['chain']} up to {notes[line]['head'][:12]}, which is number {place:,} "
        "of them"
    )
    assert "from a backup" in fault


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_row_taken_out_of_the_middle_is_the_one_fault_named(
    database: Database, ledger: Ledger
) -> None:
    execute(database, "DELETE FROM predictions WHERE id = 3")

    (fault,) = ledger.verify().faults

    assert "prediction 4" in fault
    assert "does not follow the row before it" in fault


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("chain", "faults"), [("outcomes", 1), ("order intents", 0)], ids=["wrong", "of the future"]
)
def test_a_note_of_another_chain_is_checked_against_that_chain_if_it_exists(
    ledger: Ledger, checkpoints: Path, chain: str, faults: int
) -> None:
    notes = [json.loads(note) for note in checkpoints.read_text().splitlines()]
    notes[3]["chain"] = chain
    checkpoints.write_text("".join(f"{json.dumps(note)}\n" for note in notes))

    assert len(ledger.verify().faults) == faults


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("line", "unnoted"), [(0, 0), (1, 0), (2, 0), (3, 2), (4, 1)])
def test_a_note_taken_out_is_no_fault_and_the_rows_it_covered_last_are_counted(
    ledger: Ledger, checkpoints: Path, line: int, unnoted: int
) -> None:
    notes = checkpoints.read_bytes().splitlines(keepends=True)
    checkpoints.write_bytes(b"".join(notes[:line] + notes[line + 1 :]))

    record = ledger.verify()

    assert (record.faults, record.doubts, record.unnoted) == ((), (), unnoted)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["chain", "rows", "head", "at"])
@pytest.mark.parametrize("line", range(5))
def test_a_note_without_one_of_its_keys_is_a_doubt_that_names_its_line(
    ledger: Ledger, checkpoints: Path, line: int, name: str
) -> None:
    notes = [json.loads(note) for note in checkpoints.read_text().splitlines()]
    del notes[line][name]
    checkpoints.write_text("".join(f"{json.dumps(note)}\n" for note in notes))

    record = ledger.verify()

    assert record.faults == ()
    assert record.doubts == (f"{checkpoints} line {line + 1} cannot be read",)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_row_added_behind_the_ledger_s_back_is_not_covered_by_any_note(
    database: Database, ledger: Ledger
) -> None:
    Ledger(Database(database.engine)).record([prediction_entry(9)])

    record = ledger.verify()

    assert (record.faults, record.unnoted) == ((), 1)
    assert (record.predictions.rows, record.outcomes.rows) == (9, 1)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_note_has_the_form_of_files_in_use(database: Database, checkpoints: Path) -> None:
    ledger = noting(database, checkpoints)
    ledger.record([PREDICTION])
    ledger.record_outcome(OUTCOME, RECORDED)

    assert checkpoints.read_text() == (
        '{"at":"2024-06-03T23:05:03.250000+00:00","chain":"predictions",'
        '"head":"45cb0163234ef30fcea5637e65563d496e6395f07fe14107c2b9142cfa77cd1f","rows":1}\n'
        '{"at":"2024-06-04T00:20:00+00:00","chain":"outcomes",'
        '"head":"55881c67be23623f5b8c8bd0de0d76891fd538229a0277a7bfdc8ebd4da67e48","rows":1}\n'
    )


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_note_is_dated_by_the_last_of_its_rows(
    database: Database, ledger: Ledger, checkpoints: Path
) -> None:
    ledger.record([prediction_entry(9), prediction_entry(7, role="baseline")])
    assert (
        json.loads(checkpoints.read_text().splitlines()[-1])["at"] == "2024-06-12T23:05:03+00:00"
    )
    # without a file nothing is noted or missed
    assert Ledger(Database(database.engine)).verify().unnoted == 0


def test_an_append_counts_only_the_rows_after_the_last_note(
    database: Database, ledger: Ledger, checkpoints: Path
) -> None:
    counted: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        if "count(" in str(arguments[2]):
            counted.append(" ".join(str(arguments[2]).split()))

    ledger.record([prediction_entry(5), prediction_entry(6)])

    assert counted
    assert all("WHERE predictions.id >" in statement for statement in counted)
    assert json.loads(checkpoints.read_text().splitlines()[-1])["rows"] == ledger.head().rows == 10


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_an_append_after_lost_notes_notes_the_right_number(
    ledger: Ledger, checkpoints: Path, kept: int
) -> None:
    lines = checkpoints.read_text().splitlines(keepends=True)
    checkpoints.write_text("".join(lines[:kept]))

    ledger.record([prediction_entry(5)])

    assert json.loads(checkpoints.read_text().splitlines()[-1])["rows"] == 9
    assert ledger.verify().faults == ()


def test_an_edited_note_is_named_and_not_those_that_continue_its_count(
    ledger: Ledger, checkpoints: Path
) -> None:
    *others, predictions, outcomes = checkpoints.read_text().splitlines()
    checkpoints.write_text("\n".join([*others, predictions.replace(":8}", ":11}"), outcomes, ""]))

    for day in (5, 6, 7):
        ledger.record([prediction_entry(day)])

    (fault,) = ledger.verify().faults
    assert "line 4 was edited: it notes 11 predictions" in fault
