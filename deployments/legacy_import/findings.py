"""Findings about an older system: its tables, bars, records of ranges and models."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from deployments.legacy_import.feature_names import FeatureVerdict
from deployments.legacy_import.outside_record import Agreement, Difference
from ml_core.evidence.intervals import Interval
from ml_core.learning.models.booster_facts import BoosterFacts
from tasks.data.intake import IntakeSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFinding:
    """A table of the database, with its description in words."""

    name: str
    rows: int
    what: str
    kind: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFinding:
    """The zone of a table's times, checked against the exchange's hours.

    Attributes
    ----------
    column, type
        The column of the times, and its DuckDB type.
    stated
        The zone that they state, in words.
    fault
        Why they cannot be read as they are; None if they can.
    open_as_utc, open_as_local
        Share of the sampled times within the exchange's hours, read as UTC and in the market's own
        zone; None if no time could be read.
    """

    column: str
    type: str
    stated: str
    fault: str | None = None
    open_as_utc: float | None = None
    open_as_local: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBars(IntakeSummary):
    """Result of the import into the lake: quarantined rows by reason, the lake's first bar."""

    reasons: dict[str, int]
    first_bar: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsFinding:
    """The chosen table of bars.

    Attributes
    ----------
    table, columns
        Its name; Orbcast's name of each column -> the table's.
    zone
        Zone of its times.
    fault
        Why it was not imported; None if it was.
    brought
        Result of the import; None if it was not imported.
    """

    table: str
    columns: dict[str, str]
    zone: ZoneFinding
    fault: str | None = None
    brought: ImportedBars | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFinding:
    """A record of opening ranges, one row per day, compared with the bars.

    Attributes
    ----------
    table, rows, columns
        Its name, its size, and how each of its columns can be used.
    fault
        Why it was not compared; None if it was. The other fields are about the comparison.
    first, last
        Trading days compared, ISO.
    outside
        Ranges of other days.
    ranges
        Agreement for each opening range.
    differences, more_differences, unexplained
        Differences that are shown, number of those not shown, number of all without a reason.
    roll_days
        Days on which Orbcast itself trades another contract, ISO.
    """

    table: str
    rows: int
    columns: tuple[FeatureVerdict, ...]
    fault: str | None = None
    first: str | None = None
    last: str | None = None
    outside: int = 0
    ranges: dict[str, Agreement]
    differences: tuple[Difference, ...] = ()
    more_differences: int = 0
    unexplained: int = 0
    roll_days: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFinding:
    """The older system's database; ``bars`` is None if it has no table of bars."""

    path: str
    tables: tuple[TableFinding, ...]
    bars: BarsFinding | None
    records: tuple[RecordFinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorScore:
    """Scores of rules without a model, on the days that a version states or on all days.

    Attributes
    ----------
    stated, whole
        Whether the version states its days, and whether there are bars for all of them.
    first, last
        Trading days scored, ISO.
    breaks, quiet
        Number of ranges that broke, and that did not.
    corridor, always_up
        Accuracy on the ranges that broke.
    corridor_of_all, always_up_of_all
        Accuracy on all ranges, with every range without a break counted as wrong.
    """

    stated: bool
    first: str
    last: str
    whole: bool
    breaks: int
    quiet: int
    corridor: Interval
    always_up: Interval
    corridor_of_all: float
    always_up_of_all: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFinding:
    """A model version of the older system.

    Attributes
    ----------
    name, target
        Path below its registry; its stated target, empty if it states none.
    faults, pickles
        One line for each fault; names of files that were not opened.
    booster
        Facts of its model; None if LightGBM cannot read the text.
    features
        How each of its columns can be used.
    trained, tested
        Stated first and last day; None if it states none.
    metrics
        Stated figures, dotted path -> value.
    corridor
        Scores without a model; None if there are no bars of its days.
    """

    json_properties: ClassVar = ("readable", "kind")

    name: str
    target: str
    faults: tuple[str, ...]
    pickles: tuple[str, ...]
    booster: BoosterFacts | None = field(metadata={"json": lambda booster: booster or {}})
    features: tuple[FeatureVerdict, ...]
    trained: tuple[date, date] | None
    tested: tuple[date, date] | None
    metrics: dict[str, float]
    corridor: CorridorScore | None

    @property
    def readable(self) -> bool:
        """Whether LightGBM can read the model."""
        return self.booster is not None

    @property
    def kind(self) -> str:
        """What the model predicts, in words."""
        return "not known" if self.booster is None else self.booster.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFinding:
    """The older system's folder of model versions."""

    path: str
    versions: tuple[ModelFinding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyFindings:
    """All findings; ``duckdb`` and ``registry`` are None if they were not named."""

    market: str
    name: str
    made_at: datetime
    dry_run: bool
    duckdb: DatabaseFinding | None
    registry: RegistryFinding | None

    @property
    def bars(self) -> BarsFinding | None:
        """The bars, if a table of bars can be used as it is."""
        bars = None if self.duckdb is None else self.duckdb.bars
        return None if bars is None or bars.fault else bars

    @property
    def records(self) -> tuple[RecordFinding, ...]:
        """The records in the database; empty without a database."""
        return () if self.duckdb is None else self.duckdb.records

    @property
    def versions(self) -> tuple[ModelFinding, ...]:
        """The versions in the registry; empty without a registry."""
        return () if self.registry is None else self.registry.versions
