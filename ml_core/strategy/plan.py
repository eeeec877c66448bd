"""A small rule-based opening-range-breakout engine, and how a model can add to it.

At t0 the range is known but its breakout is not, so a decision is conditional: for each side,
whether an entry at the first 1-minute close beyond that edge is armed, and with what size. Only
the rules arm; a model annotates (advisory) or scales the size within the rules' bounds (hybrid,
auto).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from ml_core.json_values import OMIT_DEFAULT
from ml_core.strategy.account.sizing import contracts_for
from ml_core.strategy.account.standing import AccountPlan, AccountSide, AccountStanding
from ml_core.strategy.blackout import NoEntry
from ml_core.strategy.checks import DaySoFar, RuleCheck, SlotFacts, no_entry, slot_checks
from ml_core.strategy.rules import SIDES, SIGN_OF, Rules, Side

Use = Literal["none", "annotate", "scale"]
"""What a model is used for: nothing, a note on the order, or its size."""

LEAST_SCALE, MOST_SCALE = 0.5, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """The model's view of the slot, or why it is ignored.

    Attributes
    ----------
    recommends
        The side recommended; None for skip.
    risk_adjustment
        Suggested size relative to the usual.
    expected_net_r, p_up
        As predicted.
    reasons
        The reasons, as text.
    why_unused
        Why the model is ignored; empty if it is used.
    """

    recommends: Side | None = None
    risk_adjustment: float = 1.0
    expected_net_r: float | None = None
    p_up: float | None = None
    reasons: tuple[str, ...] = ()
    why_unused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The entries armed at t0.

    Attributes
    ----------
    long, short
        Size of each side's entry; 0 if it is not armed.
    checks
        The result of every rule.
    agreement
        ``agrees``, ``disagrees`` or ``silent``; empty if the model is not used.
    recommends
        The side the model recommends, if it is used and recommends one.
    words
        The model's note, as text.
    no_entry
        Periods around news, known at t0, in which nothing is entered.
    account
        What the trader's account allows; None if no account is named.
    """

    long: float
    short: float
    checks: tuple[RuleCheck, ...]
    agreement: str = ""
    recommends: Side | None = None
    words: tuple[str, ...] = ()
    no_entry: tuple[NoEntry, ...] = ()
    account: AccountPlan | None = field(default=None, metadata=OMIT_DEFAULT)

    @property
    def armed(self) -> bool:
        """Whether either side is armed."""
        return self.long > 0 or self.short > 0

    def size(self, side: Side) -> float:
        """Return a side's size."""
        return self.long if side == "long" else self.short

    def allowed(self, side: Side) -> AccountSide | None:
        """Return what the account allows on a side; None if no account is named."""
        return None if self.account is None else self.account.of(side)

    def closed_by(self, moment: datetime) -> NoEntry | None:
        """Return the period without entry that contains a time; None if there is none."""
        return next((one for one in self.no_entry if one.holds_at(moment)), None)


def decide(
    rules: Rules, facts: SlotFacts, without: DaySoFar, with_: DaySoFar, model: ModelView
) -> tuple[Plan, Plan]:
    """Decide a slot on both paths: by the rules alone, and with the model's sizes.

    Parameters
    ----------
    rules, facts
        The rules, and the facts they check.
    without, with_
        The day so far on each path; they differ because sizes differ.
    model
        The model's view.

    Returns
    -------
    tuple of Plan
        Without and with the model. The second arms nothing that the first does not: if the rules
        alone have ended the day, a smaller loss with the model does not reopen it.
    """
    by_rule = by_rules(rules, facts, without)
    own = by_rules(rules, facts, with_)
    if not by_rule.armed:
        own = by_rule
    return by_rule, with_model(rules, own, model, "scale")


def by_rules(rules: Rules, facts: SlotFacts, day: DaySoFar) -> Plan:
    """Decide by the rules alone."""
    rules = rules.for_range(facts.opening_range)
    checks = slot_checks(rules, facts, day)
    size = rules.base_size if all(check.passed for check in checks) else 0.0
    long, short = (
        size if side in rules.allowed_sides and _of_candle(rules, facts, side) else 0.0
        for side in SIDES
    )
    return Plan(long=long, short=short, checks=checks, no_entry=no_entry(rules, facts))


def _of_candle(rules: Rules, facts: SlotFacts, side: Side) -> bool:
    """Return whether a side is that of the window's own candle, if the rules require it."""
    return rules.trade_rule.side == "either" or (facts.body or 0.0) * SIGN_OF[side] > 0


def with_model(rules: Rules, plan: Plan, model: ModelView, use: Use) -> Plan:
    """Add to a plan what the stage allows: nothing, a note, or a size within bounds.

    Parameters
    ----------
    rules, plan
        The rules, and their plan for this path of trades.
    model
        The model's view.
    use
        ``none`` returns the plan unchanged.
    """
    if use == "none":
        return plan
    words = (model.why_unused,) if model.why_unused else (_model_in_words(model), *model.reasons)
    long, short = plan.long, plan.short
    if use == "scale" and not model.why_unused:
        long, short = (
            min(plan.size(side) * _scale(model, side), rules.max_size) for side in SIDES
        )
    return Plan(
        long=long,
        short=short,
        checks=plan.checks,
        agreement=_agreement(plan, model),
        recommends=None if model.why_unused else model.recommends,
        words=words,
        no_entry=plan.no_entry,
    )


def within_account(
    plan: Plan, standing: AccountStanding, stops: Mapping[Side, float], currency: str
) -> Plan:
    """Return a plan with the contracts an account allows; none that could break a limit.

    A side without a contract is not armed; the check ``account`` gives the reason, in money.

    Parameters
    ----------
    plan
        The plan as decided by the rules and scaled by the model.
    standing
        The account's standing on the plan's trading day.
    stops
        Money that one contract of each armed side loses at its stop, including costs.
    currency
        Currency of that money.
    """
    sides = []
    for side in (side for side in SIDES if plan.size(side)):
        sizing = contracts_for(
            standing.account,
            standing.state,
            size=plan.size(side),
            risk=stops[side],
            at_risk=standing.at_risk,
        )
        refusal = sizing.refusal
        sides.append(
            AccountSide(
                side=side,
                contracts=sizing.contracts,
                stop=stops[side],
                limit=sizing.limit if refusal is None else refusal.limit,
                room=sizing.room,
                refused=refusal.words(currency) if refusal else "",
            )
        )
    account = AccountPlan(
        account=standing.account.name,
        currency=currency,
        source=standing.source,
        trades=standing.trades,
        balance=standing.state.balance,
        open_risk=standing.at_risk.every,
        sides=tuple(sides),
        limits=standing.limits,
    )
    check = RuleCheck(
        name="account",
        passed=any(one.contracts for one in sides),
        words="; ".join(map(_side_in_words, sides)),
    )
    allowed = {one.side for one in sides if one.contracts}
    long, short = (plan.size(side) if side in allowed else 0.0 for side in SIDES)
    checks = (*plan.checks, check) if sides else plan.checks
    return replace(plan, long=long, short=short, checks=checks, account=account)


def _side_in_words(one: AccountSide) -> str:
    if one.refused:
        return f"{one.side} refused: {one.refused}"
    return f"{one.side} {one.contracts} {'contract' if one.contracts == 1 else 'contracts'}"


def _scale(model: ModelView, side: Side) -> float:
    """Return a side's size factor: the model's if it recommends the side, else the least."""
    if model.recommends != side:
        return LEAST_SCALE
    return min(max(model.risk_adjustment, LEAST_SCALE), MOST_SCALE)


def _agreement(plan: Plan, model: ModelView) -> str:
    if model.why_unused:
        return "silent"
    if not plan.armed:
        return "agrees" if model.recommends is None else "disagrees"
    agrees = model.recommends is not None and plan.size(model.recommends) > 0
    return "agrees" if agrees else "disagrees"


def _model_in_words(model: ModelView) -> str:
    side = model.recommends or "no trade"
    expected = "" if model.expected_net_r is None else f", {model.expected_net_r:+.3f} R expected"
    chance = "" if model.p_up is None else f", UP in {model.p_up:.1%} of breaks"
    return f"the model recommends {side}{expected}{chance}"
