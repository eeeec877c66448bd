"""The conditions of the promotion rule; given evidence, each holds, fails or is unknown."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ml_core.evidence.calibration_check import CALIBRATION_LEVEL
from ml_core.evidence.comparison import JUDGED_BY, Change, Comparison
from ml_core.evidence.power import PowerReport, gate, rows_for_gain
from ml_core.evidence.promotion.evidence import (
    Condition,
    Evidence,
    Policy,
    Status,
    comparison_with,
)
from ml_core.evidence.promotion.trial_cost import TrialCost, trial_cost
from ml_core.evidence.rule_power import power_of_rule, rows_for_rule
from ml_core.json_values import json_values


def better_in_every_comparison(evidence: Evidence) -> list[Condition]:
    """Require the whole interval of every metric to be better, in every wanted comparison."""
    conditions = []
    for name in evidence.against_wanted:
        comparison = comparison_with(evidence, name)
        if comparison is None:
            words = f"not compared with {name} on unseen rows yet; run orbcast evaluate"
            conditions.append(Condition(name=f"better than {name}", status="unknown", words=words))
            continue
        changes = {change.metric: change for change in comparison.changes}
        conditions += [
            _improved(metric.name, changes.get(metric.name), comparison) for metric in JUDGED_BY
        ]
    if not evidence.against_wanted:
        conditions.append(
            Condition(name="better", status="unknown", words="nothing to compare with")
        )
    return conditions


def _improved(metric: str, change: Change | None, comparison: Comparison) -> Condition:
    name = f"{metric.replace('_', ' ')} better than {comparison.against}"
    if change is None:
        return Condition(name=name, status="unknown", words="not compared by this metric")
    better = change.better
    interval = change.interval
    status: Status = "unknown" if better is None else "holds" if better else "fails"
    words = (
        f"{metric.replace('_', ' ')} changes by {interval.estimate:+.4f}, 95 % interval "
        f"{interval.low:+.4f} to {interval.high:+.4f}, n = {interval.rows:,} on "
        f"{interval.days:,} days"
    )
    if better is None:
        words = "a figure is missing or not a number"
    return Condition(
        name=name,
        status=status,
        words=words,
        figures={**asdict(interval), "smaller_is_better": change.smaller_is_better},
    )


def calibrated(evidence: Evidence) -> Condition:
    """Require a calibration error that a perfect forecaster could show with as many rows."""
    name, check = "calibration", evidence.calibration
    if check is None or not (math.isfinite(check.ece) and check.ece >= 0):
        return Condition(name=name, status="unknown", words="calibration error not known")
    words = (
        f"calibration error {check.ece:.3f}, at most {check.at_most:.3f} with {check.rows:,} "
        f"breaks; a perfect forecaster shows {check.by_chance:.3f} on average, more than the "
        f"limit one time in {1 / CALIBRATION_LEVEL:.0f} or less often"
    )
    status: Status = "holds" if check.ece <= check.at_most else "fails"
    return Condition(name=name, status=status, words=words, figures=asdict(check))


def seeds_agree(evidence: Evidence, policy: Policy) -> Condition:
    """Require the model to be better with every training seed, and a minimum number of seeds."""
    name = "seeds agree"
    if not _complete(evidence):
        return Condition(name=name, status="unknown", words="not every comparison was made")
    changes = {comparison.against: list(comparison.seeds) for comparison in evidence.comparisons}
    fewest = min(len(change) for change in changes.values())
    figures = {"log_loss_change": changes, "at_least": policy.fewest_seeds}
    if fewest < policy.fewest_seeds:
        words = f"{fewest} training seeds, at least {policy.fewest_seeds} must agree"
        return Condition(name=name, status="unknown", words=words, figures=figures)
    all_changes = [value for values in changes.values() for value in values]
    if not all(map(math.isfinite, all_changes)):
        return Condition(name=name, status="unknown", words="a seed has no figure")
    agree = all(value < 0 for value in all_changes)
    lowest, highest = min(all_changes), max(all_changes)
    span = f"log loss changes by {lowest:+.4f} to {highest:+.4f} over {fewest} seeds"
    return Condition(name=name, status="holds" if agree else "fails", words=span, figures=figures)


def no_year_worse(evidence: Evidence, policy: Policy) -> Condition:
    """Require that no calendar year is materially worse."""
    name = "no year worse"
    if not _complete(evidence):
        return Condition(name=name, status="unknown", words="not every comparison was made")
    worse, figures = [], {}
    for comparison in evidence.comparisons:
        if not comparison.years:
            words = f"no year was compared with {comparison.against}"
            return Condition(name=name, status="unknown", words=words)
        for year in comparison.years:
            interval = year.interval
            if not math.isfinite(interval.estimate):
                return Condition(name=name, status="unknown", words=f"{year.year} has no figure")
            figures[f"{comparison.against} {year.year}"] = interval.estimate
            judged = interval.rows >= policy.year_rows
            clear = interval.above_zero and interval.rows >= policy.fewest_of_a_year
            if clear or (judged and interval.estimate > policy.material):
                worse.append(
                    f"{year.year} by {interval.estimate:+.4f} against {comparison.against}"
                )
    words = "; ".join(worse) if worse else f"none by more than {policy.material:g} in log loss"
    return Condition(name=name, status="fails" if worse else "holds", words=words, figures=figures)


def enough_rows(evidence: Evidence, policy: Policy) -> Condition:
    """Check that the whole rule would probably find the smallest gain worth having.

    A gain found with fewer rows counts: the significance levels hold at any number of rows, and
    the number is required only to tell "no" from "not yet". But below the rows that one plain
    interval needs nothing is promoted, whatever they show. That number assumes that the variance
    of a log likelihood ratio is about twice its mean.
    """
    name = "enough rows"
    if not _complete(evidence):
        return Condition(name=name, status="unknown", words="not every comparison was made")
    fewest = min(evidence.comparisons, key=lambda comparison: comparison.rows)
    least = rows_for_gain(
        policy.worth,
        math.sqrt(2.0 * policy.worth),
        power=policy.power,
        alpha=policy.alpha / 2.0,
    )
    cost = cost_of_trials(evidence, policy)
    paid_for = 1 if cost is None else cost.paid_for
    needed = rows_for_rule(policy.worth, paid_for, policy.power)
    power = power_of_rule(fewest.rows, policy.worth, paid_for)
    suffices = needed.rows is not None and fewest.rows >= needed.rows
    conditions = (trials_paid_for, valid_at_any_look)
    states = {condition(evidence, policy).status for condition in conditions}
    all_hold = states == {"holds"}
    status: Status = "unknown" if "unknown" in states else "fails"
    too_few = fewest.rows < least
    if too_few:
        status = "fails"
    elif suffices or all_hold:
        status = "holds"
    words = (
        f"{fewest.rows:,} unseen breaks; this rule finds a gain of {policy.worth:g} "
        f"{policy.power:.0%} of the time with {needed.words}, {power:.0%} of the time with these"
    )
    if too_few:
        words += f"; nothing is promoted below {least:,}"
    elif not suffices:
        words += "; found with fewer" if all_hold else ": more are needed to decide"
    figures: dict[str, Any] = {
        "rows": fewest.rows,
        "needed": needed.rows,
        "needed_error": needed.error,
        "least": least,
        "gain": policy.worth,
        "power": policy.power,
        "power_now": power,
    }
    accuracy = _accuracy(evidence, fewest.rows, policy)
    if accuracy is not None:
        words += f". {accuracy.words}"
        figures["accuracy"] = json_values(accuracy)
    return Condition(name=name, status=status, words=words, figures=figures)


def _accuracy(evidence: Evidence, rows: int, policy: Policy) -> PowerReport | None:
    """Describe the accuracy for the reader; the rule itself uses log loss."""
    baseline = evidence.baseline_accuracy
    if evidence.correct is None or baseline is None or not 0 < baseline < 1 - policy.lift:
        return None
    return gate(
        evidence.correct,
        max(rows, evidence.correct),
        baseline=baseline,
        lift=policy.lift,
        power=policy.power,
        alpha=policy.alpha,
    )


def fact_holds(name: str, fact: bool | None, yes: str, no: str) -> Condition:
    """Turn a fact, which may be unknown, into a condition."""
    if fact is None:
        return Condition(name=name, status="unknown", words="not run")
    return Condition(name=name, status="holds" if fact else "fails", words=yes if fact else no)


def trials_paid_for(evidence: Evidence, policy: Policy) -> Condition:
    """Require a gain that is significant after correction for all questions asked (Sidak 1967)."""
    name, cost = "trials paid for", cost_of_trials(evidence, policy)
    if cost is None:
        words = "the number of questions tested is unknown"
        return Condition(name=name, status="unknown", words=words)
    zs = [change.z for comparison in evidence.comparisons for change in comparison.changes]
    if not _complete(evidence) or not zs or not all(map(math.isfinite, zs)):
        return Condition(name=name, status="unknown", words="a difference has no figure")
    words = (
        f"{cost.counted}: {cost.z_wanted:.2f} standard errors needed, the lowest is {min(zs):.2f}"
    )
    return Condition(
        name=name,
        status="holds" if min(zs) >= cost.z_wanted else "fails",
        words=words,
        figures={
            "trials": cost.questions,
            "families": cost.families,
            "z_wanted": cost.z_wanted,
            "z_least": min(zs),
        },
    )


def cost_of_trials(evidence: Evidence, policy: Policy) -> TrialCost | None:
    """Return the cost of the questions asked so far; None if their number is not known."""
    if evidence.trials is None or evidence.trials < 1:
        return None
    return trial_cost(evidence.trials, max(evidence.families, 1), policy)


def valid_at_any_look(evidence: Evidence, policy: Policy) -> Condition:
    """Require an e-value large enough after correction for repeated looks and many trials."""
    name = "valid at any look"
    cost = cost_of_trials(evidence, policy)
    wanted = 1.0 / policy.alpha if cost is None else cost.e_wanted
    values = {comparison.against: comparison.e_value for comparison in evidence.comparisons}
    figures = {"e_values": values, "wanted": wanted}
    if not _complete(evidence) or not all(map(math.isfinite, values.values())):
        return Condition(
            name=name, status="unknown", words="an e-value is not known", figures=figures
        )
    least = min(values.values())
    return Condition(
        name=name,
        status="holds" if least >= wanted else "fails",
        words=f"e-value {least:.3g}, {wanted:g} needed, so that it may be checked often",
        figures=figures,
    )


def live_record(evidence: Evidence, policy: Policy) -> Condition:
    """Refuse a challenger shown to be worse by its live record, valid at any number of checks."""
    name, live = "live record", evidence.live
    if live is None:
        words = "no live rows of both yet; no contradiction"
        return Condition(name=name, status="holds", words=words, figures={"rows": 0})
    figures = {"rows": live.rows, "e_better": live.e_value, "e_worse": live.e_worse}
    if not math.isfinite(live.e_worse):
        return Condition(name=name, status="unknown", words="no figure", figures=figures)
    worse = live.e_worse >= 1.0 / policy.alpha
    verdict = "the challenger is worse live" if worse else "no contradiction"
    words = f"{live.rows:,} live breaks of both: {verdict}, e-value of worse {live.e_worse:.3g}"
    return Condition(name=name, status="fails" if worse else "holds", words=words, figures=figures)


def not_worse(comparison: Comparison | None, against: str, policy: Policy) -> Condition:
    """Require a refit whose log loss is not materially worse."""
    name = f"not worse than {against}"
    change = None
    if comparison is not None:
        change = next(
            (
                metric_change
                for metric_change in comparison.changes
                if metric_change.metric == "log_loss"
            ),
            None,
        )
    if change is None or not change.finite:
        return Condition(name=name, status="unknown", words="not compared on common rows")
    interval = change.interval
    words = (
        f"log loss changes by {interval.estimate:+.4f}, upper end {interval.high:+.4f}, at most "
        f"{policy.margin:+g}, n = {interval.rows:,}"
    )
    return Condition(
        name=name,
        status="holds" if interval.high <= policy.margin else "fails",
        words=words,
        figures=asdict(interval),
    )


def net_r_above_zero(evidence: Evidence, policy: Policy) -> Condition:
    """Require the whole interval of net R to be above 0, over enough trades."""
    name, net_r = "net R above 0", evidence.net_r
    if net_r is None or evidence.trades < policy.fewest_trades:
        words = f"{evidence.trades} recommended trades, too few to judge money"
        return Condition(name=name, status="unknown", words=words)
    if not all(map(math.isfinite, (net_r.estimate, net_r.low, net_r.high))):
        return Condition(name=name, status="unknown", words="net R is not known")
    words = (
        f"{net_r.estimate:+.3f} R net a trade, 95 % interval {net_r.low:+.3f} to "
        f"{net_r.high:+.3f}, {evidence.trades:,} trades"
    )
    return Condition(
        name=name,
        status="holds" if net_r.above_zero else "fails",
        words=words,
        figures=asdict(net_r),
    )


def _complete(evidence: Evidence) -> bool:
    """Return whether every wanted comparison was made."""
    have = {comparison.against for comparison in evidence.comparisons}
    return bool(evidence.against_wanted) and set(evidence.against_wanted) <= have
