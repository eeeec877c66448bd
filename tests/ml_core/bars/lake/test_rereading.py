"""A batch is identified by content and reading options: corrections count and can be undone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.bars.contract import RawBatch
from ml_core.bars.lake.bars_as_of import bars_as_of
from ml_core.bars.lake.batch_log import BatchRecord, NoSuchBatchError
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.month_file import read_rows, write_rows
from ml_core.market.schedule import from_minute
from tests.ml_core.bars.lake.test_lake import NOW, START, bar, batch, contents
from tests.ml_core.builders import mgc

HOUR = timedelta(hours=1)


def reading_of(reading: str, rows: list[Any], content: str, name: str = "bars.csv") -> RawBatch:
    """Return the batch of a file with some content, read with some options."""
    return replace(batch(rows, name), content_hash=content, origin=content, reading=reading)


def take(lake: Lake, *batches: RawBatch, hours: int = 0) -> tuple[BatchRecord, ...]:
    return lake.ingest(batches, mgc(), NOW + hours * HOUR)


def closes(lake: Lake) -> dict[int, int]:
    """Return the closing price of each bar, by minutes from the start."""
    return {at - START: close for at, _, close, _ in contents(lake)}


def test_read_with_another_zone_a_file_s_former_bars_go(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    take(lake, reading_of("zone=UTC", [bar(0), bar(1, 2001.0)], "A"))

    (record,) = take(lake, reading_of("zone=EST", [bar(300), bar(301, 2001.0)], "A"), hours=1)

    assert closes(lake) == {300: 20000, 301: 20010}
    assert (record.status, record.added, record.withdrawn) == ("added", 2, 2)
    revisions = lake.revisions("MGC")
    assert revisions is not None
    assert revisions["close"].to_pylist() == [2000.0, 2001.0]
    assert revisions["withdrawn_at"].to_pylist() == [NOW + HOUR] * 2
    assert (
        take(lake, reading_of("zone=EST", [bar(300), bar(301, 2001.0)], "A"))[0].status
        == "already"
    )


def test_bars_overwritten_by_a_wrong_reading_are_restored(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    take(lake, reading_of("", [bar(5, 2005.0)], "right"))
    take(lake, reading_of("zone=UTC", [bar(5, 1900.0), bar(6, 1900.0)], "A"), hours=1)

    (record,) = take(lake, reading_of("zone=EST", [bar(300, 1900.0)], "A"), hours=2)

    assert closes(lake) == {5: 20050, 300: 19000}
    assert (record.added, record.revised, record.withdrawn) == (1, 1, 1)


def test_a_column_that_was_forgotten_is_read_after_all(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    take(lake, reading_of("", [bar(0, volume=0), bar(1, volume=0)], "A"))

    (record,) = take(lake, reading_of("volume", [bar(0, volume=7), bar(1, volume=8)], "A"))

    assert [volume for *_, volume in contents(lake)] == [7, 8]
    assert (record.revised, record.added, record.withdrawn) == (2, 0, 0)


def test_other_words_for_the_same_reading_change_no_bar(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = [bar(0), bar(1, 2001.0)]
    take(lake, reading_of("layout=auto", rows, "A"))
    before = lake.stored(mgc(), START, START + 10).drop_columns(["brought_by"])

    (record,) = take(lake, reading_of("layout=firstrate", rows, "A"), hours=1)

    assert (record.status, record.unchanged) == ("unchanged", 2)
    assert lake.stored(mgc(), START, START + 10).drop_columns(["brought_by"]) == before
    assert lake.revisions("MGC") is None


def test_a_source_that_goes_back_to_what_it_was_is_followed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first, second = batch([bar(0), bar(1, 2001.0)]), batch([bar(0), bar(1, 2002.0)])
    take(lake, first)
    take(lake, second)

    (record,) = take(lake, first)

    assert closes(lake) == {0: 20000, 1: 20010}
    assert (record.status, record.revised) == ("added", 1)
    assert take(lake, first)[0].status == "already"


def test_a_folder_whose_files_overlap_is_read_twice_without_a_change(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    files = batch([bar(0), bar(1, 2001.0)], "1.csv"), batch([bar(1, 2002.0)], "2.csv")
    take(lake, *files)

    again = take(lake, *files)

    assert [record.status for record in again] == ["already", "already"]
    assert closes(lake) == {0: 20000, 1: 20020}
    assert len(lake.batches("MGC")) == 2


def test_of_a_database_every_month_is_read_anew_with_other_options(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    month = 31 * 1440

    def months(reading: str, shift: int, price: float) -> list[RawBatch]:
        rows = [[bar(shift, price)], [bar(month + shift, price)]]
        parts = (reading_of(reading, part, f"{reading} {price} {part[0][1]}") for part in rows)
        return [replace(part, origin="bars.duckdb:bars_1m") for part in parts]

    take(lake, *months("", 0, 2000.0))
    take(lake, *months("", 0, 2001.0))  # the file grew; the options are the same

    take(lake, *months("zone=EST", 300, 2001.0))

    assert closes(lake) == {300: 20010, month + 300: 20010}


def test_a_withdrawn_batch_has_all_its_effects_undone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    take(lake, batch([bar(0), bar(1, 2001.0)]))
    before = contents(lake)
    (wrong,) = take(lake, batch([bar(1, 1900.0), bar(2, 1900.0)]), hours=1)

    record = lake.forget(wrong.batch_id[:6], mgc(), NOW + 2 * HOUR)

    assert contents(lake) == before
    assert (record.status, record.revised, record.withdrawn) == ("forgotten", 1, 1)
    assert record.replaces == (wrong.batch_id,)
    revisions = lake.revisions("MGC", {record.batch_id})
    assert revisions is not None
    assert revisions["close"].to_pylist() == [1900.0, 1900.0]
    with pytest.raises(NoSuchBatchError, match="no longer has bars in the lake"):
        lake.forget(wrong.batch_id, mgc(), NOW)


def test_a_bar_that_two_readings_have_alike_goes_back_to_what_it_was_before_both(
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path)
    take(lake, batch([bar(0), bar(1, 2001.0)], "first"))
    before = closes(lake)
    for hour, reading in enumerate(("layout=auto", "layout=firstrate", "zone=UTC"), 1):
        take(lake, reading_of(reading, [bar(0, 1900.0), bar(1, 1901.0)], "A"), hours=hour)

    lake.forget("last", mgc(), NOW + 4 * HOUR)

    assert closes(lake) == before


def test_a_withdrawn_batch_can_be_imported_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = batch([bar(0), bar(1)])
    (first,) = take(lake, rows)
    lake.forget(first.batch_id, mgc(), NOW)
    assert contents(lake) == []

    (again,) = take(lake, rows)

    assert (again.status, again.added) == ("added", 2)
    assert again.batch_id != first.batch_id


def test_bars_that_another_source_has_too_stay(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    (first,) = take(lake, batch([bar(0), bar(1)], "one"))
    other = batch([bar(1), bar(2)], "other")
    take(lake, other)

    lake.forget(first.batch_id, mgc(), NOW)

    assert closes(lake) == {1: 20000, 2: 20000}
    (record,) = take(lake, other)
    assert (record.status, record.added) == ("unchanged", 0)


def test_a_value_that_another_source_has_too_is_not_lost_to_an_older_one(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    take(lake, batch([bar(0, 1900.0)], "wrong"))
    (right,) = take(lake, batch([bar(0, 2000.0)], "right"))
    (other,) = take(lake, batch([bar(0, 2000.0), bar(1)], "right too"))

    lake.forget(right.batch_id, mgc(), NOW)
    assert closes(lake) == {0: 20000, 1: 20000}

    lake.forget(other.batch_id, mgc(), NOW)
    assert closes(lake) == {0: 19000}


def test_in_a_lake_of_before_such_bars_come_back_when_the_other_source_is_read_again(
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path)
    (first,) = take(lake, batch([bar(0), bar(1)], "one"))
    other = batch([bar(1), bar(2)], "other")
    take(lake, other)
    shutil.rmtree(tmp_path / "MGC" / "confirmed")

    lake.forget(first.batch_id, mgc(), NOW)
    (record,) = take(lake, other)

    assert (record.status, record.added) == ("added", 1)
    assert closes(lake) == {1: 20000, 2: 20000}


@pytest.mark.parametrize(
    ("name", "fault"), [("nothing", "does not exist"), ("", "matches several names")]
)
def test_an_unknown_batch_cannot_be_withdrawn(tmp_path: Path, name: str, fault: str) -> None:
    lake = Lake(tmp_path)
    take(lake, batch([bar(0)]), batch([bar(1)]))

    with pytest.raises(NoSuchBatchError, match=fault):
        lake.forget(name, mgc(), NOW)


def test_a_withdrawn_bar_was_known_before_its_withdrawal(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    take(lake, batch([bar(0), bar(1, 2001.0)]))
    (wrong,) = take(lake, batch([bar(1, 1900.0), bar(2, 1900.0)]), hours=1)
    lake.forget(wrong.batch_id, mgc(), NOW + 3 * HOUR)

    def known_bars(hours: int) -> tuple[list[int], int]:
        state = bars_as_of(lake, mgc(), START, START + 10, NOW + hours * HOUR)
        return state.bars.close.tolist(), len(state.changes)

    assert known_bars(0) == ([20000, 20010], 1)
    assert known_bars(1) == ([20000, 19000, 19000], 2)
    assert known_bars(3) == ([20000, 20010], 0)
    changes = bars_as_of(lake, mgc(), START, START + 10, NOW + 2 * HOUR).changes
    revised = "high 2000 to 2001, low 1900 to 2000, close 1900 to 2001"
    withdrawn = f"{NOW + 3 * HOUR:%Y-%m-%d %H:%M:%S} UTC"
    assert [str(change) for change in changes] == [
        f"MGCG4 {from_minute(START + 1):%Y-%m-%d %H:%M} UTC was revised, {revised}",
        f"MGCG4 {from_minute(START + 2):%Y-%m-%d %H:%M} UTC was withdrawn at {withdrawn}",
    ]


def test_a_lake_of_before_each_bar_kept_its_batch_is_corrected_too(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    wrong = reading_of("zone=UTC", [bar(0), bar(1)], "A")
    take(lake, wrong)
    make_older(tmp_path / "MGC")

    (record,) = take(lake, reading_of("zone=EST", [bar(300), bar(301)], "A"), hours=1)

    assert closes(lake) == {300: 20000, 301: 20000}
    assert (record.added, record.withdrawn) == (2, 2)


def make_older(folder: Path) -> None:
    """Rewrite a lake in the form of the previous release."""
    for path in (folder / "bars").iterdir():
        write_rows(read_rows(path).drop_columns(["brought_by"]), path)
    for path in (folder / "batches").iterdir():
        new = ("origin", "reading", "withdrawn", "replaces", "sequence")
        values = json.loads(path.read_text())
        path.write_text(json.dumps({key: values[key] for key in values if key not in new}))


Event = tuple[str, int, int, dict[int, int]]
"""A step: a reading (content, reading options, bars), or the withdrawal of the last one."""

readings = st.tuples(
    st.integers(0, 2),
    st.integers(0, 1),
    st.dictionaries(st.integers(0, 4), st.integers(0, 2), min_size=1, max_size=4),
)


@settings(max_examples=40)
@example(  # the withdrawn reading has a bar equal to one in a reading that it replaced
    [(0, 0, {0: 0, 1: 0}), (1, 0, {0: 0, 1: 0}), (2, 0, {0: 0}), (1, 0, {0: 0}), None]
)
@given(steps=st.lists(st.one_of(readings, st.none()), min_size=1, max_size=7))
def test_the_lake_is_the_result_of_its_readings_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, dict[int, int]] | None],
) -> None:
    """Compare with a plain model: readings in order, the latest wins, replaced ones are removed.

    No two bars have the same price, so that no reading confirms another's bar by chance.
    """
    lake = Lake(tmp_path_factory.mktemp("lake"))
    unique, model, bars_by_reading = count(), [], {}
    for step in steps:
        if step is None:
            in_lake = lake.batch_log("MGC").in_lake()
            if not in_lake:
                continue
            lake.forget(in_lake[-1].batch_id, mgc(), datetime(2024, 6, 2, tzinfo=UTC))
            model.pop()
        else:
            content, reading, values = step
            bars = bars_by_reading.setdefault(
                (content, reading), {at: 2000 + 10 * next(unique) for at in values}
            )
            rows = [bar(at, close) for at, close in bars.items()]
            same = [entry for entry in model if entry[:2] == (content, reading)]
            if not same or not bars.items() <= closes_of(model).items():
                model = [entry for entry in model if entry[0] != content]
                model.append((content, reading, bars))
            take(lake, reading_of(f"reading {reading}", rows, f"content {content}"))
        assert closes(lake) == {at: close * 10 for at, close in closes_of(model).items()}


def closes_of(model: list[tuple[int, int, dict[int, int]]]) -> dict[int, int]:
    """Return the bars of some readings; later readings override earlier ones."""
    bars: dict[int, int] = {}
    for _, _, more in model:
        bars |= more
    return bars


@settings(max_examples=60)
@example([(0, 0, {0: 0}), (1, 0, {0: 0}), (2, 0, {0: 1}), 2])  # the second confirmed another value
@example([(0, 0, {0: 1}), (1, 0, {0: 0}), (2, 0, {0: 0}), 1, (3, 0, {0: 0}), 1, 1])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(
                st.integers(0, 3),
                st.integers(0, 1),
                st.dictionaries(st.integers(0, 3), st.integers(0, 1), min_size=1, max_size=4),
            ),
            st.integers(0, 9),
        ),
        min_size=2,
        max_size=9,
    )
)
def test_the_lake_is_the_result_of_its_readings_in_any_order_of_withdrawals(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, dict[int, int]] | int],
) -> None:
    """The same where readings confirm each other's bars and any of them may be taken back."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    model: list[tuple[int, int, dict[int, int]]] = []
    bars_by_reading: dict[tuple[int, int], dict[int, int]] = {}
    for step in steps:
        if isinstance(step, int):
            in_lake = lake.batch_log("MGC").in_lake()
            if not in_lake:
                continue
            place = step % len(in_lake)
            lake.forget(in_lake[place].batch_id, mgc(), datetime(2024, 6, 2, tzinfo=UTC))
            content = int(in_lake[place].content_hash.removeprefix("content "))
            model = [entry for entry in model if entry[0] != content]
        else:
            content, reading, values = step
            bars = bars_by_reading.setdefault(
                (content, reading), {at: 2000 + 10 * value for at, value in values.items()}
            )
            rows = [bar(at, close) for at, close in bars.items()]
            (record,) = take(lake, reading_of(f"reading {reading}", rows, f"content {content}"))
            if record.status != "already":
                model = [entry for entry in model if entry[0] != content]
                model.append((content, reading, bars))
        assert closes(lake) == {at: close * 10 for at, close in closes_of(model).items()}
