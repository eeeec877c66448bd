"""Rows the whole promotion rule needs to find a gain, read from a table of simulations.

``rule_power.csv`` holds the share of simulated challengers promoted, by gain, rows and questions
asked; ``benchmarks/rule_power.py`` creates it and documents the simulation. Between the simulated
gains the rows are interpolated on the scale of rows times gain, on which the curves nearly
coincide. Beyond the smallest and largest simulated gain this product is assumed constant.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import NumberError

_TABLE = "rule_power.csv"


@dataclass(frozen=True, slots=True)
class _Curves:
    """Power for one gain: (r,) rows times gain, (t,) questions, (r, t) share promoted."""

    tries: int
    evidence: NDArray[np.float64]
    questions: NDArray[np.float64]
    power: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsNeeded:
    """Rows with which the rule finds a gain.

    Attributes
    ----------
    gain, questions, power
        Gain of the challenger in log loss per row; number of questions asked; probability of
        finding the gain.
    rows
        Rows needed; None if more are needed than were simulated.
    error
        Standard error of ``rows`` due to the finite number of simulated challengers; None
        likewise.
    """

    gain: float
    questions: int
    power: float
    rows: int | None
    error: int | None

    @property
    def words(self) -> str:
        """The number of rows, as text."""
        if self.rows is None:
            return f"more than {most_rows(self.gain):,}"
        return f"{self.rows:,}"


def rows_for_rule(gain: float, questions: int = 1, power: float = 0.8) -> RowsNeeded:
    """Return the rows with which the whole promotion rule finds a gain.

    Parameters
    ----------
    gain
        Gain of the challenger over the corridor, in log loss per row.
    questions
        Number of questions asked so far, which make the rule stricter, times the number of
        families of markets.
    power
        Probability of promoting it.

    Raises
    ------
    NumberError
        A figure is out of its bounds.
    """
    _require(gain, questions)
    if not 0 < power < 1:
        raise NumberError("power", power, "give a share between 0 and 1, such as 0.8")
    gains = sorted(_table())
    wanted = [_evidence_needed(_table()[tried], questions, power) for tried in gains]
    at = np.log(min(max(gain, gains[0]), gains[-1]))
    needed = float(np.interp(at, np.log(gains), [math.log(evidence) for evidence, _ in wanted]))
    error = float(np.interp(at, np.log(gains), [error for _, error in wanted]))
    rows = math.exp(needed) / gain if math.isfinite(needed) else None
    return RowsNeeded(
        gain=gain,
        questions=questions,
        power=power,
        rows=None if rows is None else math.ceil(rows),
        error=None if rows is None else math.ceil(rows * error),
    )


def power_of_rule(rows: int, gain: float, questions: int = 1) -> float:
    """Return the probability that the whole promotion rule finds a gain with this many rows.

    Beyond the largest simulated number of rows, the power at that number is returned. This is the
    inverse of :func:`rows_for_rule`.

    Raises
    ------
    NumberError
        A figure is out of its bounds.
    """
    _require(gain, questions)
    if rows < 1:
        raise NumberError("rows", rows, "give a whole number of 1 or more")
    gains = sorted(_table())
    by_gain = []
    for tried in gains:
        curves = _table()[tried]
        curve = _of_questions(curves, questions)
        by_gain.append(np.interp(math.log(rows * gain), np.log(curves.evidence), curve, left=0.0))
    return float(np.interp(math.log(gain), np.log(gains), by_gain))


def detectable_gain(rows: int, questions: int = 1, power: float = 0.8) -> float:
    """Return the smallest gain that the rule finds with this many rows."""
    low, high = 1e-6, 10.0
    for _ in range(60):
        gain = math.sqrt(low * high)
        needed = rows_for_rule(gain, questions, power).rows
        low, high = (low, gain) if needed is not None and needed <= rows else (gain, high)
    return high


def most_rows(gain: float) -> int:
    """Return the largest simulated number of rows for the nearest simulated gain."""
    nearest = min(_table(), key=lambda tried: abs(math.log(tried / gain)))
    return round(float(_table()[nearest].evidence[-1]) / gain)


def _evidence_needed(curves: _Curves, questions: int, power: float) -> tuple[float, float]:
    """Return rows times gain needed (infinite if not simulated) and its logarithm's error."""
    curve, place = _of_questions(curves, questions), np.log(curves.evidence)
    reached = np.flatnonzero(curve >= power)
    if not len(reached):
        return math.inf, math.inf
    last = int(reached[0])
    if last == 0:
        return float(curves.evidence[0]), 0.0
    rise = curve[last] - curve[last - 1]
    width = place[last] - place[last - 1]
    needed = place[last - 1] + width * (power - curve[last - 1]) / rise
    error = math.sqrt(power * (1.0 - power) / curves.tries) * width / rise
    return math.exp(needed), float(error)


def _of_questions(curves: _Curves, questions: int) -> NDArray[np.float64]:
    """Return the power at each number of rows for these questions, made non-decreasing."""
    most = float(curves.questions[-1])
    at, counts = math.log(min(questions, most)), np.log(curves.questions)
    curve = np.array([np.interp(at, counts, row) for row in curves.power])
    return np.maximum.accumulate(curve)


def _require(gain: float, questions: int) -> None:
    if not (math.isfinite(gain) and gain > 0):
        raise NumberError("gain", gain, "give a gain in log loss above 0, such as 0.01")
    if questions < 1:
        raise NumberError("questions", questions, "give a whole number of 1 or more")


@cache
def _table() -> dict[float, _Curves]:
    text = files("ml_core.evidence").joinpath(_TABLE).read_text("utf-8")
    head, *lines = csv.reader(text.splitlines())
    questions = np.array([float(name) for name in head[3:]])
    values = np.array(lines, np.float64)
    curves = {}
    for gain in np.unique(values[:, 1]):
        own = values[values[:, 1] == gain]
        curves[float(gain)] = _Curves(
            tries=int(own[0, 0]),
            evidence=own[:, 2] * gain,
            questions=questions,
            power=own[:, 3:],
        )
    return curves
