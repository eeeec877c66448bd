"""Fills on record: repeats count once, another reading replaces, withdrawn rows are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ml_core.fills.fill import Fill, FillsFile, SetAside
from registry.database import Database
from registry.fills import (
    UnknownFillBatchError,
    fill_batches,
    fills_of,
    import_fills,
    withdraw_fills,
)
from registry.ledger.ledger import Ledger
from tests.ml_core.fills.made_fills import fill

AT = datetime(2025, 6, 20, tzinfo=UTC)


def file(*fills: Fill, content: str = "c1", reading: str = "{}") -> FillsFile:
    return FillsFile(
        name="fills.csv",
        content_hash=content,
        reading=reading,
        platform="generic",
        zone="UTC",
        fills=tuple(replace(fill, source_line=line) for line, fill in enumerate(fills, 2)),
        set_aside=(SetAside(source_line=9, field="price", value="x", reason="is not a price"),),
        repeated=1,
        left_out={"ESU5": 3},
    )


ONE = fill(0, "buy", 2, 3386.4, execution_id="e1", commission=2.48)
TWO = fill(60, "sell", 2, 3390.0, execution_id="e2")


def contents(database: Database) -> list[Fill]:
    return [replace(fill, source_line=0) for fill in fills_of(database, "MGC")]


def test_imported_fills_are_read_unchanged_and_a_second_import_adds_none(
    database: Database,
) -> None:
    batch, is_new = import_fills(database, "MGC", file(ONE, TWO), AT)
    again, is_new_again = import_fills(database, "MGC", file(ONE, TWO), AT + timedelta(days=1))
    assert (is_new, is_new_again) == (True, False)
    assert batch == again
    assert contents(database) == [ONE, TWO]
    assert fill_batches(database, "MGC") == (batch,)
    assert fills_of(database, "NQ") == ()
    assert batch.set_aside[0]["reason"] == "is not a price"
    assert (batch.repeated, batch.left_out) == (1, {"ESU5": 3})


def test_another_reading_of_the_same_file_takes_its_place(database: Database) -> None:
    import_fills(database, "MGC", file(ONE, TWO), AT)
    shifted = replace(ONE, time=ONE.time + timedelta(hours=1))
    import_fills(database, "MGC", file(shifted, TWO, reading='{"zone": "UTC"}'), AT)
    assert sorted(contents(database), key=lambda fill: fill.execution_id) == [shifted, TWO]
    events = [batch.event for batch in fill_batches(database, "MGC")]
    assert events == ["imported", "withdrawn", "imported"]


def test_overlapping_files_merge_and_the_later_ones_commission_counts(database: Database) -> None:
    import_fills(database, "MGC", file(ONE, TWO), AT)
    charged = replace(TWO, commission=2.48)
    later = fill(90, "buy", 1, 3388.0, execution_id="e3")
    import_fills(database, "MGC", file(charged, later, content="c2"), AT)
    assert contents(database) == [ONE, charged, later]


def test_withdrawn_fills_do_not_count_until_imported_again(database: Database) -> None:
    batch, _ = import_fills(database, "MGC", file(ONE, TWO), AT)
    gone = withdraw_fills(database, "MGC", batch.batch_id[:5], "a simulated account", AT)
    assert (gone.event, gone.reason) == ("withdrawn", "a simulated account")
    assert contents(database) == []
    for named in (batch.batch_id, "", "f00"):
        with pytest.raises(UnknownFillBatchError, match="orbcast fills show --files"):
            withdraw_fills(database, "MGC", named, "again", AT)
    again, is_new = import_fills(database, "MGC", file(ONE, TWO), AT)
    assert is_new
    assert again.batch_id != batch.batch_id
    assert contents(database) == [ONE, TWO]
    withdraw_fills(database, "MGC", "last", "once more", AT)
    third, _ = import_fills(database, "MGC", file(ONE, TWO), AT)
    assert third.batch_id not in {batch.batch_id, again.batch_id}
    verification = Ledger(database).verify()
    assert verification.faults == ()
    assert verification.ends["fills"].rows == 6
