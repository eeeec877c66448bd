"""How unlike its training data a decision is: the dissimilarity index and its threshold.

Meyer and Pebesma, Predicting into unknown space? Estimating the area of applicability of spatial
prediction models, Methods in Ecology and Evolution 2021 (R package CAST): the distance to the
nearest training row, in features standardised and weighted by their importance, divided by the
mean distance between training rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.learning.predictions.prediction import NoveltyScore
from ml_core.learning.predictions.reasons import named

SHARE = 0.02
"""Share of training rows above the threshold, each compared with the rows of other days."""

MAX_SILENCED_SHARE = 0.1
"""Maximum share of recent slots that may be silenced as novel; beyond it none is silenced."""

LOOKBACK_SLOTS = 60
"""Number of slots that share is counted over: ten trading days of six ranges."""

_PLAIN_SHARE = 0.5  # half the weight is shared evenly: small trees use few features
_DIGITS = 6
_CONSTANT = 1e-9  # spread relative to size; below it the spread is rounding error
_FARTHEST = 1e6  # standard deviations; a limit so that squares do not overflow
_CHUNK = 512
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """Training rows in the space where distances are measured, and the threshold.

    A number is standardised by the training rows' mean and standard deviation; a number that never
    varied in training keeps its unit. A missing number is placed at the mean, and a separate
    column marks it as missing. So a row with a missing feature is at least one standard deviation
    from a row that has it, and at no distance from a row that also lacks it. A category has one
    column per level; two levels are one standard deviation apart. The columns of each feature are
    weighted by its importance; half of the weight is shared evenly.

    Attributes
    ----------
    names, categorical
        Features, and those of them that are categories.
    center, scale, weight
        Shape (k,): one per feature.
    levels
        Levels of each category, ascending.
    mean_distance
        Mean distance between training rows of different days in that space.
    threshold
        Threshold of the index.
    rows
        Shape (n, m): the training rows in that space.
    square
        Shape (n,): their squared lengths.
    """

    names: tuple[str, ...]
    categorical: tuple[str, ...]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    levels: Mapping[str, tuple[float, ...]]
    mean_distance: float
    threshold: float
    rows: NDArray[np.float64]
    square: NDArray[np.float64]

    def judge(self, row: NDArray[np.float64]) -> NoveltyScore:
        """Judge one decision; ``row`` has shape (k,), NaN where missing."""
        placed, owner = _placed(row[np.newaxis, :], self)
        # |r - x|^2 minus |x|^2 for all rows at once; the nearest row's distance is then computed
        # exactly (not by BLAS, whose threads wait for one another on a busy machine)
        along = np.einsum("ij,j->i", self.rows, placed[0])
        nearest = int(np.argmin(self.square - 2.0 * along))
        parts = np.bincount(
            owner, (self.rows[nearest] - placed[0]) ** 2, minlength=len(self.names)
        )
        total = float(parts.sum())
        most = np.argsort(-parts, kind="stable")[:_NAMED]
        features = tuple(
            (self.names[index], float(parts[index]) / total)
            for index in most.tolist()
            if total > 0 and parts[index] > 0
        )
        return NoveltyScore(
            dissimilarity=float(np.sqrt(total)) / self.mean_distance,
            threshold=self.threshold,
            features=features,
            words=tuple(f"{named(name)} ({share:.0%})" for name, share in features),
        )

    def to_json(self) -> str:
        """Return all but the rows (they are the version's reference) as JSON text."""
        values = {
            "names": list(self.names),
            "categorical": list(self.categorical),
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "weight": self.weight.tolist(),
            "levels": {name: list(level) for name, level in self.levels.items()},
            "mean_distance": self.mean_distance,
            "threshold": self.threshold,
            "share": SHARE,
        }
        return json.dumps(values, indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], features: NDArray[np.float64]) -> Novelty:
        """Read the output of :meth:`to_json`, with the reference's features, shape (n, k)."""
        novelty = cls(
            names=tuple(values["names"]),
            categorical=tuple(values["categorical"]),
            center=np.array(values["center"], np.float64),
            scale=np.array(values["scale"], np.float64),
            weight=np.array(values["weight"], np.float64),
            levels={name: tuple(level) for name, level in values["levels"].items()},
            mean_distance=values["mean_distance"],
            threshold=values["threshold"],
            rows=np.empty((0, 0)),
            square=np.empty(0),
        )
        return _with_rows(novelty, features)


def fit_novelty(
    features: NDArray[np.float64],
    trading_day: NDArray[np.datetime64],
    names: tuple[str, ...],
    categorical: tuple[str, ...],
    importance: Mapping[str, Mapping[str, float]],
) -> Novelty | None:
    """Fit the index and its threshold on training rows.

    Each training row is compared with the rows of other days. The threshold is the index that
    ``SHARE`` of the rows exceed, or the upper whisker of the indices (the choice of CAST),
    whichever silences fewer.

    Parameters
    ----------
    features
        Shape (n, k), NaN where missing.
    trading_day
        Shape (n,).
    names, categorical
        Names of the columns, and of those that are categories.
    importance
        For each model, feature -> share of its gain; empty if there is no model.

    Returns
    -------
    Novelty or None
        None if there are fewer than two days of rows or all rows are the same.
    """
    if len(np.unique(trading_day)) < 2 or not names:  # noqa: PLR2004 - nothing to compare with
        return None
    seen = np.isfinite(features)
    count = np.maximum(seen.sum(axis=0), 1)
    filled = np.where(seen, features, 0.0)
    center = filled.sum(axis=0) / count
    scale = np.sqrt(np.where(seen, (features - center) ** 2, 0.0).sum(axis=0) / count)
    novelty = Novelty(
        names=names,
        categorical=categorical,
        center=center,
        scale=np.where(scale > _CONSTANT * np.abs(center), scale, 1.0),
        weight=_weights(names, importance),
        levels={
            name: tuple(np.unique(features[seen[:, names.index(name)], names.index(name)]))
            for name in categorical
        },
        mean_distance=1.0,
        threshold=float("inf"),
        rows=np.empty((0, 0)),
        square=np.empty(0),
    )
    novelty = _with_rows(novelty, features)
    nearest, mean = _between_days(novelty.rows, novelty.square, trading_day)
    if not mean > 0:
        return None
    index = nearest / mean
    low, high, cut = np.percentile(index, [25, 75, 100 * (1 - SHARE)])
    return Novelty(
        **{
            **{field_name: getattr(novelty, field_name) for field_name in Novelty.__slots__},
            "mean_distance": _rounded(mean),
            "threshold": _rounded(max(float(cut), float(high + 1.5 * (high - low)))),
        }
    )


def may_silence(silenced: Sequence[bool]) -> bool:
    """Return whether a novel row may be silenced, given what happened to the latest slots.

    Parameters
    ----------
    silenced
        For the live slots before it, oldest first: whether each was silenced as novel.

    Examples
    --------
    >>> may_silence([True] * 5 + [False] * 55), may_silence([True] * 6 + [False] * 54)
    (True, False)
    """
    return sum(silenced[-LOOKBACK_SLOTS:]) + 1 <= MAX_SILENCED_SHARE * LOOKBACK_SLOTS


def _weights(
    names: tuple[str, ...], importance: Mapping[str, Mapping[str, float]]
) -> NDArray[np.float64]:
    """Return each feature's weight.

    A weight multiplies squared distances; the mean weight is 1.
    """
    ones = np.ones(len(names))
    models = [gains for gains in importance.values() if gains]
    if not models:
        return ones
    gain = np.array([sum(model.get(name, 0.0) for model in models) for name in names])
    if not gain.sum() > 0:
        return ones
    weights: NDArray[np.float64] = _PLAIN_SHARE * ones + (1.0 - _PLAIN_SHARE) * gain / gain.mean()
    return weights


def _with_rows(novelty: Novelty, features: NDArray[np.float64]) -> Novelty:
    values = {name: getattr(novelty, name) for name in Novelty.__slots__}
    rows = _placed(features, novelty)[0]
    return Novelty(**{**values, "rows": rows, "square": np.einsum("ij,ij->i", rows, rows)})


def _placed(
    features: NDArray[np.float64], novelty: Novelty
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return rows in the space of distances, (n, m), and each column's feature, (m,)."""
    seen, root = np.isfinite(features), np.sqrt(novelty.weight)
    kinds = [novelty.names.index(name) for name in novelty.categorical]
    numbers = np.setdiff1d(np.arange(len(novelty.names)), kinds)
    standard = (np.where(seen, features, novelty.center) - novelty.center) / novelty.scale
    standard = np.clip(standard, -_FARTHEST, _FARTHEST) * root
    columns = [standard[:, numbers], np.where(seen, 0.0, root)]
    owner = [*numbers.tolist(), *range(len(novelty.names))]
    for index in kinds:
        levels = np.array(novelty.levels[novelty.names[index]])
        values = features[:, index, np.newaxis]
        same = values == levels
        unheard = seen[:, [index]] & ~same.any(axis=1, keepdims=True)
        columns.append(np.hstack([same, unheard]) * (root[index] / np.sqrt(2.0)))
        owner += [index] * (len(levels) + 1)
    return np.hstack(columns), np.array(owner, np.intp)


def _between_days(
    rows: NDArray[np.float64], square: NDArray[np.float64], day: NDArray[np.datetime64]
) -> tuple[NDArray[np.float64], float]:
    """Return each row's distance to the nearest row of another day, and the mean of all."""
    nearest = np.empty(len(rows))
    total, count = 0.0, 0
    for start in range(0, len(rows), _CHUNK):
        some = slice(start, start + _CHUNK)
        between = square[some, np.newaxis] + square - 2.0 * (rows[some] @ rows.T)
        other = day[some, np.newaxis] != day
        distance = np.sqrt(np.maximum(between, 0.0))
        total += float(distance[other].sum())
        count += int(other.sum())
        nearest[some] = np.where(other, distance, np.inf).min(axis=1)
    return nearest, total / count


def _rounded(value: float) -> float:
    """Round away digits that depend on the order in which a processor adds."""
    return float(f"{value:.{_DIGITS}g}")
