"""A market's standing source: where its bars come from, remembered between runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ml_core.bars.contract import DEFAULT_TABLE, RawBatch, SourceError
from ml_core.bars.sources.layouts import LAYOUTS
from ml_core.bars.sources.times import Stamp
from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.market.market import Market

Kind = Literal["duckdb", "dbn", "csv", "parquet"]

OPTIONS: dict[str, frozenset[str]] = {
    "duckdb": frozenset({"table", "columns", "zone", "time_format", "stamp"}),
    "csv": frozenset({"columns", "zone", "time_format", "stamp", "delimiter", "layout"}),
    "parquet": frozenset({"columns", "zone", "time_format", "stamp"}),
    "dbn": frozenset(),
}
"""Which options a kind of source can use; any other is refused."""

_BAR = frozenset({"ts", "open", "high", "low", "close", "volume", "contract"})
COLUMNS: dict[str, frozenset[str]] = {
    "duckdb": _BAR | {"symbol"},
    "csv": _BAR | {"date", "time"},
    "parquet": _BAR,
    "dbn": frozenset(),
}
"""Which of Orbcast's columns may be mapped to those of a kind of source."""

_FORMER_DEFAULTS: dict[str, Any] = {"table": DEFAULT_TABLE, "layout": "auto", "columns": {}}
"""What earlier versions wrote of options that nobody had named."""


_OPTION_NAMES = tuple(sorted(frozenset().union(*OPTIONS.values())))


class NoSourceError(InputError):
    """A market for which no source was ever remembered."""

    def __init__(self, market: str) -> None:
        super().__init__(market)
        self.market = market

    def __str__(self) -> str:
        return (
            f"{self.market} has no standing source; name one with `orbcast ingest --market "
            f"{self.market} --source duckdb PATH --remember` (or dbn, csv, parquet)"
        )


class SourcesFileError(InputError):
    """The file of standing sources cannot be used."""

    def __init__(self, path: str, market: str, fault: str) -> None:
        super().__init__(path, market, fault)
        self.path, self.market, self.fault = path, market, fault

    def __str__(self) -> str:
        return (
            f"{self.path}, [{self.market}]: {self.fault}; mend it, or delete it and run "
            "`orbcast ingest ... --remember` again"
        )


class SourceSpec(BaseModel):
    """Where bars come from and how to read them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(description="What the paths are.")
    paths: tuple[str, ...] = Field(
        min_length=1, description="Files, or folders of them; one file for duckdb."
    )
    table: str | None = Field(
        default=None, description="Table or view; left out, bars_1m (duckdb)."
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Orbcast's name -> yours: ts, open, high, low, close, volume, contract; "
        "symbol (duckdb); date and time (csv). Not for dbn.",
    )
    zone: str | None = Field(
        default=None, description="Zone of times that carry none (duckdb, csv, parquet)."
    )
    time_format: str | None = Field(
        default=None,
        description="strptime format of written times, such as %d.%m.%Y %H:%M "
        "(duckdb, csv, parquet).",
    )
    stamp: Stamp | None = Field(
        default=None,
        description="Which end of its minute a bar is stamped with; left out, the layout's, "
        "else open (duckdb, csv, parquet).",
    )
    delimiter: str | None = Field(default=None, description="Column separator (csv).")
    layout: str | None = Field(
        default=None, description=f"auto, {', '.join(LAYOUTS)}; left out, auto (csv)."
    )

    @model_validator(mode="after")
    def _every_option_is_used(self) -> SourceSpec:
        options = {name for name in _OPTION_NAMES if getattr(self, name)}
        for name in sorted(options - OPTIONS[self.kind]):
            kinds = ", ".join(kind for kind, names in OPTIONS.items() if name in names)
            option = "--column" if name == "columns" else f"--{name.replace('_', '-')}"
            raise PydanticCustomError(
                "unused_option", f"{self.kind} cannot use {option}, which is for {kinds}"
            )
        for name in sorted(set(self.columns) - COLUMNS[self.kind]):
            names = ", ".join(sorted(COLUMNS[self.kind]))
            raise PydanticCustomError(
                "unknown_column", f"{self.kind} has no column {name!r} to map; it has {names}"
            )
        return self

    @property
    def reading(self) -> str:
        """How its files are read, in words: two readings of one file differ in nothing else."""
        options = self.model_dump(exclude={"kind", "paths", "table"}, exclude_defaults=True)
        columns = {f"column {name}": value for name, value in options.pop("columns", {}).items()}
        words = (f"{name}={value}" for name, value in {**options, **columns}.items())
        return " ".join(sorted(words)) or "no options"

    @property
    def database_origin(self) -> str | None:
        """The table that a database's batches are parts of; None for files, each its own."""
        if self.kind != "duckdb":
            return None
        return f"{Path(self.paths[0]).expanduser().resolve()}:{self.table or DEFAULT_TABLE}"

    def with_absolute_paths(self) -> SourceSpec:
        """Give the same source with paths that hold from any folder."""
        paths = tuple(str(Path(each).expanduser().resolve()) for each in self.paths)
        return self.model_copy(update={"paths": paths})


def source_spec(**values: Any) -> SourceSpec:
    """Make a source of what a person gave.

    Raises
    ------
    SourceError
        A value cannot be used.
    """
    try:
        return SourceSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        fault = f"{name} {first['input']!r} cannot be used: {first['msg']}"
        if not first["loc"]:
            fault = first["msg"]
        raise SourceError("source", fault, "see `orbcast ingest --help`") from error


def open_source(
    spec: SourceSpec, market: Market, since: datetime | None = None
) -> Iterator[RawBatch]:
    """Return a source's batches, one after another, read as they are asked for.

    Parameters
    ----------
    spec
        The source.
    market
        Whose bars.
    since
        A DuckDB source leaves out what is older; files are read whole.

    Raises
    ------
    SourceError
        It cannot be read as bars.
    DatabaseLockedError
        Another program is writing it; worth another try.
    """
    origin, reading = spec.database_origin, spec.reading
    return (
        replace(batch, origin=origin or batch.content_hash, reading=reading)
        for batch in _read_batches(spec, market, since)
    )


def _read_batches(spec: SourceSpec, market: Market, since: datetime | None) -> Iterator[RawBatch]:
    if spec.kind == "duckdb":
        from ml_core.bars.sources.duckdb_file import read_duckdb  # noqa: PLC0415 - only this kind

        if len(spec.paths) != 1:
            fault = f"{len(spec.paths)} paths are named"
            raise SourceError("duckdb", fault, "name one database file at a time")
        return read_duckdb(
            spec.paths[0],
            market.symbol,
            table=spec.table or DEFAULT_TABLE,
            columns=spec.columns,
            zone=spec.zone,
            time_format=spec.time_format,
            stamp=spec.stamp,
            since=since,
        )
    if spec.kind == "dbn":
        from ml_core.bars.sources.dbn import read_dbn  # noqa: PLC0415 - only this kind

        return read_dbn(list(spec.paths), market.contract_pattern)
    if spec.kind == "csv":
        from ml_core.bars.sources.csv import read_csv  # noqa: PLC0415 - only this kind

        return read_csv(
            list(spec.paths),
            market.symbol,
            layout=spec.layout or "auto",
            zone=spec.zone,
            time_format=spec.time_format,
            stamp=spec.stamp,
            delimiter=spec.delimiter,
            columns=spec.columns,
        )
    from ml_core.bars.sources.parquet import read_parquet  # noqa: PLC0415 - only this kind

    return read_parquet(
        list(spec.paths),
        market.symbol,
        columns=spec.columns,
        zone=spec.zone,
        time_format=spec.time_format,
        stamp=spec.stamp,
    )


def count_batches(spec: SourceSpec) -> int | None:
    """Give how many batches a source of files has, for a progress bar; None where unknown."""
    if spec.kind == "duckdb":
        return None
    return sum(
        len([each for each in Path(path).iterdir() if each.is_file()])
        if Path(path).is_dir()
        else 1
        for path in spec.paths
    )


def remember_source(path: Path, market: str, spec: SourceSpec) -> None:
    """Make ``spec`` the standing source of a market, in the file at ``path``."""
    known = _read(path)
    known[market.lower()] = spec.with_absolute_paths().model_dump(
        mode="json", exclude_defaults=True
    )
    lines = ["# Standing sources, one table a market; `orbcast ingest ... --remember` writes it."]
    for name, values in sorted(known.items()):
        lines += ["", f"[{name}]", *(f"{key} = {_toml(each)}" for key, each in values.items())]
    with written_atomically(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def standing_source(path: Path, market: str) -> SourceSpec | None:
    """Give the standing source of a market; None if there is none.

    Raises
    ------
    SourcesFileError
        The file is not TOML, or its table is not a source.
    """
    values = _read(path).get(market.lower())
    if values is None:
        return None
    usable = OPTIONS.get(str(values.get("kind")), frozenset())
    used = {
        key: value
        for key, value in values.items()
        if key in usable or key not in _FORMER_DEFAULTS or value != _FORMER_DEFAULTS[key]
    }
    try:
        return SourceSpec.model_validate(used)
    except ValidationError as error:
        first = error.errors()[0]
        fault = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise SourcesFileError(str(path), market, fault) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesFileError(str(path), "*", f"is not TOML ({error})") from error


def _toml(value: Any) -> str:
    """Write text, lists and flat tables; a JSON string is a TOML one."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return json.dumps(value)
