"""The input of the promotion rule: the evidence, the policy and the form of a condition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ml_core.evidence.calibration_check import CalibrationCheck
from ml_core.evidence.comparison import Comparison
from ml_core.evidence.intervals import Interval

Status = Literal["holds", "fails", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers of the rule.

    Attributes
    ----------
    alpha
        Allowed probability of promoting a challenger without skill, over all looks and trials.
    fewest_seeds
        Minimum number of training seeds that must agree.
    material
        Rise in a year's log loss from which the year counts as worse.
    year_rows, fewest_of_a_year
        Number of breakouts from which a year is judged by its estimate, and by its interval,
        alone.
    worth
        Smallest gain in log loss worth having; the number of rows must be enough to find it.
    lift
        Smallest lift in accuracy reported next to it.
    power
        Probability of finding it.
    margin
        Rise in log loss within which a refit counts as not worse.
    fewest_trades
        Minimum number of trades for using an interval of net R.
    """

    alpha: float = 0.05
    fewest_seeds: int = 3
    material: float = 0.005
    year_rows: int = 200
    fewest_of_a_year: int = 30
    worth: float = 0.01
    lift: float = 0.02
    power: float = 0.8
    margin: float = 0.005
    fewest_trades: int = 30


POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The facts about a challenger; None means not known.

    Attributes
    ----------
    recipe, recipe_hash
        Name and hash of the challenger's recipe.
    comparisons
        Comparisons with the corridor baseline, and with the champion if that is another.
    against_wanted
        Names of the others it must be compared with.
    calibration
        Its calibration error on unseen rows, and the limit for their number.
    lookahead_clean
        Whether the look-ahead audit found nothing.
    signal_found
        Whether the recipe found a signal injected into the same rows.
    trials
        Number of questions asked of this family of markets so far, including this one.
    families
        Number of families of markets with questions, including this one.
    live
        Comparison with the champion on the ledger's live rows; None before there are any.
    net_r, trades
        Net R per trade when following the recommendation on unseen rows, and number of trades.
    correct, baseline_accuracy
        Number of unseen breakouts with the direction predicted correctly, and the corridor's
        accuracy on the same ones.
    """

    recipe: str
    recipe_hash: str
    comparisons: tuple[Comparison, ...]
    against_wanted: tuple[str, ...]
    calibration: CalibrationCheck | None
    lookahead_clean: bool | None
    signal_found: bool | None
    trials: int | None
    families: int = 1
    live: Comparison | None = None
    net_r: Interval | None = None
    trades: int = 0
    correct: int | None = None
    baseline_accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of the rule: its state and an explanation with figures."""

    name: str
    status: Status
    words: str
    figures: dict[str, Any] = field(default_factory=dict)


def comparison_with(evidence: Evidence, name: str) -> Comparison | None:
    """Return the comparison with the named other; None if it was not made."""
    return next(
        (comparison for comparison in evidence.comparisons if comparison.against == name), None
    )
