"""The time column of a DuckDB table: the parts it is read in, and their SQL bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa

from ml_core.bars.sources.kind import NO_TIME
from ml_core.bars.sources.times import (
    EPOCH_UNITS_US,
    TimeReading,
    epoch_range,
    epoch_unit,
    is_number,
    is_text,
    read_times,
    zone_in_name,
)

WHOLE = ""
"""The part that means the whole table."""

_MONTH = re.compile(r"[12]\d{3}-\d{2}")


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition of a query and the values of its parameters."""

    sql: str
    values: tuple[object, ...] = ()

    def also(self, other: Clause) -> Clause:
        """Return the conjunction of both conditions."""
        return Clause(f"({self.sql}) AND ({other.sql})", (*self.values, *other.values))


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A time column as DuckDB stores it.

    Bounds are compared with the bare column, so that DuckDB skips the parts of the table outside.

    Attributes
    ----------
    name
        Name, quoted.
    kind
        Arrow type.
    reading
        How its times are read.
    unit
        Unit of epochs; None for other types.
    """

    name: str
    kind: pa.DataType
    reading: TimeReading
    unit: str | None = None

    @property
    def is_read_whole(self) -> bool:
        """Return whether the months are known only after reading all of the text at once."""
        return is_text(self.kind) or self.reading.time_format is not None

    def has_time(self) -> Clause:
        """Return the condition that a row has a time."""
        if self.unit is None:
            return Clause(f"{self.name} IS NOT NULL")
        return Clause(f"{self.name} BETWEEN ? AND ?", epoch_range(self.unit))

    def from_open(self, moment: datetime) -> Clause:
        """Return the condition that a bar opens at or after a moment."""
        stamped = moment + timedelta(microseconds=self.reading.shift_us)
        if self.unit is not None:
            micros = (stamped - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            factor = EPOCH_UNITS_US[self.unit]
            counted = micros // int(factor) if factor >= 1 else micros * round(1 / factor)
            return Clause(f"{self.name} >= ?", (counted,))
        if pa.types.is_timestamp(self.kind) and self.kind.tz is None:
            zone = ZoneInfo(self.reading.local_zone() or "UTC")
            return Clause(f"{self.name} >= ?", (stamped.astimezone(zone).replace(tzinfo=None),))
        # DuckDB cannot compare TIMESTAMPTZ with TIMESTAMPTZ_NS
        kept_as = "TIMESTAMPTZ_NS" if self.kind == pa.timestamp("ns", "UTC") else "TIMESTAMPTZ"
        return Clause(f"{self.name} >= CAST(? AS {kept_as})", (stamped,))

    def within(self, part: str) -> Clause:
        """Return the condition of a part of the table."""
        if part == WHOLE:
            return Clause("TRUE")
        if part == NO_TIME:
            return Clause(f"({self.has_time().sql}) IS NOT TRUE", self.has_time().values)
        if not _MONTH.fullmatch(part):  # such as infinity
            return Clause(f"{self._month()} = ?", (part,))
        first = datetime.strptime(part, "%Y-%m").replace(tzinfo=UTC)
        after = (first + timedelta(days=31)).replace(day=1)
        # months are those of the column's own clock and stamp, unshifted
        bare = replace(self, reading=TimeReading(zone="UTC"))
        later = bare.from_open(after)
        return bare.from_open(first).also(Clause(later.sql.replace(">=", "<"), later.values))

    def parts(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: str,
        wanted: Clause,
        since: datetime | None,
    ) -> list[str]:
        """Return the months that have rows, and last the part without times if there is one."""
        if self.is_read_whole:
            return [WHOLE]
        timed = wanted.also(self.has_time())
        if since is not None:
            timed = timed.also(self.from_open(since))
        months = connection.sql(
            f"SELECT DISTINCT {self._month()} AS part FROM {source} WHERE {timed.sql} ORDER BY 1",
            params=list(timed.values),
        ).to_arrow_table()
        untimed = wanted.also(self.within(NO_TIME))
        without = connection.sql(
            f"SELECT 1 FROM {source} WHERE {untimed.sql} LIMIT 1",
            params=list(untimed.values),
        ).to_arrow_table()
        return [str(part) for part in months["part"].to_pylist()] + [NO_TIME] * len(without)

    def _month(self) -> str:
        if self.unit is None:
            return f"strftime({self.name}, '%Y-%m')"
        factor = EPOCH_UNITS_US[self.unit]
        if not pa.types.is_integer(self.kind):
            micros = f"floor(CAST({self.name} AS DOUBLE) * {factor})"
        elif factor >= 1:
            micros = f"CAST({self.name} AS HUGEINT) * {int(factor)}"
        else:
            micros = f"{self.name} // {round(1 / factor)}"
        return f"strftime(make_timestamp(CAST({micros} AS BIGINT)), '%Y-%m')"


def time_column(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    source: str,
    quoted_name: str,
    name: str,
    wanted: Clause,
    reading: TimeReading,
) -> TimeColumn:
    """Inspect a table's time column.

    Raises
    ------
    SourceError
        Its type is not a time, it holds numbers that are not epochs, or an option cannot be used.
    """
    none = connection.sql(f"SELECT {quoted_name} AS ts FROM {source} LIMIT 0")
    empty = none.to_arrow_table()["ts"]
    read_times(empty, reading, path)  # refuses an unusable type, zone or format
    kind = empty.type.value_type if pa.types.is_dictionary(empty.type) else empty.type
    reading = replace(reading, assumed_zone=reading.assumed_zone or zone_in_name(name))
    column = TimeColumn(quoted_name, kind, reading)
    if not is_number(kind) or reading.time_format is not None:
        return column
    middle = connection.sql(
        f"SELECT CAST(quantile_disc({quoted_name}, 0.5) AS DOUBLE) AS middle "
        f"FROM {source} WHERE {wanted.sql}",
        params=list(wanted.values),
    ).to_arrow_table()["middle"]
    values = np.array(middle.drop_null().to_pylist(), np.float64)
    return replace(column, unit=epoch_unit(values, path) if len(values) else "s")
