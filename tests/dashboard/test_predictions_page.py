"""Browse and export the ledger: the result matches the filter and cannot do harm."""

from __future__ import annotations

import csv
import io
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.ledger_export import neutral, to_csv, to_parquet
from registry.database import Database, open_read_only
from registry.ledger.browsing import (
    COLUMNS,
    PredictionFilter,
    all_rows,
    browse,
    choices,
    matching,
    prediction_with_hashes,
)
from registry.ledger.entries import Settled
from registry.ledger.ledger import Ledger
from registry.ledger.scored import scored_predictions

# from OWASP's page on CSV injection
FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@pytest.fixture(scope="module")
def database(day_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The home's ledger, with one late prediction and one without its outcome."""
    copy = shutil.copy(day_home / "orbcast.sqlite", tmp_path_factory.mktemp("ledger"))
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE predictions SET late = 1 WHERE id = 1")
        connection.execute("DELETE FROM outcomes WHERE id = 1")
    return open_read_only(f"sqlite:///{copy}")


@pytest.fixture(scope="module")
def settled(database: Database) -> tuple[Settled, ...]:
    return Ledger(database).settled("MGC")


FILTERS: dict[str, tuple[dict[str, Any], Callable[[Settled], bool]]] = {
    "everything": ({}, lambda _: True),
    "a range": ({"opening_range": ("0900",)}, lambda e: e.prediction.opening_range == "0900"),
    "live": ({"mode": ("live",)}, lambda e: e.prediction.mode == "live"),
    "champion or baseline": (
        {"role": ("champion", "baseline")},
        lambda e: e.prediction.role in {"champion", "baseline"},
    ),
    "skipped": ({"recommendation": ("skip",)}, lambda e: e.prediction.recommendation == "skip"),
    "won": ({"outcome": ("WIN",)}, lambda e: bool(e.outcome and e.outcome.outcome == "WIN")),
    "open": ({"outcome": ("open",)}, lambda e: e.outcome is None),
    "did not break or lost": (
        {"outcome": ("NONE", "LOSS")},
        lambda e: (
            e.outcome is not None
            and (e.outcome.direction == "NONE" or e.outcome.outcome == "LOSS")
        ),
    ),
    "in time": ({"late": False}, lambda e: not e.prediction.late),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_lets_through_what_the_ledger_has(
    name: str, database: Database, settled: tuple[Settled, ...]
) -> None:
    conditions, holds = FILTERS[name]
    wanted = PredictionFilter(market="MGC", **conditions)
    expected = [settled_row for settled_row in settled if holds(settled_row)]
    rows = list(all_rows(database, wanted))
    assert len(expected) > 0
    assert (len(expected) < len(settled)) == bool(conditions)
    assert matching(database, wanted) == len(expected) == len(rows)
    for row, settled_row in zip(rows, expected, strict=True):
        assert row.p_up == settled_row.prediction.p_up
        assert row.r_net == (settled_row.outcome.r_net if settled_row.outcome else None)
    pages = [browse(database, wanted, offset=at, limit=7) for at in range(0, len(rows), 7)]
    newest = [row.decision_time for page in pages for row in page]
    assert newest == sorted(newest, reverse=True)
    assert sorted(row.id for page in pages for row in page) == sorted(row.id for row in rows)


def test_the_lean_rows_for_scoring_are_the_ledgers(
    database: Database, settled: tuple[Settled, ...]
) -> None:
    rows = scored_predictions(database, "MGC", mode="live", role="champion")
    same = [
        row
        for row in settled
        if (row.prediction.mode, row.prediction.role) == ("live", "champion")
    ]
    assert [(row.p_up, row.direction, row.taken_r_net) for row in rows] == [
        (settled_row.prediction.p_up, settled_row.direction, settled_row.taken_r_net)
        for settled_row in same
    ]
    middle = same[len(same) // 2].prediction.decision_time
    later = scored_predictions(database, "MGC", mode="live", role="champion", after=middle)
    assert list(later) == [row for row in rows if row.decision_time > middle] != []


def test_choices_are_the_values_there_are_and_a_row_opens_whole(database: Database) -> None:
    values = choices(database, "MGC")
    assert set(values["mode"]) == {"live", "replay"}
    (row,) = browse(database, PredictionFilter(market="MGC"), limit=1)
    assert row.version in values["version"]
    row_and_hashes = prediction_with_hashes(database, row.id)
    assert row_and_hashes is not None
    entry, hashes = row_and_hashes
    assert (entry.opening_range, len(hashes["row"])) == (row.opening_range, 64)
    assert prediction_with_hashes(database, 10**9) is None


@given(st.text())
def test_no_text_begins_a_formula_and_none_is_lost(text: str) -> None:
    begins_a_formula = text.lstrip(" ").startswith(tuple(FORMULA))
    assert neutral(text) == (f"'{text}" if begins_a_formula else text)


@given(st.floats(allow_nan=False) | st.integers())
def test_numbers_stay_numbers(value: float) -> None:
    assert neutral(value) == value
    assert not isinstance(neutral(value), str)


def test_csv_and_parquet_hold_every_row(database: Database) -> None:
    rows = list(all_rows(database, PredictionFilter(market="MGC")))
    rows[0] = replace(rows[0], reason="=HYPERLINK(1)")
    read = list(csv.DictReader(io.StringIO(to_csv(rows).decode())))
    assert len(read) == len(rows)
    assert read[0]["reason"] == "'=HYPERLINK(1)"
    assert float(read[1]["p_up"]) == rows[1].p_up
    table = pq.read_table(io.BytesIO(to_parquet(rows)))
    assert table.column_names == list(COLUMNS)
    assert table.column("p_up").to_pylist() == [row.p_up for row in rows]
    assert str(table.schema.field("decision_time").type) == "timestamp[us, tz=UTC]"
    assert table.column("decision_time").to_pylist() == [row.decision_time for row in rows]


def test_the_command_shows_and_writes_the_same(
    day_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(day_home))
    monkeypatch.setenv("COLUMNS", "80")
    run = CliRunner().invoke
    result = run(app, ["predictions", "--mode", "live", "--rows", "3"])
    assert (result.exit_code, "the newest 3 of" in result.stdout) == (0, True)
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert run(app, ["predictions", "--csv", str(tmp_path / "a.csv")]).exit_code == 0
    with (tmp_path / "a.csv").open(newline="") as file:
        written = sum(1 for _ in csv.DictReader(file))
    as_json = run(app, ["predictions", "--json", "--rows", "1"])
    assert f'"matching": {written}' in as_json.stdout
    nothing = run(app, ["predictions", "--from", "2031-01-01"])
    assert nothing.stdout.strip() == "no prediction matches"
