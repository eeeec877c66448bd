"""Explain why a slot was not recommended, and what would have had to be different."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_core.decision.entry import Outputs
from ml_core.learning.predictions.prediction import NoveltyScore, Prediction
from monitoring.gate import Gate

if TYPE_CHECKING:
    from ml_core.strategy.rules import Side

REASONS = {
    "missed": "no prediction was made in time",
    "stale_data": "the bars up to the last minute of the window did not arrive in time",
    "holiday": "the exchange was closed that day",
    "exchange_closed": "the exchange was closed at that time",
    "no_model": "no version was registered",
    "model_unusable": "the version's files differ from those registered",
    "off": "predictions were switched off (`orbcast rollout`)",
    "model_expired": "the version is past its maximum age",
    "market_changed": "the version was trained on another definition of the market",
    "novel_input": "the range is unlike anything the version was trained on",
    "no_bars": "no minute of the window traded",
    "no_contract": "no contract was chosen for the day",
    "zero_size": "the range had no height",
}
_EVEN_ODDS = 0.5
_REMEDIES = {
    "model_expired": "a newer version: `orbcast run nightly-retrain` makes one",
    "market_changed": "a version trained on the current market file: `orbcast run "
    "nightly-retrain` makes one; or restore the file (`orbcast market check`)",
    "model_unusable": "an intact version: `orbcast models verify` names them",
    "no_model": "a version: `orbcast run nightly-retrain` makes one",
}


def why_not(reason: str | None) -> str:
    """Return in words why a slot has no prediction, and what would help, if anything.

    >>> why_not("no_model")
    'no version was registered; needed: a version: `orbcast run nightly-retrain` makes one'
    """
    words = REASONS.get(reason or "", reason or "no reason is recorded")
    remedy = _REMEDIES.get(reason or "")
    return f"{words}; needed: {remedy}" if remedy else words


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An explained prediction.

    Attributes
    ----------
    verdict
        The result in one plain sentence.
    gates
        The conditions of a recommendation, in order; the first one not met decides.
    reasons
        What moved the predicted direction, in words, as logged.
    """

    verdict: str
    gates: tuple[Gate, ...]
    reasons: tuple[str, ...]


def explain(
    *,
    status: str,
    reason: str | None,
    recommendation: str | None,
    late: bool,
    outputs: Outputs,
    rules: tuple[Gate, ...] = (),
) -> Explanation:
    """Explain a logged prediction from its ledger row alone.

    Parameters
    ----------
    status, reason, recommendation, late, outputs
        The fields of the ledger row.
    rules
        The gates of the strategy's rules for the slot; they decide what is armed, whatever is
        recommended.
    """
    prediction = outputs.prediction
    if status != "predicted" or prediction is None:
        why = REASONS.get(reason or "", str(reason).replace("_", " "))
        detail = f" ({outputs.detail})" if outputs.detail else ""
        gate = Gate(
            name="prediction",
            passed=False,
            words=f"none: {why}{detail}",
            change=_REMEDIES.get(reason or "", ""),
        )
        if prediction is not None and prediction.novelty is not None:
            gate = novelty_gate(prediction.novelty, answered=False)
        return Explanation(
            verdict=f"No prediction was made: {why}.", gates=(gate, *rules), reasons=()
        )
    worth = _worth(prediction)
    gates = (
        Gate(name="prediction", passed=True, words="late" if late else "in time"),
        novelty_gate(prediction.novelty, answered=True),
        worth,
        _breaker(outputs),
    )
    wrong = next((gate for gate in gates if not gate.passed), None)
    unarmed = next((rule for rule in rules if not rule.passed), None)
    if wrong is None:
        verdict = f"{str(recommendation).capitalize()} was recommended: {worth.words}."
    else:
        verdict = f"Nothing was recommended: {wrong.words}."
    if unarmed is not None:
        verdict += f" The rules armed nothing: {unarmed.name}, {unarmed.words}."
    words = tuple(reason.words for reason in prediction.reasons)
    if prediction.models is not None:
        words = (*words, f"predicted by: {prediction.answered_by}")
    return Explanation(verdict=verdict, gates=(*gates, *rules), reasons=words)


def rule_gates(checks: Iterable[Mapping[str, Any]]) -> tuple[Gate, ...]:
    """Return the checks of a recorded decision as gates."""
    return tuple(
        Gate(
            name=f"rule: {check['name']}",
            passed=bool(check["passed"]),
            words=str(check["words"]),
            change="" if check["passed"] else f"{check['words'].rpartition(', ')[2]}",
        )
        for check in checks
    )


def novelty_gate(score: NoveltyScore | None, *, answered: bool) -> Gate:
    """Return the gate for whether the row resembles the version's training data.

    Parameters
    ----------
    score
        The score in the ledger; None for a version that cannot measure it.
    answered
        Whether there is a prediction; a novel row may still be predicted, and this says why.
    """
    name = "like the training data"
    if score is None:
        return Gate(name=name, passed=True, words="not judged: the version has no measure of it")
    limit = score.threshold
    words = f"dissimilarity {score.dissimilarity:.2f}, at most {limit:.2f}"
    if not score.novel:
        return Gate(name=name, passed=True, words=words)
    words += f"; farthest from the nearest training row in {', '.join(score.words)}"
    if answered:
        why = "the corridor uses only the range itself"
        if score.too_many_silenced:
            why = "too many recent slots had no prediction for this reason"
        return Gate(name=name, passed=True, words=f"{words}; predicted anyway, since {why}")
    return Gate(
        name=name, passed=False, words=words, change=f"a dissimilarity of {limit:.2f} or less"
    )


def _worth(prediction: Prediction) -> Gate:
    """Return the gate for whether the likelier side's expected net R is above 0."""
    side: Side = "long" if prediction.p_up_given_break >= _EVEN_ODDS else "short"
    other: Side = "short" if side == "long" else "long"
    p = prediction.p_up_given_break
    likelier = p if side == "long" else 1.0 - p
    expected = prediction.side(side).expected_net_r
    words = (
        f"the likelier break, {side} ({likelier:.1%}), had an expected result of "
        f"{expected:+.3f} R net"
    )
    change = "" if expected > 0 else _least_change(prediction, side, other)
    return Gate(name="worth taking", passed=expected > 0, words=words, change=change)


def _least_change(prediction: Prediction, side: Side, other: Side) -> str:
    """Return the smallest changes that would have lifted the expected net R above 0.

    The ensemble is the mean of the R model's figure and of one that rises with P(win), at the rate
    of a win's worth. So either P(win) must rise by -2 expected / worth, or the R model's figure by
    -2 expected.
    """
    view = prediction.side(side)
    missing = -2.0 * view.expected_net_r
    # without a time limit, a win is worth reward + 1, and P(win) = 1 / (reward + 1)
    win_worth = view.win_worth or 1.0 / view.baseline_p_win
    needed = view.p_win + missing / win_worth
    chances = (
        f"P(win) of {needed:.1%} instead of {view.p_win:.1%}"
        if needed <= 1.0
        else "no P(win) alone would have sufficed"
    )
    change = (
        f"{chances}; or {view.net_r + missing:+.3f} R from the R model instead of "
        f"{view.net_r:+.3f}"
    )
    theirs = prediction.side(other).expected_net_r
    if theirs > 0:
        change += f"; or the {other} break being the likelier one, expected at {theirs:+.3f} R"
    return change


def _breaker(outputs: Outputs) -> Gate:
    if outputs.breaker is None:
        return Gate(name="breaker", passed=True, words="closed")
    return Gate(
        name="breaker",
        passed=False,
        words=f"the circuit breaker was {outputs.breaker.replace('_', ' ')} "
        f"({outputs.breaker_cause})",
        change="the breaker being closed",
    )
