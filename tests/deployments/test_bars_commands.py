"""`orbcast ingest` again with other options, and `orbcast bars` to list and to withdraw."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.market.calendar_days import market_dates
from ml_core.market.schedule import from_minute
from registry.bars.intake_history import batches, revisions
from tasks.settings import current_settings

BARS = """ts,open,high,low,close,volume,vol2
2024-01-02 09:30:00,2050.2,2051.0,2050.0,2050.7,10,100
2024-01-02 09:31:00,2050.7,2051.0,2050.0,2050.7,12,120
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("bars.csv").write_text(BARS)


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def ingest(*options: str) -> Any:
    return run_json("ingest", "--source", "csv", "bars.csv", *options)


def first_bar() -> str:
    return str(run_json("bars", "status")["first_bar"])


def test_a_zone_that_was_wrong_is_put_right_by_reading_the_file_again() -> None:
    assert ingest("--zone", "UTC")["added"] == 2

    again = ingest("--zone", "America/New_York")

    assert (again["new_batches"], again["added"], again["withdrawn"], again["bars"]) == (
        1,
        2,
        2,
        2,
    )
    assert first_bar() == "2024-01-02T14:30:00+00:00"
    assert ingest("--zone", "America/New_York")["new_batches"] == 0


def test_a_column_that_was_wrong_is_put_right_by_reading_the_file_again() -> None:
    ingest("--zone", "UTC")

    again = ingest("--zone", "UTC", "--column", "volume=vol2")

    assert (again["revised"], again["added"], again["withdrawn"]) == (2, 0, 0)
    market = current_settings().market("mgc")
    assert current_settings().lake().read(market).volume.tolist() == [100, 120]


def test_a_database_read_in_another_way_is_read_whole() -> None:
    months = ("2024-01-02", "2024-02-01", "2024-03-01")
    with duckdb.connect("bars.duckdb") as database:
        database.execute(
            "CREATE TABLE bars_1m (ts_utc TIMESTAMP, symbol TEXT, open DOUBLE, high DOUBLE, "
            "low DOUBLE, close DOUBLE, volume BIGINT, vol2 BIGINT)"
        )
        for month in months:
            row = [f"{month} 14:30", "MGC", 2050.0, 2050.0, 2050.0, 2050.0, 1, 100]
            database.execute("INSERT INTO bars_1m VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    run_json("ingest", "--source", "duckdb", "bars.duckdb", "--remember")
    run_json(
        "ingest", "--source", "duckdb", "bars.duckdb", "--column", "volume=vol2", "--remember"
    )

    market = current_settings().market("mgc")
    assert current_settings().lake().read(market).volume.tolist() == [100, 100, 100]


def test_a_batch_is_listed_shown_and_taken_back() -> None:
    ingest("--zone", "UTC")
    (listed,) = run_json("bars", "batches")
    assert (listed["reading"], listed["in_lake"]) == ("zone=UTC", True)
    assert "bars.csv" in run("bars", "batches")
    assert "zone=UTC" in run("bars", "show", listed["batch_id"][:8])

    assert "2 bars were removed" in run("bars", "forget", "last")

    assert run_json("bars", "status")["bars"] == 0
    assert [batch["in_lake"] for batch in run_json("bars", "batches")] == [False, False]
    assert "undoes" in run("bars", "batches")
    assert "no longer has bars in the lake" in run("bars", "forget", listed["batch_id"], status=2)


def test_what_was_taken_back_is_on_record_in_sql_too() -> None:
    ingest("--zone", "UTC")
    run("bars", "forget", "last")

    database = current_settings().database()
    assert [batch.status for batch in batches(database, "MGC")] == ["forgotten", "added"]
    earlier = [row.earlier["close"] for row in revisions(database, "MGC")]
    assert earlier == [2050.7, 2050.7]


def test_a_dry_run_says_how_a_file_is_read_and_keeps_nothing() -> None:
    options = ("ingest", "--source", "csv", "bars.csv", "--zone", "America/New_York", "--dry-run")

    words = run(*options)

    assert "nothing is stored" in words
    assert "zone=America/New_York" in words
    assert (
        "read as     layout generic, times of America/New_York, stamped at the open of the bar"
    ) in words
    assert "columns     ts=ts" in words or "columns     open=open" in words
    assert "volume=volume" in words
    assert "first bar   2024-01-02 14:30 UTC, 2024-01-03 00:30 Australia/Brisbane" in words
    assert "would add 2 bars, revise 0, remove 0" in words
    summary = run_json(*options)
    (read_as,) = summary["read_as"]
    assert (read_as["layout"], read_as["zone"], read_as["stamp"], summary["step"]) == (
        "generic",
        "America/New_York",
        "open",
        "1 minute",
    )
    assert read_as["columns"]["volume"] == "volume"
    assert (summary["added"], summary["last"]) == (2, "2024-01-02T14:31:00+00:00")
    assert run_json("bars", "status")["bars"] == 0
    assert run_json("bars", "batches") == []


def test_rows_of_another_instrument_are_reported_and_stay_visible() -> None:
    head, *rows = BARS.splitlines()
    lines = [f"{head},name", *(f"{row},MGCG4" for row in rows)]
    lines += [f"{row},NQH4" for row in rows] + [f"{rows[0]},MGCG4-MGCJ4"]
    Path("bars.csv").write_text("\n".join(lines))
    options = ("ingest", "--source", "csv", "bars.csv", "--zone", "UTC")

    words = run(*options, "--column", "contract=name")

    assert "left out: 2 NQH4" in words
    assert "left out: 1 spread" in words
    assert "left out: 2 NQH4" in run("bars", "status")
    assert run_json("bars", "status")["left_out"] == {"NQH4": 2, "spread": 1}


def test_an_unknown_batch_is_refused_with_the_command_that_lists_them() -> None:
    assert "`orbcast bars batches` lists" in run("bars", "forget", "nothing", status=2)


def test_a_day_that_ended_before_the_calendar_s_close_is_reported_until_the_file_has_its_close(
    tmp_path: Path,
) -> None:
    shipped = current_settings().market_file("mgc").read_text("utf-8")
    rows = ["time,open,high,low,close,volume"]
    dates = market_dates(current_settings().market("mgc"), 2024, 2024)
    for day, opens, closes in zip(dates.day.tolist(), dates.open, dates.close, strict=True):
        if date(2024, 6, 3) <= day <= date(2024, 6, 14):
            short = 3 * 60 if day == date(2024, 6, 6) else 0
            rows += [
                f"{from_minute(int(minute)):%Y-%m-%d %H:%M},2000,2001,1999,2000.{minute % 10},5"
                for minute in range(opens, closes - short)
            ]
    path = tmp_path / "june.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    own = current_settings().own_markets_dir / "mgc.toml"
    own.parent.mkdir(parents=True)
    own.write_text(shipped.replace("'MGC[FGHJKMNQUVXZ]", "'MGC|MGC[FGHJKMNQUVXZ]"), "utf-8")
    run("ingest", "--market", "mgc", "--source", "csv", str(path), "--zone", "UTC")

    (odd,) = run_json("bars", "status", "--market", "mgc")["odd_days"]
    printed = run("bars", "status", "--market", "mgc")

    assert (odd["day"], odd["kind"]) == ("2024-06-06", "ended_early")
    assert odd["lines"] == ["[[calendar_days]]", "day = 2024-06-06", 'close = "04:00"']
    assert "2024-06-06: the last bar is of 03:59, the calendar closes at 07:00" in printed
    own.write_text("\n".join([own.read_text("utf-8"), *odd["lines"]]), "utf-8")
    assert run_json("bars", "status", "--market", "mgc")["odd_days"] == []
    assert "unusual day" not in run("bars", "status", "--market", "mgc")


def test_what_came_in_has_one_form_in_every_command() -> None:
    keys = {
        "symbol", "batches", "new_batches", "added", "revised", "withdrawn", "quarantined",
        "findings", "bars", "last_bar",
    }  # fmt: skip
    options = ("--zone", "UTC", "--remember")

    summaries = [ingest("--dry-run", *options[:2]), ingest(*options), run_json("refresh")]

    assert all(keys <= set(values) for values in summaries)
    assert {values["last_bar"] for values in summaries} == {"2024-01-02T09:31:00+00:00"}
    assert [values["added"] for values in summaries] == [2, 2, 0]


def test_the_kind_of_a_file_is_optional_where_its_ending_shows_it() -> None:
    result = CliRunner().invoke(app, ["ingest", "bars.csv", "--zone", "UTC", "--json"])

    assert json.loads(result.stdout)["added"] == 2
    assert result.stderr == "read as --source csv, as the paths end\n"
    Path("bars.dat").write_text(BARS)
    assert "--source duckdb or dbn or csv or parquet" in run("ingest", "bars.dat", status=2)
    assert "no path is named" in run("ingest", status=2)
