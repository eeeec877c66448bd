"""Why a version gives no prediction for a slot: one rule per reason; the first match counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ml_core.decision.context import RoleVersion, SlotContext

NO_MODEL = "no_model"
MISSED = "missed"
HOLIDAY = "holiday"
EXCHANGE_CLOSED = "exchange_closed"
OFF = "off"
OTHER_MARKET = "market_changed"
EXPIRED = "model_expired"
UNUSABLE = "model_unusable"
STALE = "stale_data"
NOVEL = "novel_input"

WITHOUT_PREDICTION = frozenset({NO_MODEL, MISSED, OFF})
"""Reasons for which no version was asked."""

_BEHIND = "the bars up to the last minute of the window did not arrive in time"


@dataclass(frozen=True, slots=True)
class Abstention:
    """The typed reason for no prediction, and its detail as text."""

    reason: str
    detail: str | None = None


AbstainRule = Callable[[SlotContext, RoleVersion], Abstention | None]


def missed(context: SlotContext, _version: RoleVersion) -> Abstention | None:
    """Abstain if the time for a live prediction of the slot is over."""
    late = context.made_at > context.slot.decision + context.missed_after
    return Abstention(MISSED) if context.mode == "live" and late else None


def off(context: SlotContext, _version: RoleVersion) -> Abstention | None:
    """Abstain if the market's stage makes no live predictions."""
    return Abstention(OFF) if context.mode == "live" and context.stage == "off" else None


def other_market(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain if the version was trained on another definition of the market."""
    return Abstention(OTHER_MARKET, version.other_market) if version.other_market else None


def expired(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain if the version is too old."""
    return Abstention(EXPIRED, version.expired) if version.expired else None


def damaged(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain if the version's files are not those registered."""
    return Abstention(UNUSABLE, version.damaged) if version.damaged else None


def stale(context: SlotContext, _version: RoleVersion) -> Abstention | None:
    """Abstain if bars of the window may still arrive."""
    return Abstention(STALE, _BEHIND) if context.awaited else None


def unreadable(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain if the version's files are intact but cannot be read."""
    return Abstention(UNUSABLE, version.unreadable) if version.unreadable else None


OF_SLOT: tuple[AbstainRule, ...] = (missed, off)
"""Rules that do not depend on a version: if one matches, nothing more need be read."""

RULES: tuple[AbstainRule, ...] = (*OF_SLOT, other_market, expired, damaged, stale, unreadable)
"""All rules, in order of precedence."""


def abstention(
    context: SlotContext, version: RoleVersion, rules: tuple[AbstainRule, ...] = RULES
) -> Abstention | None:
    """Return why a version gives no prediction for a slot; None if no rule matches."""
    return next((why for rule in rules if (why := rule(context, version))), None)
