"""The drift report: which columns moved, and Evidently's count of them, which decides."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ml_core.files import written_atomically
from ml_core.health.drift import ColumnShift, DriftFigures
from ml_core.on_demand import library
from monitoring.drift.columns import Daily, Reference, Rows
from monitoring.drift.shifts import (
    LEAST_DAYS,
    LEAST_REFERENCE_DAYS,
    WINDOW_DAYS,
    column_shifts,
    p_value,
)

pd = library("pandas")
evidently = library("evidently")
metrics = library("evidently.metrics")
presets = library("evidently.presets")
stattests = library("evidently.legacy.calculations.stattests")
core = library("evidently.legacy.core")

_TEST = "orbcast_stretches"
_NAMED = 3
_KEPT = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The last days compared with a version's training rows.

    Attributes
    ----------
    market, version
        The market and the version that provides the reference.
    first_day, last_day, rows
        What was checked, without roll days and half-days; None if there was nothing.
    columns
        Every checked column, drifted ones first, then by p-value.
    figures
        The figures that are recorded.
    """

    market: str
    version: str
    first_day: date | None
    last_day: date | None
    rows: int
    columns: tuple[ColumnShift, ...]
    figures: DriftFigures

    @property
    def judged(self) -> bool:
        """Whether there was enough data to judge."""
        return self.figures.judged

    @property
    def detected(self) -> bool:
        """Whether any column drifted."""
        return self.figures.drifted > 0

    @property
    def verdict(self) -> str:
        """The result in one plain sentence."""
        figures = self.figures
        if figures.why_not:
            return f"{self.market}: drift not judged, {figures.why_not}"
        words = f"{self.market}, the {figures.days} trading days to {self.last_day}"
        if not self.detected:
            return f"{words}: no drift, {figures.columns} columns checked{self._unasked}"
        named = ", ".join(
            f"{column.column} ({column.shift:+.1f} sd)" for column in self.columns[:_NAMED]
        )
        more = figures.drifted - min(figures.drifted, _NAMED)
        tail = f" and {more} more" if more else ""
        return f"{words}: drift in {', '.join(figures.groups)}: {named}{tail}"

    @property
    def _unasked(self) -> str:
        if not self.figures.left_out:
            return ""
        groups = ", ".join(self.figures.left_out)
        return f"; not in {groups}, as the version was trained on less than a year"


def report(market: str, version: str, reference: Reference, rows: Rows) -> DriftReport:
    """Judge the last days of rows, without roll days, half-days and days with few rows.

    Parameters
    ----------
    market, version
        The names in the report.
    reference
        The version's training rows.
    rows
        Logged rows up to now, of at least the days that are checked.
    """
    ordinary = rows.ordinary()
    current = reference.daily_of(ordinary).latest(WINDOW_DAYS)
    why_not = _why_not(reference, current)
    columns: tuple[ColumnShift, ...] = ()
    drifted = 0
    if not why_not:
        columns = tuple(
            sorted(
                column_shifts(reference, current), key=lambda shift: (not shift.drifted, shift.p)
            )
        )
        drifted = counted_by_evidently(reference.daily, current, columns)
    return DriftReport(
        market=market,
        version=version,
        first_day=current.day[0].item() if len(current.day) else None,
        last_day=current.day[-1].item() if len(current.day) else None,
        rows=int(np.isin(ordinary.day, current.day).sum()),
        columns=columns,
        figures=DriftFigures(
            why_not=why_not,
            days=len(current.day),
            columns=len(columns),
            left_out=reference.left_out,
            drifted=drifted,
            groups=tuple(dict.fromkeys(column.group for column in columns if column.drifted)),
            shifts=columns[:_KEPT],
        ),
    )


def counted_by_evidently(
    reference: Daily, current: Daily, columns: tuple[ColumnShift, ...]
) -> int:
    """Let Evidently count the drifted columns, with our test and each column's limit."""
    limits = {column.column: column.limit for column in columns}
    with _evidently():
        gate = evidently.Report(
            [metrics.DriftedColumnsCount(num_method=_TEST, per_column_threshold=limits)]
        )
        counted = gate.run(_dataset(current), _dataset(reference))
    return int(json.loads(counted.json())["metrics"][0]["value"]["count"])


def write_full_report(reference: Reference, rows: Rows, path: Path) -> None:
    """Write Evidently's full drift report of the last days as one HTML page."""
    current = reference.daily_of(rows.ordinary()).latest(WINDOW_DAYS)
    limits = {shift.column: shift.limit for shift in column_shifts(reference, current)}
    with _evidently(), written_atomically(path) as temporary:
        whole = evidently.Report(
            [presets.DataDriftPreset(num_method=_TEST, per_column_threshold=limits)]
        )
        whole.run(_dataset(current), _dataset(reference.daily)).save_html(str(temporary))


def _why_not(reference: Reference, current: Daily) -> str:
    if len(reference.daily.day) < LEAST_REFERENCE_DAYS:
        return (
            f"the version was trained on {len(reference.daily.day)} ordinary days besides "
            f"those checked, {LEAST_REFERENCE_DAYS} are needed"
        )
    missing = LEAST_DAYS - len(current.day)
    if missing > 0:
        return (
            f"{len(current.day)} ordinary days with predictions for at least "
            f"{reference.least_ranges} ranges so far, {missing} more are needed"
        )
    return ""


def _dataset(daily: Daily) -> Any:

    frame = pd.DataFrame(daily.values, columns=list(daily.names))
    definition = evidently.DataDefinition(numerical_columns=list(daily.names))
    return evidently.Dataset.from_pandas(frame, data_definition=definition)


@contextmanager
def _evidently() -> Iterator[None]:
    """Register our test with Evidently within this context, and silence its import warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _register()
        yield


def _register() -> None:

    def stretches(reference: Any, current: Any, _kind: Any, limit: float) -> tuple[float, bool]:
        p = p_value(reference.to_numpy(float), current.to_numpy(float))
        return p, p <= limit

    test = stattests.StatTest(
        name=_TEST,
        display_name="mean of the last days against periods of the same length",
        allowed_feature_types=[core.ColumnType.Numerical],
    )
    stattests.register_stattest(test, stretches)
