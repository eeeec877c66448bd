"""Texts of the page Today about a slot."""

from __future__ import annotations

from deployments.dashboard.trading_day.summary import RangeSummary, running_r
from ml_core.health.scored_prediction import BREAK_OF
from ml_core.learning.predictions.prediction import NoveltyScore, Prediction
from monitoring.explain import novelty_gate, rule_gates
from monitoring.messages.forecast import plan_lines
from monitoring.messages.trade import entry_lines, settled_lines
from monitoring.pages.formatting import (
    percent,
    percent_or_dash,
    points,
    r_multiple,
    signed_or_dash,
)
from monitoring.pages.markdown import escaped
from registry.ledger.entries import Settled
from tasks.messages.followed_days import FollowedDays, FollowedSlot
from tasks.messages.slot_facts import plan_facts, settled_facts, trade_facts
from tasks.prediction.trading_day import SlotOfDay


def headline(slot: SlotOfDay, became: RangeSummary | None) -> str:
    """Return the recommendation and the result of the rules' trade in a few words."""
    if slot.state == "due":
        return "to come"
    if slot.state != "answered":
        return "no prediction"
    text = slot.answers[0].prediction.recommendation
    sides = {"long": "model: UP", "short": "model: DOWN"}
    words = "; ".join((sides.get(text or "", "skip"), *against(slot)))
    if became is None:
        return words
    r = "" if became.r is None else f" ({r_multiple(became.r)} net)"
    return f"{words}; {became.result}{r}"


def trade_lines(days: FollowedDays, slot: FollowedSlot) -> list[str]:
    """Return what a strategy's trade of a range is by now, as the messages tell it.

    Beside it is the outcome by the model's label, where that counts another trade.
    """
    trade, settled = trade_facts(days, slot), settled_facts(days, slot)
    lines = plan_lines(plan_facts(slot))
    if settled is not None:
        lines = settled_lines(settled)
        if trade is not None and not trade.size:
            lines += plan_lines(trade.plan)
    elif trade is not None:
        lines = entry_lines(trade)
        if trade.size:
            lines.append(f"Open result: {r_multiple(running_r(days, slot))} after costs.")
        else:
            lines += plan_lines(trade.plan)
    outcome, counted = slot.outcome, slot.rules.for_range(slot.entry.opening_range).counted_by
    if outcome is not None and (counted is None or counted.key != slot.entry.label):
        lines.append(
            f"By the model's label ({slot.entry.label}): {outcome.direction}"
            + (
                f", {outcome.outcome.lower()}, {r_multiple(outcome.r_gross)} gross, "
                f"{r_multiple(outcome.r_net)} net."
                if outcome.outcome
                else "."
            )
        )
    return lines


def against(slot: SlotOfDay) -> list[str]:
    """Return the reasons against following the prediction, whatever its value.

    These are lateness, the breaker and the rules.
    """
    entry = slot.answers[0].prediction
    matches = ["late, so not scored"] if entry.late else []
    if entry.outputs.breaker:
        matches.append("the breaker was open")
    if slot.decided is not None and entry.recommendation in BREAK_OF:
        checks = rule_gates(slot.decided.without_model["checks"])
        matches += [f"the rules decline: {gate.words}" for gate in checks if not gate.passed]
    return matches


def probabilities(champion: Settled) -> list[dict[str, str]]:
    """Return P(UP) and P(DOWN) among breaks, of the model and of the corridor."""
    entry = champion.prediction
    if entry.p_up is None or entry.baseline_p_up is None:
        return []
    return [
        {
            "break": name,
            "model": percent(model),
            "corridor": percent(corridor),
            "difference": points(model - corridor),
        }
        for name, model, corridor in (
            ("UP", entry.p_up, entry.baseline_p_up),
            ("DOWN", 1.0 - entry.p_up, 1.0 - entry.baseline_p_up),
        )
    ]


def sides(prediction: Prediction) -> list[dict[str, str]]:
    """Return each side's P(win), P(loss), P(neither in time) and E[net R].

    Also the driftless P(win), and the 80 % interval if one is stated.
    """
    rows = []
    for view, name in ((prediction.long, "UP"), (prediction.short, "DOWN")):
        low, high = view.net_r_low, view.net_r_high
        span = (
            f"{signed_or_dash(low)} to {signed_or_dash(high)}"
            if low is not None and high is not None
            else "none"
        )
        rows.append(
            {
                "if it breaks": name,
                "P(win)": percent_or_dash(view.p_win),
                "driftless": percent_or_dash(view.baseline_p_win),
                "P(loss)": percent_or_dash(view.p_loss),
                "P(neither)": percent_or_dash(view.p_timeout),
                "E[net R]": signed_or_dash(view.expected_net_r),
                "80 % interval": span,
            }
        )
    return rows


def likeness(score: NoveltyScore | None) -> str:
    """Return in words how much the row differed from the training data."""
    gate = novelty_gate(score, answered=True)
    if score is None:
        return f"novelty {gate.words}"
    words = f"like the training data ({gate.words})"
    return f"**un{words}**" if score.novel else words


def agreement(slot: SlotOfDay) -> str:
    """Return the rules' decision, and whether the model agrees with it."""
    if slot.decided is None:
        return "The rules made no decision here."
    model = slot.decided.with_model
    verdict = model.get("agreement")
    # the reasons are shown below
    drawn = {reason.words for reason in slot.answers[0].prediction.outputs.reasons}
    words = "; ".join(one for one in model.get("words") or () if one not in drawn)
    decision = f"Rules: the model {verdict}" if verdict else "Rules: decided without the model"
    return escaped(f"{decision} ({words})." if words else f"{decision}.")
