"""Orbcast's own kinds of source. Their readers are imported on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_core.bars import sources
from ml_core.bars.contract import DEFAULT_TABLE, RawBatch, SourceError
from ml_core.bars.sources.kind import BAR_COLUMNS, Option, Request, Source
from ml_core.bars.sources.text.layouts import LAYOUTS, LEAN

if TYPE_CHECKING:
    from ml_core.bars.sources.times import Stamp

TIMES = (
    Option(name="zone", description="Zone of times that carry none, such as UTC."),
    Option(
        name="time_format",
        description="strptime format of written times, such as '%d.%m.%Y %H:%M'.",
    ),
    Option(
        name="stamp",
        description="Which end of its minute a bar is stamped with; if left out, the layout's, "
        "else open.",
        choices=("open", "close"),
    ),
)
"""Options for how times are read."""


_MAY_BE_LARGE = 4 * 1024**2
"""Minimum size in bytes of a million rows, however they are packed."""


class _Files(Source):
    """Files, or folders of files: one batch per file."""

    def count(self) -> int | None:
        """Return the number of files; None if one may be split into months."""
        sizes = [file.stat().st_size for path in self.paths for file in _files(Path(path))]
        return None if max(sizes, default=0) > _MAY_BE_LARGE else len(sizes)


def _files(path: Path) -> Iterator[Path]:
    """Yield a folder's files, or the file itself, if they exist."""
    yield from (file for file in (path.iterdir() if path.is_dir() else [path]) if file.is_file())


class DbnSource(_Files):
    """Databento's files."""

    name = "dbn"
    reads = "Databento files of schema ohlcv-1m, or folders of them"

    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the outright contracts of each file."""
        return sources.dbn.read_dbn(list(self.paths), request.market.contract_pattern)


class DuckdbSource(Source):
    """A table of the trader's own database."""

    name = "duckdb"
    reads = "a table or view of one database file, opened read-only"
    options = (
        Option(
            name="table",
            description=f"Table or view; if left out, {DEFAULT_TABLE}.",
            says="what",
        ),
        *TIMES,
        Option(
            name="settle",
            description="Seconds after its minute in which your writer still corrects its last "
            "row; 0 if left out.",
            says="what",
        ),
    )
    columns = BAR_COLUMNS | {"symbol"}

    @classmethod
    def fault_of(cls, options: Mapping[str, str]) -> str:
        """Refuse a value that is not a number of seconds."""
        settle = options.get("settle", "0")
        return "" if settle.isdecimal() else f"settle {settle!r} is not a number of seconds"

    @property
    def origin(self) -> str:
        """The table that the months are part of."""
        path = Path(self.paths[0]).expanduser().resolve()
        return f"{path}:{self.values.get('table', DEFAULT_TABLE)}"

    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the months, from the one of ``request.since`` on."""
        if len(self.paths) != 1:
            fault = f"{len(self.paths)} paths are named"
            raise SourceError("duckdb", fault, "name one database file at a time")
        batches = sources.duckdb_file.read_duckdb(
            self.paths[0],
            request.market.symbol,
            table=self.values.get("table", DEFAULT_TABLE),
            columns=self.mapping,
            since=request.since,
            **times_of(self),
        )
        settle = int(self.values.get("settle", "0"))
        return self._settled(batches, request.at, settle) if settle else batches

    def _settled(
        self, batches: Iterator[RawBatch], at: datetime, seconds: int
    ) -> Iterator[RawBatch]:

        for batch in batches:
            yield sources.running.without_unsettled(batch, at, seconds)


class CsvSource(_Files):
    """Text files."""

    name = "csv"
    reads = "files or folders of .csv, .txt, these gzipped, .zip of one of them, or LEAN's zips"
    options = (
        *TIMES,
        Option(name="delimiter", description="Column separator; if left out, detected."),
        Option(
            name="decimal",
            description="Decimal separator of prices; if left out, detected.",
            choices=(",", "."),
        ),
        Option(name="layout", description=f"auto (the default), {', '.join(LAYOUTS)}."),
    )
    columns = BAR_COLUMNS | {"symbol", "date", "time"}

    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the bars of each file."""
        return sources.text.csv.read_csv(
            list(self.paths),
            request.market.symbol,
            layout=self.values.get("layout", "auto"),
            delimiter=self.values.get("delimiter"),
            columns=self.mapping,
            decimal=self.values.get("decimal"),  # type: ignore[arg-type]  # one of its choices
            contract_pattern=request.market.contract_pattern,
            tell=request.tell,
            **times_of(self),
        )


class ParquetSource(_Files):
    """Parquet files."""

    name = "parquet"
    reads = "files or folders of .parquet, .pq"
    options = TIMES
    columns = BAR_COLUMNS | {"symbol", "date", "time"}

    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the bars of each file."""
        return sources.parquet.read_parquet(
            list(self.paths),
            request.market.symbol,
            columns=self.mapping,
            contract_pattern=request.market.contract_pattern,
            **times_of(self),
        )


class HttpSource(Source):
    """Bars that a platform pushed and the server stored."""

    name = "http"
    reads = "bars that a platform pushes to `orbcast receive`, or to `orbcast up`"
    paths_are = "nothing"
    options = CsvSource.options
    columns = CsvSource.columns

    @property
    def origin(self) -> str:
        """Everything that was pushed has the same origin."""
        return "pushed"

    @classmethod
    def fault_of(cls, options: Mapping[str, str]) -> str:
        """Require options that determine a row's minute: nobody checks rows as they arrive."""
        if "stamp" not in options:
            return "http needs --stamp open or --stamp close: which end a bar is stamped with"
        layouts = [name for name in LAYOUTS if name != LEAN]  # recognised only by a file's path
        if options.get("layout", "auto") not in {"auto", *layouts}:
            return f"no layout is named {options['layout']!r}; use auto, {', '.join(layouts)}"
        return ""

    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the finished bars, one batch per month."""
        return sources.pushed.read_pushed(
            request.folder, self.pushed_reading(request.market.symbol), request
        )

    def pushed_reading(self, symbol: str) -> sources.text.csv.TextReading:
        """Return the settings for reading pushed rows."""
        return sources.text.csv.TextReading(
            symbol=symbol,
            columns=self.mapping,
            delimiter=self.values.get("delimiter"),
            layout=self.values.get("layout", "auto"),
            decimal=self.values.get("decimal"),  # type: ignore[arg-type]  # one of its choices
            **times_of(self),
        )


class DatabentoSource(Source):
    """Databento's archive."""

    name = "databento"
    reads = "ranges of Databento's archive, fetched once with the key in DATABENTO_API_KEY"
    paths_are = "nothing"
    is_live = False
    options = (
        Option(name="start", description="First day, such as 2020-01-01 (UTC).", says="what"),
        Option(
            name="end",
            description="Day before which it ends; if left out, the last complete minute.",
            says="what",
        ),
        Option(name="dataset", description="GLBX.MDP3 if left out.", says="what"),
        Option(
            name="symbols",
            description="Separated by commas; if left out, the market's with .FUT, which is every "
            "contract.",
            says="what",
        ),
        Option(
            name="stype",
            description="Kind of the symbols; parent if left out.",
            choices=("parent", "continuous", "raw_symbol", "instrument_id"),
            says="what",
        ),
        Option(name="gateway", description="Another address than Databento's own.", says="what"),
    )

    @classmethod
    def fault_of(cls, options: Mapping[str, str]) -> str:
        """Refuse to guess how much data to pay for."""
        if "start" not in options:
            return "databento needs --option start=2020-01-01: the first day to be fetched"
        for name in ("start", "end"):
            if name in options and _day(options[name]) is None:
                return f"{name} {options[name]!r} is not a day; write it as 2020-01-01"
        if any(name in options.get("symbols", "") for name in "/\\"):
            return f"symbols {options['symbols']!r} cannot be used"
        return ""

    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the bars of each file, after fetching what is missing."""
        symbols = self.values.get("symbols", f"{request.market.symbol}.FUT")
        start = _day(self.values["start"])
        assert start is not None  # noqa: S101 - checked before
        archive = sources.databento.Archive(
            dataset=self.values.get("dataset", "GLBX.MDP3"),
            symbols=tuple(symbol.strip() for symbol in symbols.split(",")),
            stype=self.values.get("stype", "parent"),
            start=start,
            end=_day(self.values.get("end", "")),
            gateway=self.values.get("gateway"),
        )
        return sources.databento.fetch(archive, request)


def _day(text: str) -> datetime | None:
    """Return the start of a day, UTC; None if the text is not a day."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None


def times_of(source: Source) -> Any:
    """Return a source's settings for times, as keyword arguments of the readers."""
    stamp: Stamp | None = source.values.get("stamp")  # type: ignore[assignment]  # one of its choices
    return {
        "zone": source.values.get("zone"),
        "time_format": source.values.get("time_format"),
        "stamp": stamp,
    }


BUILT_IN: dict[str, type[Source]] = {
    kind.name: kind
    for kind in (DuckdbSource, DbnSource, CsvSource, ParquetSource, HttpSource, DatabentoSource)
}
"""The built-in kinds by name; no other package can use these names."""
