"""A database is copied to the last byte into an empty one of either kind, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, select, text, type_coerce

from registry.database import Database, open_database
from registry.database_copy import copy_database
from registry.errors import (
    ChangedRecordError,
    DatabaseError,
    NotEmptyError,
    SourceWrittenError,
)
from registry.ledger.entries import OutcomeEntry
from registry.ledger.ledger import Ledger
from registry.tables.base import CanonicalJson
from registry.tables.every import METADATA
from tests.ledger_rows import OUTCOME
from tests.registry.chains.chained_rows import RECORDED, fill

JOURNAL = "INSERT INTO tuning_journal (id, number, entry) VALUES (:n, :n, :entry)"
NOTICE = (
    "INSERT INTO notices (id, key, market, kind, subject, body, at) VALUES "
    "(7, 'k', NULL, 'break', 'a “b” c', 'two\nlines', '2024-06-04 01:02:03.000045')"
)
DELIVERY = (
    "INSERT INTO deliveries (id, notice_id, channel, delivered, detail, at) VALUES "
    "(1, 7, 'phone', true, '', '2024-06-04 01:02:03.000000')"
)


class Progress:
    """The progress reports of a copy; an action may run once, at the first report."""

    def __init__(self, then: Any = None) -> None:
        self.steps: list[tuple[int, int, str]] = []
        self.then = then

    def __call__(self, done: int, total: int, table: str) -> None:
        self.steps.append((done, total, table))
        then, self.then = self.then, None
        if then is not None:
            then()


def rows_of(database: Database) -> dict[str, list[str]]:
    """Return every value of every row, with JSON as stored text, by independent code."""
    with database.reading() as session:
        return {
            table.name: sorted(
                repr(tuple(row))
                for row in session.execute(
                    select(
                        *(
                            type_coerce(it, Text) if isinstance(it.type, CanonicalJson) else it
                            for it in table.columns
                        )
                    )
                )
            )
            for table in METADATA.sorted_tables
        }


def later(days: int) -> OutcomeEntry:
    return replace(OUTCOME, trading_day=OUTCOME.trading_day + timedelta(days=days))


def is_empty(database: Database) -> bool:
    return not any(rows_of(database).values())


@pytest.fixture(scope="module")
def filled(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with four rows in each chain, and some in tables without a chain."""
    home = tmp_path_factory.mktemp("filled")
    shutil.copy(migrated_file, home / "orbcast.sqlite")
    with opened(home) as database:
        notes, database.checkpoints = database.checkpoints, None
        fill(database)
        with database.session() as session:
            session.execute(text("DELETE FROM chain_beginnings"))  # of upgrades never made
            for number in (3, 9):
                session.execute(
                    text(JOURNAL), {"n": number, "entry": '{"b":1.50,"a":[0.1, null]}'}
                )
            session.execute(text(NOTICE))
            session.execute(text(DELIVERY))
        database.checkpoints = notes
        Ledger(database).record_outcome(later(80), RECORDED)
    return home


@pytest.fixture
def source(filled: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copytree(filled, tmp_path / "home")
    with opened(tmp_path / "home") as database:
        yield database


@contextmanager
def opened(home: Path) -> Iterator[Database]:
    database = open_database(
        f"sqlite:///{home / 'orbcast.sqlite'}", checkpoints=home / "ledger-heads.jsonl"
    )
    yield database
    database.close()


def test_there_and_back_every_value_is_the_same(
    source: Database, database: Database, tmp_path: Path
) -> None:
    before, progress = rows_of(source), Progress()
    made = copy_database(source, database, progress)
    assert rows_of(database) == before == rows_of(source)
    total = sum(map(len, before.values()))
    assert made.rows == total == progress.steps[-1][0] == progress.steps[-1][1]
    assert not made.already

    back = open_database(f"sqlite:///{tmp_path / 'back' / 'orbcast.sqlite'}")
    assert copy_database(database, back, Progress()).tables == made.tables
    assert rows_of(back) == before
    back.close()


def test_a_copy_goes_on_where_its_source_was(source: Database, database: Database) -> None:
    copy_database(source, database, Progress())
    assert Ledger(database).record_outcome(replace(OUTCOME, direction="DOWN"), RECORDED) == (
        "revised"
    )
    with database.session() as session:  # numbered after the copied ones
        session.execute(text("INSERT INTO tuning_journal (number, entry) VALUES (10, '{}')"))
    assert Ledger(database).verify_chain() == ()


def test_a_second_copy_is_reported_as_already_done_and_writes_nothing(
    source: Database, database: Database
) -> None:
    copy_database(source, database, Progress())
    progress = Progress()
    assert copy_database(source, database, progress).already
    assert progress.steps == []


def test_a_target_with_rows_of_its_own_is_refused(source: Database, database: Database) -> None:
    Ledger(database).record_outcome(OUTCOME, RECORDED)
    before = rows_of(database)
    with pytest.raises(NotEmptyError, match="rows of its own in outcomes, and nothing was copied"):
        copy_database(source, database, Progress())
    assert rows_of(database) == before


def test_a_copy_that_was_changed_since_is_no_copy(source: Database, database: Database) -> None:
    copy_database(source, database, Progress())
    with database.session() as session:
        session.execute(text("UPDATE notices SET subject = 'other'"))
    with pytest.raises(NotEmptyError):
        copy_database(source, database, Progress())
    with database.session() as session:
        session.execute(text("UPDATE notices SET subject = 'a “b” c'"))
        session.execute(text("UPDATE outcomes SET r_net = 9 WHERE id = 2"))
    with pytest.raises(ChangedRecordError, match=r"outcome 2 .* was edited"):
        copy_database(source, database, Progress())


def test_an_edited_source_is_refused_and_the_row_named(
    source: Database, database: Database
) -> None:
    with source.session() as session:
        session.execute(text("UPDATE predictions SET p_up = 0.99 WHERE id = 3"))
    with pytest.raises(ChangedRecordError, match=r"prediction 3 .* was edited"):
        copy_database(source, database, Progress())
    assert is_empty(database)


def test_a_source_cut_short_is_refused(source: Database, database: Database) -> None:
    with source.session() as session:
        session.execute(text("DELETE FROM outcomes WHERE id = 5"))
    with pytest.raises(ChangedRecordError, match=r"1 outcomes recorded .* are missing"):
        copy_database(source, database, Progress())
    assert is_empty(database)


class StoppedError(Exception):
    """An interruption of the copy."""


def test_an_interrupted_copy_leaves_nothing_and_is_made_again(
    source: Database, database: Database
) -> None:
    def stop() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        copy_database(source, database, Progress(stop))
    assert is_empty(database)
    assert not copy_database(source, database, Progress()).already


@pytest.mark.parametrize("table", ["outcomes", "notices"])
def test_a_source_written_meanwhile_is_noticed(
    source: Database, database: Database, table: str
) -> None:
    def write() -> None:
        if table == "outcomes":
            Ledger(source).record_outcome(later(90), RECORDED)
        else:
            with source.session() as session:
                session.execute(text("UPDATE notices SET body = ''"))

    with pytest.raises(SourceWrittenError, match=rf"\({table}\).*orbcast down"):
        copy_database(source, database, Progress(write))
    assert is_empty(database)
    assert not copy_database(source, database, Progress()).already


def test_a_database_is_not_copied_onto_itself(source: Database, tmp_path: Path) -> None:
    again = open_database(f"sqlite:///{tmp_path}/home/../home/orbcast.sqlite")
    with pytest.raises(DatabaseError, match="is the one to be copied"):
        copy_database(source, again, Progress())
    again.close()


def test_the_notes_go_with_a_file_in_another_folder(source: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    with opened(folder) as target:
        made = copy_database(source, target, Progress())
        assert made.notes == folder / "ledger-heads.jsonl"
        assert source.checkpoints is not None
        assert made.notes.read_bytes() == source.checkpoints.path.read_bytes()
        assert Ledger(target).verify() == Ledger(source).verify()


def test_a_value_too_long_for_the_other_kind_is_named(
    source: Database, new_postgresql: str
) -> None:
    """SQLite stores text of any length."""
    with source.session() as session:
        session.execute(text("UPDATE notices SET kind = :long"), {"long": "x" * 300})
    target = open_database(new_postgresql)
    with pytest.raises(DatabaseError, match="cannot hold a value of notices"):
        copy_database(source, target, Progress())
    assert is_empty(target)
    target.close()
