"""What was cut off the ledger's end shows, because its ends are noted outside the database."""

from __future__ import annotations

import json
import logging
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.database import Database, open_database
from registry.errors import NothingMissingError, UnsignedChangeError
from registry.ledger import Ledger
from tests.registry.test_ledger import T0, came, said

LATER = T0 + timedelta(days=40)


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger-heads.jsonl"


@pytest.fixture
def ledger(database: Database, heads: Path) -> Ledger:
    kept = Ledger(database, heads)
    for day in range(4):
        kept.record([said(day), said(day, role="challenger")])
    kept.record_outcome(came(), T0 + timedelta(hours=2))
    return kept


def execute(database: Database, *changes: str) -> None:
    with database.session() as session:
        for change in changes:
            session.execute(text(change))


def test_each_call_that_adds_rows_notes_one_line_and_a_call_that_adds_none_notes_none(
    ledger: Ledger, heads: Path
) -> None:
    assert ledger.record([said(3)]) == 0
    assert ledger.record_outcome(came(), LATER) == "unchanged"

    lines = [json.loads(line) for line in heads.read_text().splitlines()]

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

    assert "1 outcomes recorded up to 2024-06-04 01:05 UTC are gone" in outcome
    assert (
        "3 predictions recorded after 2024-06-04 23:05 up to 2024-06-06 23:05 UTC are gone"
        in predictions
    )
    assert "--accept-restored" in predictions


def test_rows_cut_off_show_even_when_others_were_written_after(
    database: Database, ledger: Ledger
) -> None:
    execute(database, "DELETE FROM predictions WHERE id > 4")
    ledger.record([said(day) for day in range(8, 20)])

    (fault,) = ledger.verify().faults

    assert "4 predictions recorded after 2024-06-04 23:05 up to 2024-06-06 23:05" in fault


def test_a_restored_backup_is_named_accepted_by_a_person_and_listed_for_ever(
    tmp_path: Path, heads: Path
) -> None:
    path, backup = tmp_path / "o.sqlite", tmp_path / "backup.sqlite"
    first = Ledger(open_database(f"sqlite:///{path}"), heads)
    for day in range(6):
        first.record([said(day)])
        if day == 2:
            with sqlite3.connect(path) as live, sqlite3.connect(backup) as copy:
                live.backup(copy)
            live.close()
            copy.close()
    restored = Ledger(open_database(f"sqlite:///{backup}"), heads)
    (fault,) = restored.verify().faults
    assert "3 predictions" in fault

    for by, reason in (("", "disk"), ("ann", " ")):
        with pytest.raises(UnsignedChangeError):
            restored.accept_restored(by=by, reason=reason, at=LATER)
    (gap,) = restored.accept_restored(by="ann", reason="the disk failed", at=LATER)
    assert gap.rows == 3

    record = restored.verify()
    assert record.faults == ()
    (known,) = record.gaps
    assert (known.rows, known.by, known.reason) == (3, "ann", "the disk failed")
    with pytest.raises(NothingMissingError):
        restored.accept_restored(by="ann", reason="again", at=LATER)

    # what was accepted does not cover what is lost afterwards
    restored.record([said(10)])
    assert restored.verify().faults == ()
    execute(restored._database, "DELETE FROM predictions WHERE id > 3")
    record = restored.verify()
    assert len(record.gaps) == 1
    (fault,) = record.faults
    assert "1 predictions recorded after" in fault


def test_a_file_behind_the_database_is_no_fault(ledger: Ledger, heads: Path) -> None:
    lines = heads.read_bytes().splitlines(keepends=True)
    heads.write_bytes(b"".join(lines[:2]))

    record = ledger.verify()

    assert (record.faults, record.doubts) == ((), ())
    assert record.unnoted == 4 + 1


def test_a_missing_or_unreadable_file_is_a_doubt_and_no_fault(
    ledger: Ledger, heads: Path, database: Database, tmp_path: Path
) -> None:
    whole = heads.read_bytes()
    heads.write_bytes(b"no note at all\n" + whole)
    record = ledger.verify()
    assert record.faults == ()
    assert len(record.doubts) == 1
    assert "line 1 cannot be read" in record.doubts[0]

    heads.unlink()
    record = ledger.verify()
    assert record.faults == ()
    assert "is not there" in record.doubts[0]

    heads.mkdir()
    assert "cannot be read" in ledger.verify().doubts[0]

    empty = Ledger(open_database(f"sqlite:///{tmp_path / 'empty.sqlite'}"), tmp_path / "none")
    assert empty.verify().doubts == ()  # nothing was ever recorded: nothing to doubt
    assert Ledger(database).verify().doubts == ()


def test_a_line_that_a_crash_cut_short_is_passed_over_and_does_not_spoil_the_next(
    ledger: Ledger, heads: Path
) -> None:
    whole = heads.read_bytes()
    heads.write_bytes(whole[:-20])
    assert ledger.verify().doubts == ()

    ledger.record([said(9)])

    record = ledger.verify()
    assert (record.faults, record.doubts) == ((), ())
    assert json.loads(heads.read_text().splitlines()[-1])["rows"] == 9


def test_a_file_that_cannot_be_written_to_does_not_stop_the_record(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    kept = Ledger(database, tmp_path / "taken" / "heads.jsonl")

    with caplog.at_level(logging.WARNING):
        assert kept.record([said()]) == 1

    assert "was not noted" in caplog.text
    assert len(kept.settled("MGC")) == 1
