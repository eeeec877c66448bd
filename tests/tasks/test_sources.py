"""Standing sources, stored in a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.built_in import BUILT_IN
from tasks.data.sources import SourceSpec, open_source, source_spec
from tasks.data.standing_sources import SourcesFileError, remember_source, standing_source
from tests.ml_core.builders import mgc

AT = datetime(2024, 6, 3, tzinfo=UTC)


def test_a_remembered_source_comes_back_whole_with_paths_that_hold_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "sources.toml"
    mine = SourceSpec(
        kind="duckdb",
        paths=('odd "name".duckdb',),
        columns={"ts": "my time", "contract": "c=d"},
        zone="Europe/London",
        time_format="%d.%m.%Y %H:%M",
        stamp="close",
    )
    other = SourceSpec(kind="csv", paths=("a.csv", "b.csv"), delimiter="\t", layout="generic")
    remember_source(file, "MGC", mine)
    remember_source(file, "nq", other)
    remembered = standing_source(file, "mgc")
    assert remembered == mine.with_absolute_paths()
    assert remembered is not None
    assert remembered.paths == (str(tmp_path / 'odd "name".duckdb'),)
    assert standing_source(file, "NQ") == other.with_absolute_paths()


def test_no_file_means_no_source(tmp_path: Path) -> None:
    assert standing_source(tmp_path / "sources.toml", "mgc") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[mgc]\nkind = "dbn"\npaths = ["a"]\nzone = "UTC"\n', "dbn cannot use --zone"),
        ("[mgc\n", "is not TOML"),
        ('[mgc]\nkind = "xls"\npaths = ["a"]\n', "kind"),
        ('[mgc]\nkind = "csv"\npaths = []\n', "paths"),
        ('[mgc]\nkind = "csv"\npaths = ["a"]\nsecret = 1\n', "secret"),
    ],
    ids=["unused-option", "not-toml", "unknown-kind", "no-path", "unknown-key"],
)
def test_a_damaged_file_is_refused_with_the_place_and_the_remedy(
    tmp_path: Path, text: str, fault: str
) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourcesFileError, match=rf"{fault}.*orbcast ingest"):
        standing_source(file, "mgc")


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SourceError, match="'xls' cannot be used"):
        source_spec(kind="xls", paths=["a"])


VALUES: dict[str, Any] = {
    "table": "bars_1m",
    "columns": {"close": "last"},
    "zone": "UTC",
    "time_format": "%d.%m.%Y %H:%M",
    "stamp": "open",
    "delimiter": ";",
    "decimal": ",",
    "layout": "auto",
    "settle": "10",
    "start": "2024-01-02",
    "end": "2024-01-03",
    "dataset": "GLBX.MDP3",
    "symbols": "MGC.FUT",
    "stype": "parent",
    "gateway": "127.0.0.1:9",
}
"""A value for every option, even if it is the default."""

USED = {
    "duckdb": {"table", "columns", "zone", "time_format", "stamp", "settle"},
    "csv": {"columns", "zone", "time_format", "stamp", "delimiter", "decimal", "layout"},
    "parquet": {"columns", "zone", "time_format", "stamp"},
    "dbn": set(),
    "http": {"columns", "zone", "time_format", "stamp", "delimiter", "decimal", "layout"},
    "databento": {"start", "end", "dataset", "symbols", "stype", "gateway"},
}

NEEDED = {"http": {"stamp": "open"}, "databento": {"start": "2024-01-02"}}
"""Further required options of a source."""

FLAGS = {"columns": "--column", "time_format": "--time-format"} | {
    name: f"--{name}" for name in ("table", "zone", "stamp", "delimiter", "decimal", "layout")
}
"""Options of the command itself."""


def test_every_option_of_a_source_is_in_the_table() -> None:
    options = {option.name for kind in BUILT_IN.values() for option in kind.options}
    assert set(VALUES) == options | {"columns"}
    assert set(USED) == set(BUILT_IN)


@pytest.mark.parametrize("kind", sorted(USED))
@pytest.mark.parametrize("option", sorted(VALUES))
def test_an_option_is_used_or_refused_and_never_dropped(kind: str, option: str) -> None:
    paths = () if kind in NEEDED else ("a",)
    given = {"kind": kind, "paths": paths, **NEEDED.get(kind, {}), option: VALUES[option]}

    if option in USED[kind]:
        spec = source_spec(**given)
        used = spec.columns if option == "columns" else spec.options[option]
        assert used == VALUES[option]
    else:
        flag = FLAGS.get(option, f"--option {option}=...")
        others = ", ".join(name for name in BUILT_IN if option in USED[name])
        with pytest.raises(SourceError, match=f"{kind} cannot use {flag}, which is for {others}"):
            source_spec(**given)


@pytest.mark.parametrize(
    ("kind", "column"),
    [("parquet", "last"), ("duckdb", "time"), ("csv", "last")],
)
def test_a_column_that_is_none_of_a_bar_is_refused(kind: str, column: str) -> None:
    with pytest.raises(SourceError, match=f"{kind} has no column '{column}' to map; it has close"):
        source_spec(kind=kind, paths=["a"], columns={column: "theirs"})


def test_a_stamp_is_open_or_close() -> None:
    with pytest.raises(SourceError, match="stamp 'middle' cannot be used"):
        source_spec(kind="csv", paths=["a"], stamp="middle")


def test_defaults_that_earlier_versions_wrote_down_are_still_read(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(
        '[mgc]\nkind = "dbn"\npaths = ["a"]\ntable = "bars_1m"\ncolumns = {}\nlayout = "auto"\n',
        encoding="utf-8",
    )

    assert standing_source(file, "mgc") == SourceSpec(kind="dbn", paths=("a",))


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb"])
def test_every_option_reaches_the_reader(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"bars.{kind}"
    rows = "SELECT '02.01.2024 09:31' AS t, 1.5 AS o, 2 AS h, 1 AS l, 1 AS c, 3 AS v, 'MGCG4' AS k"
    with duckdb.connect(str(path) if kind == "duckdb" else ":memory:") as database:
        database.execute(f"CREATE TABLE mine AS {rows}")
        if kind == "csv":
            database.execute(f"COPY mine TO '{path}' (DELIMITER '|')")
        elif kind == "parquet":
            database.execute(f"COPY mine TO '{path}' (FORMAT parquet)")
    theirs = {"ts": "t", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    spec = SourceSpec(
        kind=kind,
        paths=(str(path),),
        table="mine" if kind == "duckdb" else None,
        delimiter="|" if kind == "csv" else None,
        layout="generic" if kind == "csv" else None,
        columns={**theirs, "contract": "k", **({"symbol": ""} if kind == "duckdb" else {})},
        zone="America/New_York",
        time_format="%d.%m.%Y %H:%M",
        stamp="close",
    )

    (batch,) = open_source(spec, mgc(), AT, Path("feeds"))

    (row,) = batch.table.to_pylist()
    assert row["ts"] == datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
    assert (row["contract"], row["open"], row["volume"]) == ("MGCG4", 1.5, 3.0)


@pytest.mark.parametrize(
    ("kind", "options", "fault"),
    [
        ("http", {}, "needs --stamp open or --stamp close"),
        ("http", {"stamp": "open", "layout": "excel"}, "no layout is named 'excel'"),
        ("databento", {}, "needs --option start="),
        ("databento", {"start": "yesterday"}, "start 'yesterday' is not a day"),
        ("databento", {"start": "2024-01-02", "symbols": "../x"}, "symbols '../x' cannot be used"),
        ("databento", {"start": "2024-01-02", "stype": "isin"}, "it is parent or continuous"),
    ],
)
def test_an_option_that_a_source_must_not_guess_is_required(
    kind: str, options: dict[str, str], fault: str
) -> None:
    with pytest.raises(SourceError, match=fault):
        source_spec(kind=kind, options=options)


def test_two_databases_at_once_are_refused() -> None:
    spec = SourceSpec(kind="duckdb", paths=("a", "b"))
    with pytest.raises(SourceError, match="one database file at a time"):
        open_source(spec, mgc(), AT, Path("feeds"))
