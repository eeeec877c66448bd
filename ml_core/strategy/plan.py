"""A small rule-based opening-range-breakout engine, and what a model may add to it.

At t0 the range is known and its break is not, so a decision is conditional: for each side, whether
an entry at the first 1-minute close beyond that edge is armed, and how large. Only the rules arm;
a model annotates (advisory) or scales the size within their bounds (hybrid, auto).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ml_core.strategy.rules import SIDES, Rules, Side

Use = Literal["none", "annotate", "scale"]
"""What a model is used for: nothing, words beside the order, or its size."""

LEAST_SCALE, MOST_SCALE = 0.5, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """What the rules look at, all known at t0; None where it is missing."""

    opening_range: str
    size_atr: float | None
    share_traded: float | None
    half_day: bool
    roll_day: bool
    body: float | None = None
    relative_volume: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySoFar:
    """The trading day's own trades as known at t0.

    Attributes
    ----------
    trades
        Entered.
    open
        Of them, not resolved yet.
    net_r, net_money
        Net R times size of those resolved, and the same in the market's currency, at one contract
        for size 1.
    """

    trades: int = 0
    open: int = 0
    net_r: float = 0.0
    net_money: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """The model's view of the slot, or why it is left out.

    Attributes
    ----------
    recommends
        The side recommended; None for skip.
    risk_adjustment
        Suggested size against usual.
    expected_net_r, p_up
        As predicted.
    reasons
        In words.
    unheard
        Why it is not listened to; empty if it is.
    """

    recommends: Side | None = None
    risk_adjustment: float = 1.0
    expected_net_r: float | None = None
    p_up: float | None = None
    reasons: tuple[str, ...] = ()
    unheard: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCheck:
    """One rule, its figure, and whether the slot passes it."""

    name: str
    passed: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is armed at t0.

    Attributes
    ----------
    long, short
        Size of each side's entry; 0 where it is not armed.
    checks
        Every rule.
    agreement
        ``agrees``, ``disagrees`` or ``silent``; empty where the model is not asked.
    recommends
        The side the model recommends, if it is heard and recommends one.
    words
        What the model adds, in words.
    """

    long: float
    short: float
    checks: tuple[RuleCheck, ...]
    agreement: str = ""
    recommends: Side | None = None
    words: tuple[str, ...] = ()

    @property
    def armed(self) -> bool:
        """Whether either side is."""
        return self.long > 0 or self.short > 0

    def size(self, side: Side) -> float:
        """Return a side's size."""
        return self.long if side == "long" else self.short


def facts_of(row: Mapping[str, Any]) -> SlotFacts:
    """Return what the rules look at of a row of features, missing ones None or NaN."""

    def number(name: str) -> float | None:
        value = row.get(name)
        return None if value is None or math.isnan(value) else float(value)

    return SlotFacts(
        opening_range=str(row["opening_range"]),
        size_atr=number("range_size_atr14"),
        share_traded=number("minutes_traded"),
        half_day=bool(number("early_close") or 0),
        roll_day=number("days_since_roll") == 0,
        body=number("body"),
        relative_volume=number("volume_against_same_slot"),
    )


def decide(
    rules: Rules, facts: SlotFacts, without: DaySoFar, with_: DaySoFar, model: ModelView
) -> tuple[Plan, Plan]:
    """Decide a slot on both paths: by the rules alone, and with the model's sizes.

    Parameters
    ----------
    rules, facts
        The rules, and what they look at.
    without, with_
        The day so far on each path: other sizes lose and gain other sums.
    model
        What it says.

    Returns
    -------
    tuple of Plan
        Without and with the model. The second arms nothing that the first does not: what the
        rules alone have ended for the day, a smaller loss with the model does not reopen.
    """
    by_rule = by_rules(rules, facts, without)
    own = by_rules(rules, facts, with_)
    if not by_rule.armed:
        own = by_rule
    return by_rule, with_model(rules, own, model, "scale")


def by_rules(rules: Rules, facts: SlotFacts, day: DaySoFar) -> Plan:
    """Decide by the rules alone."""
    rules = rules.for_range(facts.opening_range)
    checks = _checks(rules, facts, day)
    size = rules.base_size if all(check.passed for check in checks) else 0.0
    long, short = (
        size if side in rules.allowed_sides and _of_candle(rules, facts, up) else 0.0
        for side, up in zip(SIDES, (1, -1), strict=True)
    )
    return Plan(long=long, short=short, checks=checks)


def _of_candle(rules: Rules, facts: SlotFacts, up: int) -> bool:
    """Return whether a side is that of the window's own candle, where the rules ask for it."""
    return rules.trade_rule.side == "either" or (facts.body or 0.0) * up > 0


def with_model(rules: Rules, plan: Plan, model: ModelView, use: Use) -> Plan:
    """Add to a plan what the stage lets the model add: nothing, words, or a size within bounds.

    Parameters
    ----------
    rules, plan
        The rules, and what they decided for this path of trades.
    model
        What it says.
    use
        ``none`` gives the plan back unchanged.
    """
    if use == "none":
        return plan
    words = (model.unheard,) if model.unheard else (_model_in_words(model), *model.reasons)
    long, short = plan.long, plan.short
    if use == "scale" and not model.unheard:
        long, short = (
            min(plan.size(side) * _scale(model, side), rules.max_size) for side in SIDES
        )
    return Plan(
        long=long,
        short=short,
        checks=plan.checks,
        agreement=_agreement(plan, model),
        recommends=None if model.unheard else model.recommends,
        words=words,
    )


def _scale(model: ModelView, side: Side) -> float:
    """Return the size factor of a side: the model's for the one it recommends, least otherwise."""
    if model.recommends != side:
        return LEAST_SCALE
    return min(max(model.risk_adjustment, LEAST_SCALE), MOST_SCALE)


def _agreement(plan: Plan, model: ModelView) -> str:
    if model.unheard:
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


def _checks(rules: Rules, facts: SlotFacts, day: DaySoFar) -> tuple[RuleCheck, ...]:
    ranges = rules.allowed_ranges
    share = facts.share_traded
    checks = [
        RuleCheck(
            name="range",
            passed=ranges == "all" or facts.opening_range in ranges,
            words=f"{facts.opening_range}, allowed: "
            + ("all" if ranges == "all" else ", ".join(ranges)),
        ),
        _size_check(rules, facts.size_atr),
        RuleCheck(
            name="minutes traded",
            passed=share is not None and share >= rules.min_share_traded,
            words=("not known" if share is None else f"{share:.0%} of the window")
            + f", at least {rules.min_share_traded:.0%}",
        ),
        RuleCheck(
            name="half-day",
            passed=not (rules.skip_half_days and facts.half_day),
            words="the exchange closes early" if facts.half_day else "an ordinary day",
        ),
        RuleCheck(
            name="roll day",
            passed=not (rules.skip_roll_days and facts.roll_day),
            words="the contract changed today" if facts.roll_day else "the contract of yesterday",
        ),
        *_candle_check(rules, facts.body),
        *_volume_check(rules, facts.relative_volume),
        *_day_checks(rules, day),
    ]
    return tuple(checks)


def _candle_check(rules: Rules, body: float | None) -> tuple[RuleCheck, ...]:
    """Check that the window closed away from its open, where the rules trade that side alone."""
    if rules.trade_rule.side == "either":
        return ()
    way = (
        "not known"
        if body is None
        else "up"
        if body > 0
        else "down"
        if body < 0
        else "at its open"
    )
    return (RuleCheck(name="first candle", passed=bool(body), words=f"the range closed {way}"),)


def _volume_check(rules: Rules, volume: float | None) -> tuple[RuleCheck, ...]:
    """Check the window's volume against its own past, where the rules ask for it."""
    least = rules.min_relative_volume
    if not least:
        return ()
    words = "not known" if volume is None else f"{volume:.2f} of the ten days before"
    return (
        RuleCheck(
            name="relative volume",
            passed=volume is not None and volume >= least,
            words=f"{words}, at least {least:g}",
        ),
    )


def _size_check(rules: Rules, size: float | None) -> RuleCheck:
    """Check the range's height against its bounds; an unknown one passes only without bounds."""
    low, high = rules.min_size_atr, rules.max_size_atr
    allowed = f"allowed {low:g} to {high:g}" if high is not None else f"at least {low:g}"
    if size is None:
        return RuleCheck(
            name="size", passed=not low and high is None, words=f"not known, {allowed}"
        )
    return RuleCheck(
        name="size",
        passed=low <= size and (high is None or size <= high),
        words=f"{size:.3f} ATR, {allowed}",
    )


def _day_checks(rules: Rules, day: DaySoFar) -> tuple[RuleCheck, ...]:
    return (
        RuleCheck(
            name="one position",
            passed=not (rules.one_position and day.open),
            words=f"{day.open} open",
        ),
        RuleCheck(
            name="trades of the day",
            passed=day.trades < rules.max_trades_per_day,
            words=f"{day.trades} so far, at most {rules.max_trades_per_day}",
        ),
        RuleCheck(
            name="daily loss",
            passed=day.net_r > -rules.daily_loss_limit_r,
            words=f"{day.net_r:+.2f} R so far, stops at {-rules.daily_loss_limit_r:g} R",
        ),
        *_money_check(rules.daily_loss_limit_money, day.net_money),
    )


def _money_check(limit: float | None, net: float) -> tuple[RuleCheck, ...]:
    if limit is None:
        return ()
    return (
        RuleCheck(
            name="daily loss in money",
            passed=net > -limit,
            words=f"{net:+.2f} a contract so far, stops at {-limit:g}",
        ),
    )


def may_enter(rules: Rules, day: DaySoFar) -> bool:
    """Return whether an armed entry is still allowed at the moment of the break."""
    return all(day_check.passed for day_check in _day_checks(rules, day))
