"""Why a version gives no prediction for a slot: each reason a rule, the first one counts."""

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

NEVER_ASKED = frozenset({NO_MODEL, MISSED, OFF})
"""Reasons for which no version was asked at all."""

_BEHIND = "the bars had not come in up to the last minute of the window"


@dataclass(frozen=True, slots=True)
class Abstention:
    """The typed reason for no prediction, and its detail in words."""

    reason: str
    detail: str | None = None


AbstainRule = Callable[[SlotContext, RoleVersion], Abstention | None]


def missed(context: SlotContext, _version: RoleVersion) -> Abstention | None:
    """Abstain where a live slot's time is over."""
    late = context.made_at > context.slot.decision + context.missed_after
    return Abstention(MISSED) if context.mode == "live" and late else None


def off(context: SlotContext, _version: RoleVersion) -> Abstention | None:
    """Abstain where the market's stage asks for no live prediction."""
    return Abstention(OFF) if context.mode == "live" and context.stage == "off" else None


def other_market(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain where the version was trained on another definition of the market."""
    return Abstention(OTHER_MARKET, version.other_market) if version.other_market else None


def expired(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain where the version is too old."""
    return Abstention(EXPIRED, version.expired) if version.expired else None


def damaged(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain where the version's files are not those registered."""
    return Abstention(UNUSABLE, version.damaged) if version.damaged else None


def stale(context: SlotContext, _version: RoleVersion) -> Abstention | None:
    """Abstain where bars of the window may still be to come."""
    return Abstention(STALE, _BEHIND) if context.awaited else None


def unreadable(_context: SlotContext, version: RoleVersion) -> Abstention | None:
    """Abstain where the version's files are whole and cannot be read."""
    return Abstention(UNUSABLE, version.unreadable) if version.unreadable else None


OF_SLOT: tuple[AbstainRule, ...] = (missed, off)
"""Rules that depend on no version: where one holds nothing more need be read."""

RULES: tuple[AbstainRule, ...] = (*OF_SLOT, other_market, expired, damaged, stale, unreadable)
"""Every rule, in the order in which they count."""


def abstention(
    context: SlotContext, version: RoleVersion, rules: tuple[AbstainRule, ...] = RULES
) -> Abstention | None:
    """Return why a version gives no prediction for a slot; None if nothing speaks against it."""
    return next((why for rule in rules if (why := rule(context, version))), None)
