"""What was found of an older system: its tables, bars, records of ranges and models."""

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
class TableSeen:
    """A table of the database, and what it is in words."""

    name: str
    rows: int
    what: str
    kind: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesFound:
    """The zone of a table's times, checked against the exchange's hours.

    Attributes
    ----------
    column, type
        Where the times are, and their DuckDB type.
    stated
        Which zone they state, in words.
    fault
        Why they cannot be read as they are; None if they can.
    open_as_utc, open_as_local
        Share of the times looked at that lie in the exchange's hours, read as UTC and as the
        market's own clock; None where no time could be read.
    """

    column: str
    type: str
    stated: str
    fault: str | None = None
    open_as_utc: float | None = None
    open_as_local: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsBrought(IntakeSummary):
    """What the bars came to in the lake: rows set aside by reason, the lake's first bar."""

    reasons: dict[str, int]
    first_bar: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsFound:
    """The table of bars that was chosen.

    Attributes
    ----------
    table, columns
        Its name; Orbcast's name of each column -> the table's.
    zone
        Of its times.
    fault
        Why it was not taken in; None where it was.
    brought
        What came of it; None where it was not taken in.
    """

    table: str
    columns: dict[str, str]
    zone: TimesFound
    fault: str | None = None
    brought: BarsBrought | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFound:
    """A record of opening ranges, a row a day, compared with the bars.

    Attributes
    ----------
    table, rows, columns
        Its name, its size, and what each of its columns can be used for.
    fault
        Why it was not compared; None where it was, and what follows is of the comparison.
    first, last
        Trading days compared, ISO.
    outside
        Ranges of other days.
    ranges
        Agreement of each opening range.
    differences, more_differences, unexplained
        Those that are shown, how many are not, and how many of all have no reason.
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
class DatabaseFound:
    """The older system's database; ``bars`` is None where it has no table of them."""

    path: str
    tables: tuple[TableSeen, ...]
    bars: BarsFound | None
    records: tuple[RecordFound, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorScore:
    """What needs no model scores on the days that a version states, or on all there are.

    Attributes
    ----------
    stated, whole
        Whether the version states its days, and whether there are bars for all of them.
    first, last
        Trading days scored, ISO.
    breaks, quiet
        Ranges that broke, and that did not.
    corridor, always_up
        Accuracy where the range broke.
    corridor_of_all, always_up_of_all
        The same with every range without a break counted wrong.
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
class ModelFound:
    """A model version of the older system.

    Attributes
    ----------
    name, target
        Path below its registry; what it says it predicts, empty where it does not.
    faults, pickles
        A line for each thing that is wrong; names of files that were not opened.
    booster
        None where LightGBM cannot read its text.
    features
        What each of its columns can be used for.
    trained, tested
        First and last day stated; None where they are not.
    metrics
        Stated figures, dotted path -> value.
    corridor
        None where there are no bars of its days.
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
        """Whether LightGBM can read it."""
        return self.booster is not None

    @property
    def kind(self) -> str:
        """What it answers, in words."""
        return "not known" if self.booster is None else self.booster.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFound:
    """The older system's folder of model versions."""

    path: str
    versions: tuple[ModelFound, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyFindings:
    """All that was found; ``duckdb`` and ``registry`` are None where they were not named."""

    market: str
    name: str
    made_at: datetime
    dry_run: bool
    duckdb: DatabaseFound | None
    registry: RegistryFound | None

    @property
    def bars(self) -> BarsFound | None:
        """The bars, where a table of them can be used as it is."""
        bars = None if self.duckdb is None else self.duckdb.bars
        return None if bars is None or bars.fault else bars

    @property
    def records(self) -> tuple[RecordFound, ...]:
        """The records of the database that was looked at; none without one."""
        return () if self.duckdb is None else self.duckdb.records

    @property
    def versions(self) -> tuple[ModelFound, ...]:
        """The versions of the registry that was looked at; none without one."""
        return () if self.registry is None else self.registry.versions
