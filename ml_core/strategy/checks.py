"""The facts that the rules check when a range closes, and the result of each check."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.market.news import NewsEvent
from ml_core.strategy.blackout import NoEntry, no_entries
from ml_core.strategy.rules import Rules
from ml_core.strategy.trade_rule import AtrStop


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """The facts that the rules check, all known at t0; None if missing.

    ``news`` may hold events that became known later: the rules ignore them.
    """

    opening_range: str
    size_atr: float | None
    share_traded: float | None
    half_day: bool
    roll_day: bool
    body: float | None = None
    relative_volume: float | None = None
    decided: datetime | None = None
    news: tuple[NewsEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySoFar:
    """The trading day's trades, as known at t0.

    Attributes
    ----------
    trades
        Number entered.
    open
        Number of these not resolved yet.
    net_r, net_money
        Net R times size of the resolved trades, and the same in the market's currency, with one
        contract for size 1.
    """

    trades: int = 0
    open: int = 0
    net_r: float = 0.0
    net_money: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCheck:
    """One rule, its figure, and whether the slot passes."""

    name: str
    passed: bool
    words: str


def facts_of(row: Mapping[str, Any]) -> SlotFacts:
    """Return the facts in a row of features; missing values are None or NaN."""

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
        decided=row.get("decision_time"),
        news=tuple(row.get("news", ())),
    )


def slot_checks(rules: Rules, facts: SlotFacts, day: DaySoFar) -> tuple[RuleCheck, ...]:
    """Check a slot against the rules of its range."""
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
        *_stop_check(rules, facts.size_atr),
        *_news_check(rules, facts),
        *day_checks(rules, day),
    ]
    return tuple(checks)


def no_entry(rules: Rules, facts: SlotFacts) -> tuple[NoEntry, ...]:
    """Return the periods around known news in which the rules enter nothing."""
    return no_entries(rules.blackouts, facts.news, facts.decided) if facts.decided else ()


def _news_check(rules: Rules, facts: SlotFacts) -> tuple[RuleCheck, ...]:
    """Check that the range closes outside blackouts; later ones are checked at the breakout."""
    if not rules.blackouts:
        return ()
    decided, near = facts.decided, no_entry(rules, facts)
    held = [one for one in near if decided is not None and one.holds_at(decided)]
    words = "; ".join(one.words for one in held or near) or "none expected"
    return (RuleCheck(name="news", passed=not held, words=words),)


def _candle_check(rules: Rules, body: float | None) -> tuple[RuleCheck, ...]:
    """Check that the window's close differs from its open, if only that side is traded."""
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


def _stop_check(rules: Rules, size_atr: float | None) -> tuple[RuleCheck, ...]:
    """Check that a stop in ATR can be computed, which the range's height in ATR shows."""
    if not isinstance(rules.trade_rule.stop, AtrStop):
        return ()
    words = "the ATR is not known yet" if size_atr is None else "the ATR is known"
    return (RuleCheck(name="stop in ATR", passed=size_atr is not None, words=words),)


def _volume_check(rules: Rules, volume: float | None) -> tuple[RuleCheck, ...]:
    """Check the window's volume against its own past, if the rules require it."""
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
    """Check the range's height against its bounds; an unknown one passes only without any."""
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


def day_checks(rules: Rules, day: DaySoFar) -> tuple[RuleCheck, ...]:
    """Check the day's trades so far against the day's limits."""
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
    """Return whether an armed entry is still allowed at the moment of the breakout."""
    return all(day_check.passed for day_check in day_checks(rules, day))
