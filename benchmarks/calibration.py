"""How often the calibration limit refuses a perfect forecaster, and how often a bad one.

    python benchmarks/calibration.py [--tries 10000]

Forecasts are those of a corridor, (x + 0.15)/1.3 with x uniform between 0 and 1: right 69 % of the
time, as on Micro Gold. Outcomes are drawn from the truth; a distorted forecaster has its log-odds
multiplied or shifted. The results of the release are in docs/evidence.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.calibration_check import check_calibration
from ml_core.learning.models.calibration import expit, logit

ROWS = (300, 742, 1570, 5400)
FORMER_LIMIT = 0.03
"""The rule's former limit of the calibration error, the same for any number of rows."""

Distortion = Callable[[NDArray[np.float64]], NDArray[np.float64]]
FORECASTERS: dict[str, Distortion] = {
    "perfect": lambda margin: margin,
    "overconfident, log-odds times 1.3": lambda margin: 1.3 * margin,
    "overconfident, log-odds times 1.5": lambda margin: 1.5 * margin,
    "underconfident, log-odds times 0.7": lambda margin: 0.7 * margin,
    "shifted, log-odds plus 0.2": lambda margin: margin + 0.2,
}


def refused(distort: Distortion, rows: int, tries: int, seed: int) -> tuple[float, float]:
    """Return the share of tries refused by the limit for these rows, and by the former limit.

    Parameters
    ----------
    distort
        Function from true log-odds to the forecaster's, shape (n,) each.
    rows
        Number of forecasts in a try.
    tries, seed
        Number of tries, and the random seed.
    """
    draw = np.random.default_rng([seed, rows])
    by_limit = by_former = 0
    for _ in range(tries):
        truth = (draw.random(rows) + 0.15) / 1.3
        check = check_calibration(expit(distort(logit(truth))), draw.random(rows) < truth)
        by_limit += check.ece > check.at_most
        by_former += check.ece > FORMER_LIMIT
    return by_limit / tries, by_former / tries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    tries = parser.parse_args().tries
    print("| forecaster | " + " | ".join(f"{rows:,} rows" for rows in ROWS) + " |")
    print("|---" * (1 + len(ROWS)) + "|")
    for name, distort in FORECASTERS.items():
        shares = [refused(distort, rows, tries, seed=0) for rows in ROWS]
        cells = (f"{limit:.1%} ({former:.0%})" for limit, former in shares)
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
