"""Standing sources, remembered in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.bars.contract import SourceError
from tasks.sources import (
    SourcesFileError,
    SourceSpec,
    open_source,
    remember_source,
    source_spec,
    standing_source,
)
from tests.ml_core.builders import mgc


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
    )
    other = SourceSpec(kind="csv", paths=("a.csv", "b.csv"), delimiter="\t", layout="generic")
    remember_source(file, "MGC", mine)
    remember_source(file, "nq", other)
    found = standing_source(file, "mgc")
    assert found == mine.with_absolute_paths()
    assert found is not None
    assert found.paths == (str(tmp_path / 'odd "name".duckdb'),)
    assert standing_source(file, "NQ") == other.with_absolute_paths()


def test_no_file_means_no_source(tmp_path: Path) -> None:
    assert standing_source(tmp_path / "sources.toml", "mgc") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[mgc\n", "is not TOML"),
        ('[mgc]\nkind = "xls"\npaths = ["a"]\n', "kind"),
        ('[mgc]\nkind = "csv"\npaths = []\n', "paths"),
        ('[mgc]\nkind = "csv"\npaths = ["a"]\nsecret = 1\n', "secret"),
    ],
    ids=["not-toml", "unknown-kind", "no-path", "unknown-key"],
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


def test_two_databases_at_once_are_refused() -> None:
    spec = SourceSpec(kind="duckdb", paths=("a", "b"))
    with pytest.raises(SourceError, match="one database file at a time"):
        open_source(spec, mgc())
