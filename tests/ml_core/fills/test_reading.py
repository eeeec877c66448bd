"""Executions do not depend on the order, repetition or split of rows."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.fills.contract_names import contract_of
from ml_core.fills.fill import Fill, FillsFile, merged, reported_twice
from ml_core.fills.read import FillsReading, read_fills
from ml_core.market.market import Market, load_market
from tests.conftest import PROJECT
from tests.ml_core.fills.made_fills import fill, many, row_of, write

AT = datetime(2025, 6, 20, tzinfo=UTC)
MARKET: Market = load_market(PROJECT / "deployments/markets/mgc.toml")


def read(rows: list[str]) -> FillsFile:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "fills.csv", rows)
        return read_fills(path, MARKET, FillsReading(), at=AT)


def without_lines(fills: tuple[Fill, ...]) -> list[Fill]:
    return [replace(execution, source_line=0) for execution in fills]


@settings(max_examples=40)
@given(many().filter(bool), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(fills: list[Fill], shuffle: object) -> None:
    rows = [row_of(execution) for execution in fills]
    mixed = list(rows)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = read(rows), read(mixed)
    assert without_lines(one.fills) == without_lines(other.fills)
    assert one.repeated == other.repeated
    assert len(one.set_aside) == len(other.set_aside)


@pytest.mark.parametrize("orders", [("", "o1"), ("o1", ""), ("o2", "o1"), ("o1", "o2")])
def test_of_one_execution_the_row_that_names_an_order_is_kept(orders: tuple[str, str]) -> None:
    rows = [row_of(fill(0, "buy", 1, 3380.0, execution_id="x", order_id=name)) for name in orders]
    file = read(rows)
    assert [one.order_id for one in file.fills] == ["o1"]
    assert file.repeated == 1


@settings(max_examples=40)
@given(many().filter(bool))
def test_every_row_is_a_fill_or_a_repetition_or_set_aside(fills: list[Fill]) -> None:
    file = read([row_of(execution) for execution in fills])
    assert len(file.fills) + file.repeated + len(file.set_aside) == len(fills)
    assert len({execution.key for execution in file.fills}) == len(file.fills)


@settings(max_examples=30)
@given(many(with_ids=False).filter(bool), st.data())
def test_overlapping_files_merge_into_what_one_file_would_hold(
    fills: list[Fill], data: st.DataObject
) -> None:
    rows = [
        row_of(execution) for execution in sorted(fills, key=lambda execution: execution.order)
    ]
    # exports of two periods: an execution in both is in both with all equal ones
    equals = Counter(rows)
    begin = data.draw(st.integers(0, len(rows) - 1))
    end = data.draw(st.integers(begin, len(rows) - 1))
    parts = [
        [row for row in rows if rows.index(row) <= end],
        [row for row in rows if rows.index(row) >= begin],
    ]
    assert all(part.count(row) in {0, equals[row]} for part in parts for row in rows)
    both = merged([read(part).fills for part in parts if part])
    whole = read(rows).fills
    assert [execution.key for execution in both] == [execution.key for execution in whole]


@settings(max_examples=30)
@given(many().filter(bool))
def test_the_same_file_twice_changes_nothing(fills: list[Fill]) -> None:
    once = read([row_of(execution) for execution in fills]).fills
    assert merged([once]) == merged([once, once]) == merged([once, (), once])


def test_the_later_file_sets_the_cost_of_an_execution() -> None:
    early = fill(0, "buy", 1, 3386.4, execution_id="e1")
    late = replace(early, commission=1.24)
    assert merged([[early], [late]]) == (late,)


def test_equal_rows_without_ids_are_as_many_executions_and_with_one_id_one() -> None:
    row = row_of(fill(0, "buy", 1, 3386.4))
    assert [execution.occurrence for execution in read([row, row]).fills] == [1, 2]
    named = row_of(fill(0, "buy", 1, 3386.4, execution_id="e1"))
    file = read([named, named])
    assert (len(file.fills), file.repeated) == (1, 1)


def test_what_two_platforms_report_of_one_execution_is_noticed() -> None:
    one = fill(0.2, "buy", 1, 3386.4, execution_id="e1")
    other = replace(one, platform="tradovate", execution_id="77", time=one.time)
    apart = fill(9, "buy", 1, 3386.4, execution_id="e2")
    assert reported_twice([one, other, apart]) == 1
    assert reported_twice([one, apart]) == 0


@pytest.mark.parametrize(
    "written",
    ["MGCQ5", "mgcq5", "MGCQ25", "MGC 08-25", "MGC AUG25", "MGC AUG 25", "/MGCQ25:XCEC"],
)
def test_a_contract_has_one_name_however_it_is_written(written: str) -> None:
    assert contract_of(written, MARKET) == "MGCQ5"


@pytest.mark.parametrize("written", ["ESU5", "GC 08-25", "MGC 13-25", "MGCQ5-MGCV5", "", "MGCI5"])
def test_another_instrument_is_no_contract_of_the_market(written: str) -> None:
    assert contract_of(written, MARKET) is None


def test_a_name_that_stands_for_the_market_is_its_symbol() -> None:
    assert contract_of("xauusd", MARKET, "XAUUSD") == contract_of("MGC", MARKET) == "MGC"
