"""The planted edge of a simulated market, and the true probabilities of each slot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.market.corridor_exit import Stretch, exit_chances
from ml_core.market.schedule import Schedule
from ml_core.market.simulated_walk import Hours, Walk, extremes

START_TICKS = 20_000
_PILOT_SLOTS = 240
_BISECTIONS = 9
_EVEN_ODDS = 0.5
_ROUNDING = 1e-9
"""From the middle of a corridor the odds are even, but for the rounding of a machine's sums."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth about the n slots with a range, in decision order.

    Attributes
    ----------
    day, spec
        Row in the schedule and index of the market's range.
    sign
        +1, -1 or 0: the direction indicated by the window's volumes.
    p_up
        P(UP | breakout) for an observer who knows everything that can be known at t0.
    p_up_driftless
        The same for an observer who knows the walk but not the drift: the best possible corridor.
    p_none
        P(no breakout by the scan end).
    """

    day: NDArray[np.int64]
    spec: NDArray[np.int64]
    sign: NDArray[np.int64]
    p_up: NDArray[np.float64]
    p_up_driftless: NDArray[np.float64]
    p_none: NDArray[np.float64]

    def summary(self) -> dict[str, float]:
        """Return expected accuracy and log loss of the best observer and of the driftless one."""
        best, driftless = self.p_up, self.p_up_driftless
        return {
            "slots": float(len(best)),
            "bayes_accuracy": self.bayes_accuracy(),
            "driftless_accuracy": self.driftless_accuracy(),
            "bayes_log_loss": float(_expected_log_loss(best, best).mean()),
            "driftless_log_loss": float(_expected_log_loss(driftless, best).mean()),
        }

    def bayes_accuracy(self) -> float:
        """Return the expected accuracy of the best observer."""
        return float(np.maximum(self.p_up, 1.0 - self.p_up).mean())

    def driftless_accuracy(self) -> float:
        """Return the expected accuracy of the driftless observer, who says UP at even odds."""
        says_up = self.p_up_driftless >= _EVEN_ODDS - _ROUNDING
        return float(np.where(says_up, self.p_up, 1.0 - self.p_up).mean())


@dataclass(frozen=True, slots=True)
class SlotMinutes:
    """Positions of the s slots' windows, drifts and scans in the walk's minutes.

    Attributes
    ----------
    day, spec
        Row in the schedule and index of the market's range.
    start, stop
        The window.
    drift_stop, scan_stop
        The end of the drift that begins at ``stop``, and the end of the scan for breakouts.
    """

    day: NDArray[np.int64]
    spec: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    drift_stop: NDArray[np.int64]
    scan_stop: NDArray[np.int64]

    @classmethod
    def of(cls, schedule: Schedule, hours: Hours) -> SlotMinutes:
        """Return the slots of ranges during open hours, in schedule order."""
        days, ranges = schedule.range_start.shape
        keep = schedule.open.ravel()
        start, stop, scan = (
            column.ravel()[keep]
            for column in (schedule.range_start, schedule.range_end, schedule.session_scan_end)
        )
        # ranges may start together (5 and 15 minutes at 09:30): the next one is the next to START
        starts = np.unique(start)
        after = np.searchsorted(starts, stop, side="left")
        following = np.append(starts, np.iinfo(np.int64).max)[after]
        position = [
            np.searchsorted(hours.minute, minute)
            for minute in (start, stop, np.minimum(following, scan), scan)
        ]
        return cls(
            np.repeat(np.arange(days), ranges)[keep],
            np.tile(np.arange(ranges), days)[keep],
            *position,
        )

    def first(self, count: int) -> SlotMinutes:
        """Return the first ``count`` slots."""
        return take_rows(self, slice(count))


@dataclass(frozen=True, slots=True)
class DriftingWalk:
    """A walk in which a drift may be planted after each slot's window.

    Attributes
    ----------
    hours, walk
        The parameters of each minute, and the random draws.
    slots
        The s windows after which it drifts.
    sign
        Shape (s,): +1, -1 or 0, the direction of the drift.
    """

    hours: Hours
    walk: Walk
    slots: SlotMinutes
    sign: NDArray[np.int64]

    @classmethod
    def of(cls, hours: Hours, walk: Walk, slots: SlotMinutes) -> DriftingWalk:
        """Return the walk whose drift follows the volumes of each window."""
        return cls(hours, walk, slots, _volume_signs(walk, slots))

    def closes(self, drift: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Compute the walk with a drift.

        Parameters
        ----------
        drift
            Drift in sigmas per minute.

        Returns
        -------
        closes
            Shape (m,), ticks.
        corridors
            Shape (s, 2): width of each slot's range and position of the last close in it, ticks;
            (-1, 0) without a range.
        """
        hours, walk = self.hours, self.walk
        step = np.rint(hours.sigma * walk.shock + self._mean_step(drift))
        close = START_TICKS + np.cumsum(np.where(walk.trades, step, 0.0)).astype(np.int64)
        high, low = extremes(close, walk)
        corridors = np.empty((len(self.slots.day), 2), np.int64)
        for index, (start, stop) in enumerate(
            zip(self.slots.start.tolist(), self.slots.stop.tolist(), strict=True)
        ):
            seen = walk.trades[start:stop]
            if not seen.any():
                corridors[index] = (-1, 0)
                continue
            bottom = low[start:stop][seen].min()
            top = high[start:stop][seen].max()
            corridors[index] = (top - bottom, close[start:stop][seen][-1] - bottom)
        return close, corridors

    def truth(
        self, corridors: NDArray[np.int64], drift: float, report: Callable[[int], None]
    ) -> Truth:
        """Return each slot's true probabilities; ``report`` is called with the slots done."""
        slots, sign = self.slots, self.sign
        rows = np.flatnonzero(corridors[:, 0] > 0)
        p_up, driftless, none = (np.empty(len(rows)) for _ in range(3))
        for index, row in enumerate(rows.tolist()):
            width, start = (int(value) for value in corridors[row])
            ends = (int(slots.stop[row]), int(slots.drift_stop[row]), int(slots.scan_stop[row]))
            up, down, left = exit_chances(width, start, _path(self.hours, *ends, 0.0))
            driftless[index] = p_up[index] = up / (up + down)
            if drift and sign[row]:
                path = _path(self.hours, *ends, drift * float(sign[row]))
                up, down, left = exit_chances(width, start, path)
                p_up[index] = up / (up + down)
            none[index] = left
            report(index + 1)
        return Truth(
            day=slots.day[rows],
            spec=slots.spec[rows],
            sign=sign[rows],
            p_up=p_up,
            p_up_driftless=driftless,
            p_none=none,
        )

    def slots_searched(self) -> int:
        """Return the number of slots that :meth:`drift_for` computes."""
        return _BISECTIONS * len(self._pilot().slots.day)

    def drift_for(self, edge: float, report: Callable[[int], None]) -> float:
        """Return the drift, sigmas per minute, that gives ``edge`` on a pilot of early slots."""
        pilot = self._pilot()
        _, corridors = pilot.closes(0.0)
        low, high = 0.0, 1.0
        for turn in range(_BISECTIONS):
            middle = (low + high) / 2

            def report_turn(done: int, before: int = turn * len(pilot.slots.day)) -> None:
                report(before + done)

            truth = pilot.truth(corridors, middle, report_turn)
            if truth.bayes_accuracy() - truth.driftless_accuracy() < edge:
                low = middle
            else:
                high = middle
        return round((low + high) / 2, 4)

    def _pilot(self) -> DriftingWalk:
        slots = self.slots.first(_PILOT_SLOTS)
        return DriftingWalk(self.hours, self.walk, slots, self.sign[: len(slots.day)])

    def _mean_step(self, drift: float) -> NDArray[np.float64]:
        mean = np.zeros(len(self.hours.minute))
        for stop, end, towards in zip(
            self.slots.stop.tolist(),
            self.slots.drift_stop.tolist(),
            self.sign.tolist(),
            strict=True,
        ):
            mean[stop:end] = towards * drift * self.hours.sigma[stop:end]
        return mean


def _volume_signs(walk: Walk, slots: SlotMinutes) -> NDArray[np.int64]:
    """Compare volumes of the later and first half of each window; silent minutes count as none."""
    volume = np.concatenate([[0], np.cumsum(np.where(walk.trades, walk.volume, 0))])
    half = (slots.stop - slots.start) // 2
    first = volume[slots.start + half] - volume[slots.start]
    later = volume[slots.stop] - volume[slots.stop - half]
    towards: NDArray[np.int64] = np.sign(later - first)
    return towards


def _path(hours: Hours, start: int, bend: int, stop: int, drift: float) -> list[Stretch]:
    """Split the minutes from t0 on into spans with constant parameters; drift ends at ``bend``.

    After ``bend`` the next range's drift may go either way with equal probability, which to first
    order is no drift.
    """
    sigma, silent = hours.sigma[start:stop], hours.silent[start:stop]
    changes = np.flatnonzero((np.diff(sigma) != 0) | (np.diff(silent) != 0)) + 1
    edges = sorted({0, *changes.tolist(), min(max(bend - start, 0), len(sigma)), len(sigma)})
    return [
        Stretch(
            b - a,
            float(sigma[a]),
            drift * float(sigma[a]) if start + a < bend else 0.0,
            float(silent[a]),
        )
        for a, b in pairwise(edges)
        if b > a
    ]


def _expected_log_loss(
    predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.negative(true * np.log(predicted) + (1.0 - true) * np.log1p(-predicted))
