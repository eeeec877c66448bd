"""Where a market's bars come from: kind of source, paths, options, and its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.sources.built_in import BUILT_IN
from ml_core.bars.sources.kind import Request, Source
from ml_core.errors import OperatorError, OrbcastError, TransientError
from ml_core.market.market import Market
from tasks.data.source_kinds import UnknownKindError, source_class

FLAGS = frozenset({"table", "zone", "time_format", "stamp", "delimiter", "decimal", "layout"})
"""Options that `orbcast ingest` has flags for; the others are given with ``--option``."""


class SourceUnreachableError(TransientError):
    """Error when another package's source does not respond."""

    kind: str
    fault: str
    template = "source {kind} does not answer ({fault}); it is tried again"


class SourceFailedError(OperatorError):
    """Error when another package's source fails while it is read."""

    kind: str
    fault: str
    template = "source {kind} failed ({fault}); --debug shows where, for whoever wrote its package"


class SourceSpec(BaseModel):
    """Where bars come from and how to read them.

    Options may be given beside ``kind`` or in ``options``; they are written beside it.
    """

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    kind: str = Field(description="Of source: duckdb, dbn, csv, parquet, or one installed.")
    paths: tuple[str, ...] = Field(
        default=(), description="Files, or folders of them; one file for duckdb."
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Orbcast's name -> yours: ts, open, high, low, close, volume, contract; "
        "symbol; date and time (csv, parquet); nothing: there is none. Not for dbn.",
    )
    options: dict[str, str] = Field(
        default_factory=dict,
        description="What the kind lets you say: zone, time_format, stamp (duckdb, csv, parquet); "
        "table (duckdb); delimiter, decimal, layout (csv).",
    )

    @model_validator(mode="before")
    @classmethod
    def _options_together(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("options") or {}, dict):
            return values
        beside = {name: value for name, value in values.items() if name not in cls.model_fields}
        own = {name: value for name, value in values.items() if name not in beside}
        together = {**(values.get("options") or {}), **beside}
        options = {name: value for name, value in together.items() if value is not None}
        return {
            **own,
            "options": {name: option for name, option in options.items() if option != ""},
        }

    @field_validator("kind")
    @classmethod
    def _is_there(cls, kind: str) -> str:
        try:
            source_class(kind)
        except UnknownKindError as error:
            raise PydanticCustomError("unknown_kind", _literal(str(error))) from error
        return kind

    @model_validator(mode="after")
    def _all_is_used(self) -> SourceSpec:
        for fault in _faults(self, source_class(self.kind)):
            raise PydanticCustomError("unused", _literal(fault))
        return self

    @model_serializer
    def to_json(self) -> dict[str, Any]:
        """Return the specification as it is written to a file, options beside the kind."""
        return {
            "kind": self.kind,
            "paths": list(self.paths),
            "columns": self.columns,
            **self.options,
        }

    def source(self) -> Source:
        """Return the source that this specifies.

        Raises
        ------
        SourceError
            The options cannot be used together.
        """
        return source_class(self.kind)(self.paths, self.columns, self.options)

    def with_absolute_paths(self) -> SourceSpec:
        """Return the same source with absolute paths."""
        if source_class(self.kind).paths_are != "files":
            return self
        paths = tuple(str(Path(path).expanduser().resolve()) for path in self.paths)
        return self.model_copy(update={"paths": paths})

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(self.paths)}" if self.paths else self.kind


def _faults(spec: SourceSpec, kind: type[Source]) -> Iterator[str]:
    """Yield, in words, each option that a kind of source cannot use."""
    usable = {option.name: option for option in kind.options}
    for name in sorted(set(spec.options) - set(usable)):
        others = [
            own.name
            for own in BUILT_IN.values()
            if name in {option.name for option in own.options}
        ]
        elsewhere = f"is for {', '.join(others)}" if others else "is no option of it"
        yield f"{kind.name} cannot use {_flag(name)}, which {elsewhere}{_usable(usable)}"
    for name, value in spec.options.items():
        choices = usable[name].choices
        if choices and value not in choices:
            yield f"{name} {value!r} cannot be used: it is {' or '.join(choices)}"
    if spec.columns and not kind.columns:
        mappable = ", ".join(own.name for own in BUILT_IN.values() if own.columns)
        yield f"{kind.name} cannot use --column, which is for {mappable}"
    for name in sorted(set(spec.columns) - kind.columns):
        names = ", ".join(sorted(kind.columns))
        yield f"{kind.name} has no column {name!r} to map; it has {names}"
    if fault := kind.fault_of(spec.options):
        yield fault
    if kind.paths_are == "nothing" and spec.paths:
        yield f"{kind.name} reads no paths; leave {spec.paths[0]!r} out"
    if kind.paths_are != "nothing" and not spec.paths:
        yield f"{kind.name} needs paths: {kind.reads}"


def _flag(option: str) -> str:
    """Return how an option is written on the command line.

    >>> _flag("time_format"), _flag("account")
    ('--time-format', '--option account=...')
    """
    return f"--{option.replace('_', '-')}" if option in FLAGS else f"--option {option}=..."


def _usable(values: dict[str, Any]) -> str:
    return f"; it can use {', '.join(values)}" if values else ""


def _literal(words: str) -> Any:
    """Escape words for a pydantic template, in which a brace would start a field."""
    return words.replace("{", "(").replace("}", ")")


def source_spec(**values: Any) -> SourceSpec:
    """Make a source specification from the values a user gave.

    Raises
    ------
    SourceError
        A value cannot be used.
    PluginError
        The kind belongs to another package, which cannot be imported.
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
    spec: SourceSpec,
    market: Market,
    at: datetime,
    folder: Path,
    since: datetime | None = None,
    *,
    dry_run: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Iterator[RawBatch]:
    """Return an iterator over a source's batches, each read when it is requested.

    Parameters
    ----------
    spec
        The source.
    market
        The market of the bars.
    at
        Aware time that counts as now.
    folder
        Where sources of all markets and kinds store their own files.
    since
        A source that supports it leaves out older bars; files are read whole.
    dry_run
        If True, nothing that costs money is downloaded.
    tell
        Called with messages for the user, such as what is requested; by default they are logged.

    Raises
    ------
    SourceError
        The source cannot be read as bars.
    DatabaseLockedError, SourceUnreachableError
        Another try may succeed.
    SourceFailedError
        Another package's source failed.
    """
    source = spec.source()
    request = Request(
        market=market,
        since=since,
        at=at,
        folder=feed_folder(folder, market, spec.kind),
        dry_run=dry_run,
        **({"tell": tell} if tell else {}),
    )
    batches = source.batches(request)
    if spec.kind not in BUILT_IN:
        batches = _of_another_package(spec.kind, batches)
    origin, reading = source.origin, source.reading
    return (
        replace(
            batch,
            source=spec.kind,
            origin=origin or batch.origin or batch.content_hash,
            reading=reading,
        )
        for batch in batches
    )


def feed_folder(folder: Path, market: Market, kind: str) -> Path:
    """Return the folder in which a kind of source stores its files of a market."""
    return folder / market.symbol / kind


def _of_another_package(kind: str, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
    """Yield batches; turn whatever other code raises into an error that names who must act."""
    try:
        yield from batches
    except OrbcastError:
        raise
    except OSError as error:
        raise SourceUnreachableError(kind, f"{type(error).__name__}: {error}") from error
    except Exception as error:
        raise SourceFailedError(kind, f"{type(error).__name__}: {error}") from error
