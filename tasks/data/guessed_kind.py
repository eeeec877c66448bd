"""Guess the kind of a source from its paths, where their endings leave no doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ml_core.bars import sources
from ml_core.errors import InputError

_DUCKDB = (".duckdb", ".db")
_MAGIC, _MAGIC_AT = b"DUCK", 8
"""The marker that every DuckDB database file contains, and its position."""


class UnsureKindError(InputError):
    """Error when the paths do not show which kind of source they are."""

    fault: str
    kinds: tuple[str, ...]
    template = "{fault}: say what kind of source it is, --source {kinds: or }"


def guessed_kind(paths: Iterable[str], kinds: tuple[str, ...]) -> str:
    """Return the kind of source at some paths: csv, dbn, duckdb or parquet.

    Parameters
    ----------
    paths
        Files, which need not exist, or folders, of which every file that is not hidden counts.
    kinds
        All kinds of source, for the error message.

    Raises
    ------
    UnsureKindError
        The paths are of different kinds, or the kind of one is not clear.
    """
    first_of_kind: dict[str, Path] = {}
    for file in _files(paths, kinds):
        kind = _kind_of(file)
        if kind is None:
            fault = f"the ending of {file} says nothing of what it holds"
            if file.name.lower().endswith(_DUCKDB):
                fault = f"{file} is no DuckDB database, whatever its ending"
            raise UnsureKindError(fault, kinds)
        first_of_kind.setdefault(kind, file)
    if len(first_of_kind) > 1:
        named = ", ".join(f"{file} ({kind})" for kind, file in first_of_kind.items())
        raise UnsureKindError(f"these are files of several kinds, {named}", kinds)
    return next(iter(first_of_kind))


def _files(paths: Iterable[str], kinds: tuple[str, ...]) -> Iterator[Path]:
    paths = list(paths)
    if not paths:
        raise UnsureKindError("no path is named that would say it", kinds)
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        inside = sorted(file for file in path.iterdir() if not file.name.startswith("."))
        files = [file for file in inside if file.is_file()]
        if not files:
            raise UnsureKindError(f"the folder {path} holds no file that would say it", kinds)
        yield from files


def _kind_of(file: Path) -> str | None:
    name = file.name.lower()
    for kind, endings in (
        ("csv", sources.text.csv.ENDINGS),
        ("parquet", sources.parquet.ENDINGS),
        ("dbn", sources.dbn.ENDINGS),
    ):
        if name.endswith(endings):
            return kind
    return "duckdb" if name.endswith(_DUCKDB) and _may_be_duckdb(file) else None


def _may_be_duckdb(file: Path) -> bool:
    """Return whether a file is a DuckDB database; True if it is missing, as its reader reports."""
    if not file.is_file():
        return True
    with file.open("rb") as stream:
        stream.seek(_MAGIC_AT)
        return stream.read(len(_MAGIC)) == _MAGIC
