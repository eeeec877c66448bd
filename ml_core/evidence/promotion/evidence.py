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
        Chance allowed of promoting what has no skill, with all looks and trials counted.
    fewest_seeds
        Training seeds that must agree.
    material
        A year's rise in log loss from which it counts as worse.
    year_rows, fewest_of_a_year
        Breaks from which a year is judged by its estimate, and by its interval, alone.
    worth
        Smallest gain in log loss that is worth having: n must suffice to find it.
    lift
        Smallest lift in accuracy spoken of beside it.
    power
        Chance of finding it.
    margin
        Rise in log loss within which a refit counts as not worse.
    fewest_trades
        Trades from which an interval of net R is believed.
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
    """What is known of a challenger; None means not known.

    Attributes
    ----------
    recipe, recipe_hash
        The challenger's.
    comparisons
        Against the corridor baseline, and against the champion where that is another.
    against_wanted
        Names of the others it must be compared with.
    calibration
        Its calibration error on unseen rows, and the limit for so many.
    lookahead_clean
        Whether the look-ahead audit found nothing.
    signal_found
        Whether the recipe found a signal injected into the very same rows.
    trials
        Questions asked of this family of markets so far, this one included.
    families
        Families of markets that were asked any, this one included.
    live
        Against the champion on the ledger's live rows; None before there are any.
    net_r, trades
        Net R a trade following the recommendation on unseen rows, and how many.
    correct, baseline_accuracy
        Unseen breaks whose direction was said right, and the corridor's share of the same.
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
    """One condition of the rule: its state, in words, with its figures."""

    name: str
    status: Status
    words: str
    figures: dict[str, Any] = field(default_factory=dict)


def comparison_with(evidence: Evidence, name: str) -> Comparison | None:
    """Return the comparison against a named other; None if it was not made."""
    return next(
        (comparison for comparison in evidence.comparisons if comparison.against == name), None
    )
