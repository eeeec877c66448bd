"""The baselines of a driftless price: the corridor, the driftless entry and the majority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.json_form import from_json
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.driftless import (
    DriftlessEntry,
    EntryParameters,
    fit_entry_parameters,
    timeless_entry,
)
from ml_core.learning.models.no_break import NoBreak, fit_no_break
from ml_core.on_demand import library
from ml_core.ranges.labels import DOWN, NONE, UP

optimize = library("scipy.optimize")

_CLIP = 1e-4
_K_BOUNDS = (0.0, 5.0)


class OneClassError(InputError):
    """Every breakout in the training data goes the same way."""

    question: str
    only: str
    rows: int
    template = (
        "{question}: all {rows:,} training rows are {only}; there is nothing to predict. Check "
        "the bars of the period, or name a longer one"
    )


@dataclass(frozen=True, slots=True)
class Baselines:
    """The three baselines, fitted together on the training rows.

    Attributes
    ----------
    k
        Overshoot of a breakout close in units of sigma, the only parameter of the corridor.
    sigma_share
        Median sigma/height of the training rows, used where sigma is missing.
    p_up
        Share of UP among the training breakouts: the majority baseline.
    p_none
        Smoothed share of ranges without a breakout, by opening range.
    p_none_all
        The same over all ranges, for a range not seen in training.
    no_break
        The same by range and by its height in units of sigma; None where the training rows do not
        show an improvement by it, and for versions saved before it existed.
    entry_law
        The parameters of the driftless entry; None for versions saved before they existed, which
        use the distances alone.
    """

    k: float
    sigma_share: float
    p_up: float
    p_none: dict[str, float]
    p_none_all: float
    entry_law: EntryParameters | None = None
    no_break: NoBreak | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the parameters as plain values; absent ones are left out."""
        values = asdict(self)
        if self.entry_law is None:
            del values["entry_law"]
        if (no_break := values.pop("no_break")) is not None:
            parts = {"edges": no_break["edges"], "by_range": no_break["by_height"]}
            values["p_none_by_height"] = parts
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Baselines:
        """Read the output of :meth:`to_json`."""
        law, by_height = values.get("entry_law"), values.get("p_none_by_height")
        own = {name: value for name, value in values.items() if name != "p_none_by_height"}
        no_break = None
        if by_height is not None:
            no_break = NoBreak(
                overall=values["p_none_all"],
                by_range=values["p_none"],
                edges=tuple(by_height["edges"]),
                by_height={name: tuple(cells) for name, cells in by_height["by_range"].items()},
            )
        law = from_json(EntryParameters, law) if law else None
        return cls(**{**own, "entry_law": law, "no_break": no_break})

    def sigma(self, data: Dataset) -> NDArray[np.float64]:
        """Return a minute's usual move, ticks, shape (n,).

        If it is missing, or zero because no close differed from the one before, it is taken from
        the height: a range that has a height has moved.
        """
        return _sigma(data, self.sigma_share)

    def overshoot(self, data: Dataset) -> NDArray[np.float64]:
        """Ticks beyond the edge at which the corridor expects a breakout to close, shape (n,)."""
        return self.k * self.sigma(data)

    def corridor(self, data: Dataset) -> NDArray[np.float64]:
        """Return P(UP | breakout), shape (n,): gambler's ruin with overshoot d = k sigma/height.

        A driftless price that leaves an interval of length 1 + 2d starting d + x from its lower
        end does so through the upper end with probability (x + d)/(1 + 2d) (optional stopping;
        Feller, vol. 1, ch. XIV).
        """
        return corridor_probability(data.close_position, self.overshoot(data) / data.size_ticks)

    def none(self, data: Dataset) -> NDArray[np.float64]:
        """Return P(no breakout by the scan end), shape (n,)."""
        shares = self.no_break or NoBreak(overall=self.p_none_all, by_range=self.p_none)
        return shares.of(data.opening_range, data.size_ticks / self.sigma(data))

    def entry(self, data: Dataset) -> DriftlessEntry:
        """Return the driftless entry of n rows, the same for both sides.

        Both sides are alike because the range's height is the same from above and from below.
        """
        if self.entry_law is None:
            return timeless_entry(data, self.overshoot(data))
        return self.entry_law.entry(data, self.sigma(data))


def corridor_probability(x: NDArray[np.float64], d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corridor's probability of UP, (x + d)/(1 + 2d), kept off 0 and 1.

    It is the probability that a driftless walk at x leaves the corridor from -d to 1 + d at its
    upper end.

    Parameters
    ----------
    x
        Shape (n,), position of the price in the opening range: 0 at the low, 1 at the high.
    d
        Shape (n,), expected overshoot beyond an edge, as a share of the range's height.

    Examples
    --------
    >>> corridor_probability(np.array([0.5, 1.0]), np.array([0.3, 0.5]))
    array([0.5 , 0.75])
    """
    return np.clip((x + d) / (1.0 + 2.0 * d), _CLIP, 1.0 - _CLIP)


def fit_baselines(train: Dataset) -> Baselines:
    """Fit the baselines to training rows, and to nothing else.

    The corridor's k is fitted by maximum likelihood, the shares are counted, and the driftless
    entry is fitted to the trades that ended.

    Raises
    ------
    OneClassError
        Every breakout goes the same way.
    """
    broke = train.rows(np.isin(train.direction, (UP, DOWN)))
    up = broke.direction == UP
    if up.all() or not up.any():
        only = "without a break" if not len(up) else ("UP" if up.all() else "DOWN")
        raise OneClassError("direction of the break", only, len(up))
    with_sigma = broke.rows(broke.sigma_ticks > 0)
    share = float(np.median(with_sigma.sigma_ticks / with_sigma.size_ticks))
    sigma = _sigma(broke, share) / broke.size_ticks

    def loss(k: float) -> float:
        p = corridor_probability(broke.close_position, k * sigma)
        return -float(np.mean(np.log(np.where(up, p, 1.0 - p))))

    best = optimize.minimize_scalar(loss, bounds=_K_BOUNDS, method="bounded")
    decided = train.rows(np.isin(train.direction, (UP, DOWN, NONE)))
    no_break = fit_no_break(
        decided.direction == NONE,
        decided.opening_range,
        decided.size_ticks / _sigma(decided, share),
        decided.trading_day,
    )
    return Baselines(
        k=float(best.x),
        sigma_share=share,
        p_up=float(up.mean()),
        p_none=dict(no_break.by_range),
        p_none_all=no_break.overall,
        entry_law=fit_entry_parameters(broke, _sigma(broke, share)),
        no_break=no_break if no_break.by_height else None,
    )


def _sigma(data: Dataset, share: float) -> NDArray[np.float64]:
    return np.where(data.sigma_ticks > 0, data.sigma_ticks, share * data.size_ticks)
