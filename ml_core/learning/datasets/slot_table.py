"""The slots of a period as one table, for people and other programs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.learning.datasets.assemble import Assembly
from ml_core.ranges.labels import NOT_RESOLVED
from ml_core.ranges.opening_range import Exclusion

_DIRECTION = {1: "UP", -1: "DOWN", 0: "NONE"}
_OUTCOME = {1: "WIN", -1: "LOSS", 0: "TIMEOUT"}


def slot_table(assembly: Assembly) -> pa.Table:
    """Return one row per slot of the period; excluded slots carry their reason.

    Prices are as traded (not roll-adjusted); times are timezone-aware UTC. Values that do not
    apply are null.
    """
    ranges, labels, rows = assembly.ranges, assembly.labels, assembly.reported
    tape, market = assembly.tape, assembly.market
    offset = tape.offset[ranges.day[rows]]
    formed = ranges.formed[rows]
    traded = np.abs(labels.direction[rows]) == 1
    finished = np.isfinite(labels.r_gross[rows])
    contracts = np.array([*tape.contracts, ""], dtype=object)
    code = tape.contract[ranges.day[rows]]

    def price(ticks: NDArray[np.int64], there: NDArray[np.bool_]) -> pa.Array:
        return pa.array(market.instrument.to_price(ticks[rows] + offset), mask=~there)

    columns: dict[str, pa.Array] = {
        "market": pa.array([market.symbol] * len(rows)),
        "trading_day": pa.array(tape.schedule.days[ranges.day[rows]]),
        "opening_range": pa.array([market.ranges[spec].name for spec in ranges.spec[rows]]),
        "decision_time": _time(ranges.decision[rows]),
        "exclusion": pa.array(
            [
                None if code == 0 else Exclusion(code).name.lower()
                for code in ranges.exclusion[rows]
            ],
            pa.string(),
        ),
        "contract": pa.array(contracts[code], pa.string(), mask=code < 0),
        "high": price(ranges.high, formed),
        "low": price(ranges.low, formed),
        "close": price(ranges.close, formed),
        "break_direction": _names(labels.direction[rows], _DIRECTION),
        "break_time": _time(labels.break_minute[rows]),
        "entry": price(labels.entry, traded),
        "stop": price(labels.stop, traded),
        "target": price(labels.target, traded),
        "outcome": _names(labels.outcome[rows], _OUTCOME),
        "exit": price(labels.exit, finished),
        "r_gross": pa.array(labels.r_gross[rows], from_pandas=True),
        "r_net": pa.array(labels.r_net[rows], from_pandas=True),
        "resolved_at": _time(labels.resolved_minute[rows]),
        "label": pa.array([assembly.label_spec.key] * len(rows)),
    }
    usable = np.flatnonzero(ranges.usable[rows])
    for index, name in enumerate(assembly.dataset.feature_names):
        values = np.full(len(rows), np.nan)
        values[usable] = assembly.dataset.features[:, index]
        columns[name] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def _time(minute: NDArray[np.int64]) -> pa.Array:
    resolved = minute != NOT_RESOLVED
    stamps = np.where(resolved, minute, 0).astype("datetime64[m]").astype("datetime64[us]")
    return pa.array(stamps, pa.timestamp("us", tz="UTC"), mask=~resolved)


def _names(codes: NDArray[np.int16], names: dict[int, str]) -> pa.Array:
    return pa.array([names.get(code) for code in codes.tolist()], pa.string())
