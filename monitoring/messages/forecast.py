"""The message of a forecast: the break that is predicted when the range closes."""

from __future__ import annotations

from ml_core.learning.predictions.prediction import Prediction
from ml_core.market.schedule import from_minute
from ml_core.strategy.account.sizing import NAMES
from ml_core.strategy.account.standing import SOURCES
from ml_core.strategy.bracket import Bracket
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import SIDES, Side
from monitoring.explain import why_not
from monitoring.messages.facts import ForecastFacts, Message, PlanFacts
from monitoring.messages.words import (
    BREAKS,
    clock,
    in_subject,
    levels_line,
    limits_in_words,
    money_line,
    planned_copy_line,
    range_line,
    signed_money,
    stage_line,
)
from monitoring.pages.formatting import count_of, percent, points, signed

_MOST_REASONS = 3


def forecast_message(facts: ForecastFacts) -> Message:
    """Write the message of a forecast, or why there is none."""
    prediction = facts.entry.outputs.prediction
    stage = facts.plan.stage
    if facts.entry.status != "predicted" or prediction is None:
        return _no_forecast(facts)
    up, corridor = prediction.p_up_given_break, prediction.baseline_p_up_given_break
    name, share, beside = max(
        ("UP", up, corridor), ("DOWN", 1.0 - up, 1.0 - corridor), key=lambda side: side[1]
    )
    subject = (
        f"{facts.slot}: {name} {percent(share)} (corridor {percent(beside)}), "
        f"{_advice(facts, prediction)}"
    )
    lines = [
        stage_line(stage),
        *_warnings(facts),
        *([range_line(facts.opening_range)] if facts.opening_range else []),
        *_news_lines(facts),
        "",
        (
            f"UP {percent(up)} of breaks, corridor {percent(corridor)} ({points(up - corridor)}); "
            f"no break {percent(prediction.p_none)}"
        ),
    ]
    for side in SIDES:
        own = [bracket for bracket in facts.brackets if bracket.side == side]
        lines += ["", *_side_lines(facts, prediction, side, own)]
    if facts.trade:
        lines += ["", f"The rules' trade: {facts.trade}."]
    if facts.driftless:
        words = facts.driftless.words
        lines.append(f"{words[0].upper()}{words[1:]}.")
    head = "The model recommends" if facts.plan.is_traded else "For the record: the model favours"
    lines += ["", f"{head} {_favoured(prediction)}.", *plan_lines(facts.plan)]
    reasons = facts.entry.outputs.reasons[:_MOST_REASONS]
    if reasons:
        lines += ["Why:", *(f"- {reason.words}" for reason in reasons)]
    return Message(subject=subject, body="\n".join(lines))


def plan_lines(facts: PlanFacts) -> list[str]:
    """Return the trades that the rules allow, or which rule forbids them."""
    plan = facts.plan
    if plan is None:
        return ["The rules made no decision here."]
    verb = "arm" if facts.is_traded else "would arm"
    if plan.armed:
        sizes = " and ".join(
            f"{side} at size {plan.size(side):g}" for side in SIDES if plan.size(side)
        )
        lines = [f"The rules {facts.rules} {verb} {sizes} (1 is your own risk of 1 R)."]
    else:
        failed = "; ".join(
            "the account refuses it" if check.name == "account" else f"{check.name}: {check.words}"
            for check in plan.checks
            if not check.passed
        )
        lines = [f"The rules {facts.rules} {verb} nothing ({failed})."]
    if facts.is_traded and plan.agreement == "silent" and plan.words:
        lines.append(f"They decide without the model: {plan.words[0]}.")
    return [*lines, *_account_lines(plan)]


def _account_lines(plan: Plan) -> list[str]:
    """Return what the trader's account allows of a plan, and what its limits leave."""
    account = plan.account
    if account is None:
        return []
    balance = f"{account.balance:,.2f} {account.currency} by {SOURCES[account.source]}"
    lines = [f"Account {account.account}, {balance}; {limits_in_words(account.limits)}."]
    for one in account.sides:
        if one.refused:
            lines.append(f"Refused, {one.side}: {one.refused}.")
        else:
            contracts = count_of(one.contracts, "contract")
            lost = f"{one.contracts * one.stop:,.2f} {account.currency} at the stop"
            left = f"{NAMES[one.limit]} leaves {one.room or 0.0:,.2f}"
            lines.append(f"Allowed, {one.side}: {contracts}, {lost}; {left}.")
    return lines


def _no_forecast(facts: ForecastFacts) -> Message:
    entry, stage = facts.entry, facts.plan.stage
    why = why_not(entry.reason)
    detail = f" ({entry.outputs.detail})" if entry.outputs.detail else ""
    lines = [f"{why[0].upper()}{why[1:]}{detail}."]
    if facts.opening_range:
        lines.append(range_line(facts.opening_range))
    lines += [*_news_lines(facts), stage_line(stage), *plan_lines(facts.plan)]
    return Message(subject=f"{facts.slot}: no forecast{in_subject(stage)}", body="\n".join(lines))


def _news_lines(facts: ForecastFacts) -> list[str]:
    """Return the coming news, and the times around it at which the rules enter nothing."""
    zone = facts.zone
    named = ", ".join(
        f"{event.name} at {clock(event.time, zone)} ({event.importance})" for event in facts.news
    )
    closed = facts.plan.plan.no_entry if facts.plan.plan is not None else ()
    return [
        *([f"News to come ({zone}): {named}."] if named else []),
        *(
            f"The rules enter nothing from {clock(from_minute(one.first_minute), zone)} to "
            f"{clock(from_minute(one.last_minute), zone)}: {one.event}."
            for one in closed
        ),
    ]


def _favoured(prediction: Prediction) -> str:
    side = prediction.recommendation
    return "neither side" if side == "skip" else f"{BREAKS[side]}, {side}"


def _advice(facts: ForecastFacts, prediction: Prediction) -> str:
    """Return the advice in a few words: by the stage first, then the rules, then the model."""
    plan = facts.plan.plan
    if not facts.plan.is_traded:
        return "not to be traded"
    if plan is None or not plan.armed:
        return "the rules arm nothing"
    if plan.agreement == "silent" or facts.entry.late or facts.entry.outputs.breaker:
        return "the rules decide without the model"
    side = prediction.recommendation
    if side == "skip":
        return "the model favours neither side"
    if not plan.size(side):
        return f"the rules do not arm {_favoured(prediction)}"
    return f"{_favoured(prediction)} recommended"


def _warnings(facts: ForecastFacts) -> list[str]:
    entry, outputs = facts.entry, facts.entry.outputs
    lines = []
    if entry.late:
        lines.append("LATE: made too long after the close; it is not scored.")
    if outputs.breaker:
        lines.append(
            f"THE CIRCUIT BREAKER IS {outputs.breaker.upper().replace('_', ' ')}"
            f": {outputs.breaker_cause or 'see orbcast breaker status'}."
        )
    if outputs.fallback:
        lines.append(f"A fallback predicted: {outputs.fallback}.")
    if facts.other_label:
        lines.append(
            f"Its probabilities are for the label {facts.other_label}; prices and money below are "
            "by your rules, which trade another one."
        )
    return lines


def _side_lines(
    facts: ForecastFacts, prediction: Prediction, side: Side, brackets: list[Bracket]
) -> list[str]:
    view = prediction.long if side == "long" else prediction.short
    lines = [
        (
            f"{BREAKS[side]}, {side}: P(win) {percent(view.p_win)} (driftless "
            f"{percent(view.baseline_p_win)}), E[net R] {signed(view.expected_net_r, 2)} "
            f"(driftless {signed(view.baseline_net_r, 2)})"
        )
    ]
    if facts.opening_range is None:
        return lines
    instrument = facts.opening_range.instrument
    for bracket in brackets:
        expected = signed_money(instrument, view.expected_net_r * bracket.risk)
        lines += [
            (
                f"{'' if facts.plan.is_traded else 'for the record: '}"
                f"{levels_line(instrument, bracket)}"
            ),
            f"{money_line(instrument, bracket)}; expected {expected}",
        ]
        if facts.plan.is_traded and facts.plan.plan is not None and facts.plan.plan.size(side):
            lines.append(planned_copy_line(facts.opening_range, bracket, facts.plan.plan))
    return lines
