"""A verification that begins at a sealed checkpoint finds later changes, and states its start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.chains.chain_checkpoints import CheckpointFile, NotedHead
from registry.database import Database
from registry.ledger.ledger import Ledger
from registry.ledger.sealed_checkpoints import SEALS, Seal, write_seal
from registry.ledger.verification import seal_of, seal_record, verify
from tests.ledger_rows import DECIDED, OUTCOME, PREDICTION
from tests.registry.conftest import url_of_no_rows

DAY = timedelta(days=1)
AT = DECIDED + 30 * DAY
SEALED = 4


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of_no_rows(request, tmp_path)


@pytest.fixture
def sealed(database: Database, tmp_path: Path) -> Database:
    """Four rows in each chain of the ledger, a sealed checkpoint, and two rows more."""
    database.checkpoints = CheckpointFile(tmp_path / "ledger-heads.jsonl")
    for number in range(SEALED):
        append(database, number)
    assert seal_record(database, version="1.2", at=AT).faults == ()
    append(database, SEALED)
    append(database, SEALED + 1)
    return database


def append(database: Database, number: int) -> None:
    day = PREDICTION.trading_day + number * DAY
    made = {
        name: getattr(PREDICTION, name) + number * DAY for name in ("decision_time", "made_at")
    }
    Ledger(database).record([replace(PREDICTION, trading_day=day, **made)])
    Ledger(database).record_outcome(replace(OUTCOME, trading_day=day), made["made_at"] + DAY)


def write(database: Database, statement: str, **values: object) -> None:
    with database.session() as session:
        session.execute(text(statement), values)


def latest(database: Database) -> Seal:
    seal = seal_of(database)
    assert seal is not None
    return seal


def test_verification_begins_at_the_last_sealed_checkpoint(sealed: Database) -> None:
    seal = latest(sealed)
    assert (seal.at, seal.version) == (AT, "1.2")
    assert {name: seal.ends[name].rows for name in ("predictions", "outcomes")} == {
        "predictions": SEALED,
        "outcomes": SEALED,
    }
    since, whole = verify(sealed, seal), verify(sealed)
    assert since.since == seal
    assert replace(since, since=None) == whole
    assert whole.faults == ()
    assert whole.ends["predictions"].rows == SEALED + 2


@pytest.mark.parametrize("number", [SEALED, SEALED + 1, SEALED + 2])
def test_a_row_edited_from_the_checkpoint_on_is_found(sealed: Database, number: int) -> None:
    write(sealed, "UPDATE outcomes SET r_net = 9 WHERE id = :n", n=number)
    (fault,) = verify(sealed, latest(sealed)).faults
    assert fault.startswith(f"outcome {number} ")
    assert fault.endswith("was edited")


def test_a_row_edited_before_it_is_found_by_the_whole_alone(sealed: Database) -> None:
    write(sealed, "UPDATE predictions SET p_up = 0.99 WHERE id = 2")
    assert verify(sealed, latest(sealed)).faults == ()
    (fault,) = verify(sealed).faults
    assert fault.startswith("prediction 2 ")


def test_a_row_deleted_before_it_is_missed_by_its_count(sealed: Database) -> None:
    write(sealed, "DELETE FROM outcomes WHERE id = 2")
    (counted,) = verify(sealed, latest(sealed)).faults
    assert counted == (
        "outcomes has 3 rows up to the sealed checkpoint, which counted 4: some are missing or "
        "were inserted"
    )
    assert any("1 outcomes recorded after" in fault for fault in verify(sealed).faults)


def test_a_chain_cut_behind_its_checkpoint_is_named(sealed: Database) -> None:
    write(sealed, "DELETE FROM predictions WHERE id >= :n", n=SEALED)
    faults = verify(sealed, latest(sealed)).faults
    assert any("predictions row 4 is not the one that was sealed" in fault for fault in faults)
    assert any("predictions recorded" in fault and "are missing" in fault for fault in faults)


def test_rows_cut_off_after_it_are_named_by_their_notes(sealed: Database) -> None:
    write(sealed, "DELETE FROM predictions WHERE id > :n", n=SEALED + 1)
    (fault,) = verify(sealed, latest(sealed)).faults
    assert fault.startswith("1 predictions recorded after")


def test_a_forged_checkpoint_is_not_relied_on_and_counted(sealed: Database) -> None:
    """Whoever edits a row and seals the result cannot make its note from the database."""
    write(sealed, "UPDATE outcomes SET r_net = 9 WHERE id = :n", n=SEALED + 1)
    forged = Seal(at=AT + DAY, version="1.2", ends=verify(sealed).ends)
    notes, sealed.checkpoints = sealed.checkpoints, None
    with sealed.session() as session:
        write_seal(session, forged)
    sealed.checkpoints = notes
    assert latest(sealed).at == AT
    verification = verify(sealed, latest(sealed))
    assert [fault.partition(" (")[0] for fault in verification.faults] == [f"outcome {SEALED + 1}"]
    assert verification.unnoted_rows == {"sealed_checkpoints": 1}

    # a later checkpoint covers the forged row, and is the one that is begun at
    write(sealed, "UPDATE outcomes SET r_net = :n WHERE id = :v1", n=OUTCOME.r_net, v1=SEALED + 1)
    assert seal_record(sealed, version="1.3", at=AT + 2 * DAY).faults == ()
    assert latest(sealed).version == "1.3"


def test_an_edited_checkpoint_is_named_and_the_whole_is_walked(sealed: Database) -> None:
    write(sealed, "UPDATE sealed_checkpoints SET version = '9'")
    assert seal_of(sealed) is None
    assert verify(sealed).faults == ("sealed checkpoint 1 () was edited",)


def test_a_note_of_a_checkpoint_that_was_never_made_is_a_gap(sealed: Database) -> None:
    assert sealed.checkpoints is not None
    sealed.checkpoints.note(NotedHead(chain=SEALS.name, rows=2, row_hash="ab" * 32, at=AT + DAY))
    assert latest(sealed).at == AT
    (fault,) = verify(sealed, latest(sealed)).faults
    assert fault.startswith("1 sealed_checkpoints recorded")


def test_without_the_notes_there_is_none(sealed: Database) -> None:
    assert sealed.checkpoints is not None
    sealed.checkpoints.path.unlink()
    assert seal_of(sealed) is None


def test_a_record_with_a_fault_is_not_sealed(sealed: Database) -> None:
    write(sealed, "UPDATE predictions SET p_up = 0.99 WHERE id = 2")
    assert len(seal_record(sealed, version="1.3", at=AT + DAY).faults) == 1
    assert latest(sealed).at == AT


def test_an_accepted_gap_before_it_is_listed_for_ever(sealed: Database) -> None:
    write(sealed, "DELETE FROM predictions WHERE id > :n", n=SEALED + 1)
    write(sealed, "DELETE FROM outcomes WHERE id > :n", n=SEALED + 1)
    Ledger(sealed).accept_restored(by="ann", reason="backup of Sunday", at=AT)
    append(sealed, SEALED + 5)
    seal_record(sealed, version="1.3", at=AT + DAY)
    append(sealed, SEALED + 6)
    since, whole = verify(sealed, latest(sealed)), verify(sealed)
    assert [str(gap) for gap in since.gaps] == [str(gap) for gap in whole.gaps]
    assert len(since.gaps) == 2
    assert replace(since, since=None) == whole


def test_a_seal_that_nobody_can_read_is_none(sealed: Database) -> None:
    with sealed.session() as session:
        SEALS.append(session, {"at": AT + DAY, "version": "x", "ends": {"predictions": 3}})
    assert seal_of(sealed) is None
