"""How many trades a claim needs, and how often a gate is passed by chance alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ml_core.errors import NumberError
from ml_core.on_demand import library

special = library("scipy.special")

COVERAGE = 0.95
_MOST = 10**15  # trades; beyond it floats cannot count single trades


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerReport:
    """The strength of the evidence in an accuracy.

    Attributes
    ----------
    trades, correct, accuracy
        The observed figures.
    low, high
        Its exact 95 % interval (Clopper and Pearson 1934); with a design effect, the interval of
        the equivalent number of independent trades (Korn and Graubard 1998).
    threshold, baseline, lift
        The accuracy to be exceeded; the accuracy without skill; the smallest lift over the
        baseline worth having.
    chance_of_coin, chance_of_baseline
        Probability that a coin, and that the baseline, exceed the threshold with this many
        independent trades.
    needed, missing
        Trades needed to find the lift with the given power, in total and from now on.
    """

    json_properties: ClassVar = ("words",)

    trades: int
    correct: int
    accuracy: float
    low: float
    high: float
    threshold: float
    baseline: float
    lift: float
    chance_of_coin: float
    chance_of_baseline: float
    needed: int
    missing: int

    @property
    def words(self) -> str:
        """The report as one sentence."""
        more = f"{self.missing:,} more trades" if self.missing else "no more trades"
        return (
            f"{self.accuracy:.1%} of {self.trades:,} trades, 95 % interval {self.low:.1%} to "
            f"{self.high:.1%}; a coin passes {self.threshold * 100:.4g}% with a chance of "
            f"{self.chance_of_coin:.1%}; {more} are needed to detect a lift of "
            f"{self.lift * 100:.4g} points over {self.baseline * 100:.4g}%"
        )


def chance_of_coin(trades: int, threshold: float, coin: float = 0.5) -> float:
    """Return the exact probability that ``trades`` coin tosses exceed a threshold of accuracy.

    P(X > threshold x n), X binomial(n, coin): reaching the threshold exactly does not pass.

    Raises
    ------
    NumberError
        A figure is out of its bounds or no number.

    >>> [round(chance_of_coin(n, 0.55), 3) for n in (62, 124, 250)]
    [0.187, 0.121, 0.057]
    """
    _require_count("trades", trades)
    _require_share("threshold", threshold)
    _require_share("coin", coin)
    # to exceed the threshold, X must be greater than the largest integer not above it
    most = math.floor(trades * threshold + 1e-9)
    return float(special.bdtrc(most, trades, coin))


def trades_needed(
    baseline: float,
    lift: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> int:
    """Return the trades needed to distinguish baseline + lift from the baseline, one-sided test.

    n = ((z_alpha sqrt(p0 q0) + z_power sqrt(p1 q1)) / lift)^2 x design effect (Fleiss, Levin and
    Paik, Statistical Methods for Rates and Proportions, 2003, ch. 2), rounded up. The exact test
    has slightly less power, because its error rate cannot be met exactly: 0.79 at 617 trades.

    Raises
    ------
    NumberError
        A figure is out of its bounds, or the power is no more than alpha, which needs no trade.

    >>> trades_needed(0.5, 0.05)
    617
    """
    z_alpha, z_power = -_quantile("alpha", alpha), _quantile("power", power)
    _require_above_alpha(power, alpha)
    before, after = _shares(baseline, lift)
    spread = z_alpha * math.sqrt(before * (1 - before)) + z_power * math.sqrt(after * (1 - after))
    return _count("lift", lift, spread / lift, _effect(design_effect))


def power_of(
    trades: int,
    baseline: float,
    lift: float,
    *,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> float:
    """Return the probability that ``trades`` show the lift; the inverse of :func:`trades_needed`.

    Raises
    ------
    NumberError
        A figure is out of its bounds or no number.
    """
    _require_count("trades", trades)
    z_alpha = -_quantile("alpha", alpha)
    before, after = _shares(baseline, lift)
    root = math.sqrt(trades / _effect(design_effect))
    reach = lift * root - z_alpha * math.sqrt(before * (1 - before))
    return float(special.ndtr(reach / math.sqrt(after * (1 - after))))


def rows_for_gain(
    gain: float,
    sd: float,
    *,
    power: float = 0.8,
    alpha: float = 0.025,
    design_effect: float = 1.0,
) -> int:
    """Return the rows needed to find a mean gain, such as in log loss, with a one-sided test.

    n = ((z_alpha + z_power) sd / gain)^2 x design effect (Cohen 1988, normal approximation),
    rounded up; ``sd`` is the standard deviation of the rows' differences, in the gain's unit.

    Raises
    ------
    NumberError
        A figure is out of its bounds, or the power is no more than alpha, which needs no row.
    """
    z_alpha, z_power = -_quantile("alpha", alpha), _quantile("power", power)
    _require_above_alpha(power, alpha)
    _require_positive("gain", gain)
    _require_positive("sd", sd)
    return _count("gain", gain, (z_alpha + z_power) * sd / gain, _effect(design_effect))


def power_for_gain(
    rows: int, gain: float, sd: float, *, alpha: float = 0.025, design_effect: float = 1.0
) -> float:
    """Return the probability of finding a mean gain; the inverse of :func:`rows_for_gain`.

    Raises
    ------
    NumberError
        A figure is out of its bounds or no number.
    """
    _require_count("rows", rows)
    _require_positive("gain", gain)
    _require_positive("sd", sd)
    reach = gain * math.sqrt(rows / _effect(design_effect)) / sd
    return float(special.ndtr(reach + _quantile("alpha", alpha)))


def gate(
    correct: int,
    trades: int,
    *,
    threshold: float = 0.55,
    baseline: float = 0.5,
    lift: float = 0.02,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> PowerReport:
    """Return how strong an accuracy is: interval, probability by chance, trades still needed.

    The design effect raises the trades needed and widens the interval. The two probabilities by
    chance assume independent trades and ignore it.

    Raises
    ------
    NumberError
        A figure is out of its bounds; the message names it and the valid values.
    """
    _require_count("trades", trades)
    if not (0 <= correct <= trades and correct == int(correct)):
        raise NumberError("correct", correct, f"give a whole number from 0 to {trades}")
    low, high = _interval(correct, trades, _effect(design_effect))
    needed = trades_needed(baseline, lift, power=power, alpha=alpha, design_effect=design_effect)
    return PowerReport(
        trades=int(trades),
        correct=int(correct),
        accuracy=correct / trades,
        low=low,
        high=high,
        threshold=threshold,
        baseline=baseline,
        lift=lift,
        chance_of_coin=chance_of_coin(trades, threshold),
        chance_of_baseline=chance_of_coin(trades, threshold, baseline),
        needed=needed,
        missing=max(needed - int(trades), 0),
    )


def _interval(correct: int, trades: int, effect: float) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of trades that count 1 / effect each."""
    tail = (1.0 - COVERAGE) / 2.0
    right, wrong = correct / effect, (trades - correct) / effect
    return (
        float(special.betaincinv(right, wrong + 1, tail)) if right else 0.0,
        float(special.betainccinv(right + 1, wrong, tail)) if wrong else 1.0,
    )


def _count(field: str, value: float, errors: float, effect: float) -> int:
    """Return the rows at which the mean is ``errors`` one-row standard errors away; at least 1.

    ``field`` is named in the error if the number is impossibly large.
    """
    errors = max(errors, 0.0)
    rows = errors * errors * effect
    if not rows <= _MOST:
        raise NumberError(field, value, f"needs more than {_MOST:.0e} of them; give a larger one")
    return max(math.ceil(rows), 1)


def _quantile(field: str, share: float) -> float:
    """Return the standard normal quantile of a share; an impossible share is named."""
    _require_share(field, share)
    return float(special.ndtri(share))


def _shares(baseline: float, lift: float) -> tuple[float, float]:
    _require_share("baseline", baseline)
    _require_positive("lift", lift)
    if not baseline + lift < 1:
        raise NumberError("lift", lift, f"with a baseline of {baseline:g} give less than the rest")
    return baseline, baseline + lift


def _require_above_alpha(power: float, alpha: float) -> None:
    if not power > alpha:
        raise NumberError(
            "power", power, f"give more than alpha, {alpha:g}, which chance alone reaches"
        )


def _effect(design_effect: float) -> float:
    if not (math.isfinite(design_effect) and design_effect >= 1):
        raise NumberError("design_effect", design_effect, "give 1 for independent trades, or more")
    return design_effect


def _require_share(field: str, value: float) -> None:
    if not (math.isfinite(value) and 0 < value < 1):
        raise NumberError(field, value, "give a share between 0 and 1, such as 0.55")


def _require_positive(field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise NumberError(field, value, "give a number above 0, such as 0.02")


def _require_count(field: str, value: float) -> None:
    if not (1 <= value <= _MOST and value == int(value)):
        raise NumberError(field, value, f"give a whole number from 1 to {_MOST:.0e}")
