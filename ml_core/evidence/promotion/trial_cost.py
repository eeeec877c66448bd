"""The cost of the questions asked so far: how much stricter the rule is than for one question.

Every question is tested at alpha / (families x questions of its family), a Bonferroni share of one
budget. Each family of markets has an equal share of the budget, so that fifty ideas on gold raise
the bar for gold only; within a family every question has an equal share. Bonferroni is used for
two reasons. It holds under any dependence, and the same rows and related markets are strongly
dependent. And it can be applied to one market on one night, while Holm's procedure needs the
evidence of all questions at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml_core.evidence.promotion.evidence import POLICY, Policy
from ml_core.evidence.rule_power import rows_for_rule
from ml_core.on_demand import library

special = library("scipy.special")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCount:
    """The recorded questions that share the allowed probability of a false promotion.

    Attributes
    ----------
    family
        Name of the family of markets.
    markets
        The markets of the family with questions.
    questions
        Distinct questions asked of them, including the judged one.
    families
        Number of families with a recorded question, including this one.
    """

    family: str
    markets: tuple[str, ...]
    questions: int
    families: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCost:
    """The thresholds for this number of questions, and for one question alone.

    Attributes
    ----------
    questions, families, paid_for
        Questions of the family, number of families, and their product, which divides alpha.
    z_wanted, z_alone
        Required standard errors of gain, and those for one question alone.
    e_wanted, e_alone
        The required e-value, and that for one question alone.
    gain, power
        The smallest gain in log loss worth having, and the probability of finding it.
    rows_needed, rows_alone
        Breakouts with which the rule finds it, and those for one question alone; None where more
        are needed than were simulated.
    """

    questions: int
    families: int
    paid_for: int
    z_wanted: float
    z_alone: float
    e_wanted: float
    e_alone: float
    gain: float
    power: float
    rows_needed: int | None
    rows_alone: int | None

    @property
    def counted(self) -> str:
        """The number of questions asked, as text."""
        questions = (
            "1 question tested" if self.questions == 1 else f"{self.questions:,} questions tested"
        )
        if self.families == 1:
            return questions
        return (
            f"{questions} on this family of {self.families:,}, corrected for as {self.paid_for:,}"
        )

    @property
    def words(self) -> str:
        """One sentence with the count and its cost."""
        if self.paid_for == 1:
            return f"{self.counted}: no further correction; {self._rows(self.rows_needed)}"
        return (
            f"{self.counted}: {self.z_wanted:.2f} standard errors and an e-value of "
            f"{self.e_wanted:,.6g} needed, alone {self.z_alone:.2f} and {self.e_alone:,.6g}; "
            f"{self._rows(self.rows_needed)}, alone {_count(self.rows_alone)}"
        )

    def _rows(self, rows: int | None) -> str:
        return f"a gain of {self.gain:g} is found {self.power:.0%} of the time by {_count(rows)}"


def trial_cost(questions: int, families: int, policy: Policy = POLICY) -> TrialCost:
    """Return the cost of this number of questions.

    The standard errors use Sidak's level, two-sided (1967); the e-value uses Ville's inequality
    and the union bound.

    Parameters
    ----------
    questions, families
        At least 1 each.
    policy
        Its ``alpha`` is the allowed probability of any false promotion, over all families and
        questions.
    """
    paid_for = questions * families
    rows = [rows_for_rule(policy.worth, count, policy.power).rows for count in (paid_for, 1)]
    return TrialCost(
        questions=questions,
        families=families,
        paid_for=paid_for,
        z_wanted=z_wanted(paid_for, policy.alpha),
        z_alone=z_wanted(1, policy.alpha),
        e_wanted=e_wanted(paid_for, policy.alpha),
        e_alone=e_wanted(1, policy.alpha),
        gain=policy.worth,
        power=policy.power,
        rows_needed=rows[0],
        rows_alone=rows[1],
    )


def e_wanted(trials: int, alpha: float) -> float:
    """Return the e-value that one of ``trials`` questions must reach."""
    return trials / alpha


def z_wanted(trials: int, alpha: float) -> float:
    """Return the standard errors that one of ``trials`` questions must show (Sidak 1967)."""
    level = -math.expm1(math.log1p(-alpha / 2.0) / trials)
    return -float(special.ndtri(level))


def _count(rows: int | None) -> str:
    return "more breaks than were simulated" if rows is None else f"{rows:,} breaks"
