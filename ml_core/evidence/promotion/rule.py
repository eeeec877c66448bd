"""The promotion rule: decides from the evidence whether a challenger becomes champion.

The challenger must be better than the champion and the baselines on the same unseen rows. The
evidence must be valid however often it is checked, because a study can be repeated any night.
Whatever is not known counts as not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ml_core.evidence.promotion.conditions import (
    better_in_every_comparison,
    calibrated,
    cost_of_trials,
    enough_rows,
    fact_holds,
    live_record,
    net_r_above_zero,
    no_year_worse,
    not_worse,
    seeds_agree,
    trials_paid_for,
    valid_at_any_look,
)
from ml_core.evidence.promotion.evidence import (
    POLICY,
    Condition,
    Evidence,
    Policy,
    comparison_with,
)
from ml_core.evidence.promotion.trial_cost import TrialCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision of the rule, with its conditions.

    Attributes
    ----------
    promote
        Whether every condition holds.
    trading_claim
        Whether, in addition, the whole interval of net R is above 0.
    verdict
        One plain sentence.
    conditions
        All conditions, in the order of the rule.
    trading
        The condition behind the trading claim.
    cost
        The questions asked so far, and how much stricter they make the rule; None for a refit and
        where their number is not known.
    """

    promote: bool
    trading_claim: bool
    verdict: str
    conditions: tuple[Condition, ...]
    trading: Condition
    cost: TrialCost | None = None

    @property
    def reasons(self) -> list[str]:
        """One line per failed condition, or per condition if all hold; then the cost."""
        wrong = [condition for condition in self.conditions if condition.status != "holds"]
        given = wrong or list(self.conditions)
        cost = [] if self.cost is None else [self.cost.words]
        return [
            *(f"{condition.name} {condition.status}: {condition.words}" for condition in given),
            *cost,
        ]


def decide(evidence: Evidence, policy: Policy = POLICY) -> Decision:
    """Apply the rule for a new recipe."""
    conditions = better_in_every_comparison(evidence)
    conditions += [
        calibrated(evidence),
        seeds_agree(evidence, policy),
        no_year_worse(evidence, policy),
        enough_rows(evidence, policy),
        fact_holds(
            "look-ahead audit",
            evidence.lookahead_clean,
            "no feature saw the future",
            "a feature saw the future",
        ),
        fact_holds(
            "injected signal",
            evidence.signal_found,
            "the recipe finds a signal planted in the same rows",
            "the recipe misses a signal planted in the same rows: it could not find a real one",
        ),
        trials_paid_for(evidence, policy),
        valid_at_any_look(evidence, policy),
        live_record(evidence, policy),
    ]
    good = f"beats the {' and the '.join(evidence.against_wanted)}"
    return replace(
        _decision(evidence, conditions, policy, good), cost=cost_of_trials(evidence, policy)
    )


def decide_refit(evidence: Evidence, policy: Policy = POLICY) -> Decision:
    """Apply the rule for a refit of the champion's own recipe: valid, and not worse."""
    conditions = [
        fact_holds(
            "look-ahead audit",
            evidence.lookahead_clean,
            "no feature saw the future",
            "a feature saw the future",
        ),
        *(
            not_worse(comparison_with(evidence, name), name, policy)
            for name in evidence.against_wanted
        ),
    ]
    return _decision(evidence, conditions, policy, "is a refit and not worse")


def _decision(
    evidence: Evidence, conditions: list[Condition], policy: Policy, good: str
) -> Decision:
    wrong = [condition for condition in conditions if condition.status != "holds"]
    trading = net_r_above_zero(evidence, policy)
    claim = not wrong and trading.status == "holds"
    if wrong:
        names = ", ".join(f"{condition.name} {condition.status}" for condition in wrong)
        verdict = f"{evidence.recipe} does not pass the promotion rule: {names}."
    else:
        money = trading.words if claim else f"no trading claim, {trading.words}"
        verdict = f"{evidence.recipe} passes the promotion rule: it {good}; {money}."
    return Decision(
        promote=not wrong,
        trading_claim=claim,
        verdict=verdict,
        conditions=tuple(conditions),
        trading=trading,
    )
