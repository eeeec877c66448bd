"""A path's ending gives the kind of source, or nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tasks.data.guessed_kind import UnsureKindError, guessed_kind

KINDS = ("duckdb", "dbn", "csv", "parquet")


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["es.csv"], "csv"),
        (["ES.TXT", "es.csv.gz", "es.txt.gz", "es.zip"], "csv"),
        (["es.parquet", "es.pq"], "parquet"),
        (["es.dbn", "es.dbn.zst"], "dbn"),
        (["es.duckdb"], "duckdb"),
        (["es.db"], "duckdb"),
    ],
)
def test_a_file_s_ending_determines_its_kind(names: list[str], kind: str) -> None:
    assert guessed_kind(names, KINDS) == kind


def test_a_database_is_recognised_by_its_content(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "es.db")).close()
    (tmp_path / "sqlite.db").write_bytes(b"SQLite format 3")

    assert guessed_kind([str(tmp_path / "es.db")], KINDS) == "duckdb"
    with pytest.raises(
        UnsureKindError, match=r"sqlite.db is no DuckDB database.*--source duckdb or"
    ):
        guessed_kind([str(tmp_path / "sqlite.db")], KINDS)


@pytest.mark.parametrize(
    ("names", "kind"),
    [(["1.csv", "2.CSV", ".DS_Store"], "csv"), (["1.parquet"], "parquet")],
)
def test_a_folder_is_what_all_its_files_are(tmp_path: Path, names: list[str], kind: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert guessed_kind([str(tmp_path)], KINDS) == kind


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["1.csv", "2.parquet"], r"several kinds, \S*1.csv \(csv\), \S*2.parquet \(parquet\)"),
        (["1.csv", "readme.md"], r"the ending of \S*readme.md says nothing"),
        (["1.csv.zst"], "the ending of .*1.csv.zst says nothing"),
        ([], "holds no file that would say it"),
    ],
)
def test_a_folder_of_anything_else_is_a_question(
    tmp_path: Path, names: list[str], words: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(
        UnsureKindError, match=f"{words}.*--source duckdb or dbn or csv or parquet"
    ):
        guessed_kind([str(tmp_path)], KINDS)


def test_without_paths_no_kind_is_guessed() -> None:
    with pytest.raises(UnsureKindError, match="no path is named"):
        guessed_kind([], KINDS)
