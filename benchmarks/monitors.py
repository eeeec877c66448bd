"""A test of the calibration monitor: false alarms, and breakouts until detection.

    python benchmarks/monitors.py [--streams 400] [--seed 0]

There are six breakouts a day. Predictions are distributed like the corridor's probabilities;
outcomes have the predicted probability, or another one. Alarms are at 1 %, like the breaker's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from monitoring.sequential_monitors import ALPHA, calibration_process

Floats = NDArray[np.float64]

A_DAY = 6
BREAKS = 1500
CAUGHT_WITHIN = 3000


def bent(by: float) -> Callable[[Floats], Floats]:
    """Return true probabilities whose log-odds are ``by`` times the predicted ones."""

    def chance(p: Floats) -> Floats:
        odds: Floats = (p / (1.0 - p)) ** by
        return odds / (1.0 + odds)

    return chance


def shifted(by: float) -> Callable[[Floats], Floats]:
    """Return true probabilities below the predicted ones."""
    return lambda p: np.maximum(p - by, 0.0)


WRONG: dict[str, Callable[[Floats], Floats]] = {
    "said 0.1 too high": shifted(0.1),
    "said 0.05 too high": shifted(0.05),
    "too bold, log-odds 1.5 times": bent(1 / 1.5),
    "too timid, log-odds two thirds": bent(1.5),
    "a coin": lambda p: np.full(len(p), 0.5),
}


def first_alarm(
    seed: int, rows: int, chance: Callable[[Floats], Floats], good: int, *, together: bool
) -> int | None:
    """Return the number of breakouts after the good ones until the first alarm; None without one.

    With ``together``, the breakouts of a day share their luck.
    """
    draw = np.random.default_rng(seed)
    p = 0.05 + 0.9 * draw.beta(2.0, 2.0, good + rows)
    truth = np.where(np.arange(len(p)) < good, p, chance(p))
    luck = draw.random(len(p))
    if together:
        luck = luck[::A_DAY].repeat(A_DAY)[: len(p)]
    day = (np.arange(len(p)) // A_DAY).astype("datetime64[D]")
    alarms = np.flatnonzero(calibration_process(p, luck < truth, day, True) >= 1.0 / ALPHA)
    return (int(alarms[0]) + 1) * A_DAY - good if len(alarms) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    seeds = range(args.seed, args.seed + args.streams)
    start = time.perf_counter()
    false = 0
    for name, together in (("independent", False), ("one fortune a day", True)):
        alarms = [first_alarm(seed, BREAKS, lambda p: p, 0, together=together) for seed in seeds]
        false = max(false, sum(alarm is not None for alarm in alarms))
        count = sum(alarm is not None for alarm in alarms)
        print(f"calibrated, {name}: {count} of {len(alarms)} alarmed within {BREAKS} breaks")
    few = seeds[: args.streams // 4]
    trials = {
        **{name: (chance, 0) for name, chance in WRONG.items()},
        "said 0.1 too high, after 1,200 good": (WRONG["said 0.1 too high"], 1200),
    }
    for name, (chance, good) in trials.items():
        alarms = [first_alarm(seed, CAUGHT_WITHIN, chance, good, together=False) for seed in few]
        breaks = [CAUGHT_WITHIN + 1 if alarm is None else alarm for alarm in alarms]
        middle, most = np.quantile(breaks, [0.5, 0.9], method="higher")
        missed = sum(alarm is None for alarm in alarms)
        print(f"{name}: half by {middle}, nine in ten by {most} breaks; {missed} not caught")
    print(f"{time.perf_counter() - start:.0f} s")
    # a monitor that keeps its rate exceeds this number once in a thousand times
    return int(false > binom.ppf(0.999, args.streams, ALPHA))


if __name__ == "__main__":
    raise SystemExit(main())
