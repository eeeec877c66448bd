"""Drift: recent logged rows compared with the serving version's training rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prefect import task

from ml_core.array_rows import take_rows
from ml_core.decision.entry import Mode
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Catalogue
from ml_core.health.drift import PREDICTION, TARGET
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.models.calibration import logit
from ml_core.learning.saved_bundle import REFERENCE
from ml_core.learning.version_folder import reading
from ml_core.on_demand import library
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, UP
from monitoring.drift.columns import (
    EARLY_CLOSE,
    SINCE_ROLL,
    Reference,
    Rows,
    besides_latest,
)
from monitoring.drift.report import DriftReport, report, write_full_report
from monitoring.drift.shifts import WINDOW_DAYS
from registry.health.drift import DriftRecord, latest_drift, record_drift
from registry.ledger.entries import Settled
from registry.models.versions import VersionRecord
from registry.rows import record_of
from tasks.data.datasets import period_of, read_bars_until
from tasks.notices.events import DriftDetected, emit
from tasks.notices.notify import notify
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings

pq = library("pyarrow.parquet")

_SAID, _CAME = "logit of P(UP)", "broke UP"
_SIDE = {"UP": 1.0, "DOWN": 0.0}


@task(
    name="compare with the training data",
    task_run_name="{market}: drift of {mode} predictions",
    **RETRIED,
)
def compare(market: str, at: datetime, mode: Mode = "live") -> DriftReport:
    """Compare recent logged rows with the serving version's training rows; record the result.

    Rows of every version count if they have the same features as the reference. Drift that the
    previous check did not find is announced once, by an event; a check as of an earlier day
    announces nothing. A check of replayed predictions is neither recorded nor announced.

    Raises
    ------
    UnknownVersionError
        No version was ever registered.
    """
    settings = current_settings()
    symbol = settings.market(market).symbol
    record = settings.models().serving(symbol, at).record
    drift = report(symbol, record.version, *_held(settings, symbol, record, at, mode))
    if mode == "live" and drift.last_day:
        before = latest_drift(settings.database(), symbol)
        # recorded last: after a crash in between, the next try announces it again
        if drift.detected and (before is None or (not before.detected and before.at <= at)):
            _announce(market, drift)
            _notify_drift(settings, drift)
        record_drift(settings.database(), record_of(DriftRecord, drift, at=at))
    return drift


@task(name="write the full drift report", task_run_name="{market}: full drift report", **RETRIED)
def write_report(market: str, at: datetime, mode: Mode = "live") -> str:
    """Write Evidently's full report as HTML and return its path."""
    settings = current_settings()
    symbol = settings.market(market).symbol
    record = settings.models().serving(symbol, at).record
    path = settings.reports_dir / symbol / f"drift-{at:%Y%m%dT%H%M}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_full_report(*_held(settings, symbol, record, at, mode), path)
    return str(path)


def _announce(market: str, report: DriftReport) -> None:
    emit(
        DriftDetected(
            market=market,
            version=report.version,
            last_day=str(report.last_day),
            groups=report.figures.groups,
            verdict=report.verdict,
        )
    )


def _notify_drift(settings: Settings, report: DriftReport) -> None:
    notify(
        settings,
        "drift",
        report.market,
        f"drift {report.market} {report.version} {report.last_day}",
        f"{report.market}: drift in {', '.join(report.figures.groups)}",
        f"{report.verdict}.\nIts inputs differ from the training data; the breaker "
        f"opens and a retrain is started. `orbcast drift show --market {report.market.lower()}`",
    )


def _held(
    settings: Settings, symbol: str, record: VersionRecord, at: datetime, mode: Mode
) -> tuple[Reference, Rows]:
    catalogue = settings.catalogue()
    learned = _learned(record.folder, catalogue)
    logged = _logged(settings, symbol, learned.names, at, mode)
    if not {EARLY_CLOSE, SINCE_ROLL} <= set(learned.names):
        # as of an earlier time, a version may have learned from later days
        learned_until = datetime.combine(max(learned.day).item() + timedelta(2), time(), UTC)
        odd = _odd_days(settings, symbol, max(at, learned_until))
        learned, logged = (take_rows(rows, ~np.isin(rows.day, odd)) for rows in (learned, logged))
    groups = {feature.name: feature.group for feature in catalogue.every()}
    named = {**groups, _SAID: PREDICTION, _CAME: TARGET}
    learned = besides_latest(learned.ordinary(), logged.ordinary(), WINDOW_DAYS)
    return Reference(learned, named), logged


def _odd_days(settings: Settings, symbol: str, at: datetime) -> NDArray[np.datetime64]:
    """Return roll days and half-days, for recipes that have no feature for them."""
    market = settings.market(symbol)
    bars = read_bars_until(settings, symbol, market, at)
    first, last = period_of(bars, market, None, None)
    data = assemble(
        bars,
        market,
        LabelSpec(),
        first=first,
        last=last,
        features=CATALOGUE.select((EARLY_CLOSE, SINCE_ROLL)),
    ).dataset
    rows = Rows(
        day=data.trading_day.astype("datetime64[D]"),
        opening_range=data.opening_range.astype(str),
        names=data.feature_names,
        values=data.features,
    )
    return np.setdiff1d(rows.day, rows.ordinary().day)


def _logged(
    settings: Settings, symbol: str, names: tuple[str, ...], at: datetime, mode: Mode
) -> Rows:
    """Return the champion's logged rows up to a time, for as many days as a check can use."""
    features = [name for name in names if name not in {_SAID, _CAME}]
    last = at.date()
    first = date.fromordinal(last.toordinal() - 4 * WINDOW_DAYS)
    settled = [
        row
        for row in settings.ledger().settled(symbol, first=first, mode=mode)
        if row.prediction.role == "champion"
        and row.prediction.decision_time <= at
        and set(features) <= set(row.prediction.features)
    ]
    values = [[_value(row, name, at) for name in names] for row in settled]
    return Rows(
        day=np.array([row.prediction.trading_day for row in settled], "datetime64[D]"),
        opening_range=np.array([row.prediction.opening_range for row in settled], str),
        names=names,
        values=np.array(values, np.float64).reshape(len(settled), len(names)),
    )


def _value(row: Settled, name: str, at: datetime) -> float:
    entry = row.prediction
    if name == _SAID:
        return np.nan if entry.p_up is None else float(logit(np.array([entry.p_up]))[0])
    if name == _CAME:
        if row.outcome is None or row.outcome.resolved_at > at:
            return np.nan
        return _SIDE.get(row.outcome.direction, np.nan)
    value = entry.features[name]
    return np.nan if value is None else float(value)


def _learned(folder: Path, catalogue: Catalogue) -> Rows:

    with reading(folder, REFERENCE) as path:
        table = pq.read_table(path)
    names = [name for name in table.column_names if name in catalogue]
    columns = [table[name].to_numpy() for name in names]
    if "said_p_up" in table.column_names:
        names += [_SAID, _CAME]
        direction = table["break_direction"].to_numpy()
        columns.append(logit(table["said_p_up"].to_numpy()))
        columns.append(np.select([direction == UP, direction == DOWN], [1.0, 0.0], np.nan))
    return Rows(
        day=table["trading_day"].to_numpy().astype("datetime64[D]"),
        opening_range=np.array(table["opening_range"].to_pylist(), str),
        names=tuple(names),
        values=np.column_stack(columns).astype(np.float64),
    )
