"""An order intent as its consumer reads it: only from the JSON of the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.market.instrument import Instrument
from ml_core.market.schedule import to_minute
from ml_core.strategy.account.sizing import contracts_for
from ml_core.strategy.account.standing import AccountStanding
from ml_core.strategy.rules import SIDES, SIGN_OF, Side
from ml_core.strategy.trade_rule import EntryBy


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTerms:
    """One side's entry, whole ticks as traded.

    Attributes
    ----------
    side, level
        The side, and its trigger price.
    stop, stop_distance
        A price, or ticks from the entry; one of them is None.
    risks, from_entry
        The target in risks (None without one), and whether it is measured from the entry or the
        level.
    size, contracts
        Units of risk, and the contracts that the order's account allows; None without an account.
    """

    side: Side
    level: int
    stop: int | None
    stop_distance: int | None
    risks: float | None
    from_entry: bool
    size: float
    contracts: int | None

    def stop_at(self, entry: int) -> int:
        """Return the stop of a trade entered at a price."""
        if self.stop is not None:
            return self.stop
        return entry - SIGN_OF[self.side] * (self.stop_distance or 0)

    def risk_ticks(self, by: EntryBy) -> int:
        """Return the ticks from the best possible entry to its stop."""
        entry = self.level + (SIGN_OF[self.side] if by == "close" else 0)
        return abs(entry - self.stop_at(entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """The terms of an order; minutes are UTC minutes since the epoch.

    Attributes
    ----------
    contract, entry, sides
        The contract, the kind of entry, and the sides that may be entered.
    high, low, offset
        The range, and the ticks beyond an edge that a breakout needs.
    begins, enter_by, close_by
        Minutes: the first bar after the range; the end of entries; the end of the trade.
    first_break_only
        Whether a first breakout to a side that may not be entered ends the order.
    one_position, trades_left, loss_left_r
        The limits to be checked again at the entry.
    break_even, trail, part, part_share
        Management of an open trade, in risks; None if the order does not specify it.
    closed
        Periods without entries (minutes, both included), and the news they surround.
    """

    contract: str
    entry: EntryBy
    sides: Mapping[Side, SideTerms]
    high: int
    low: int
    offset: int
    begins: int
    enter_by: int
    close_by: int
    first_break_only: bool
    one_position: bool
    trades_left: int
    loss_left_r: float
    break_even: float | None
    trail: float | None
    part: float | None
    part_share: float
    closed: tuple[tuple[int, int, str], ...]

    @classmethod
    def of(cls, order: Mapping[str, Any]) -> OrderTerms:
        """Read an intent's ``order``."""
        manage, at_entry = order.get("manage") or {}, order["at_entry"]
        part = manage.get("partial") or {}
        sides = {entry["side"]: _side(entry) for entry in order["entries"]}
        return cls(
            contract=order["contract"],
            entry=order["entry"],
            sides={side: sides[side] for side in SIDES if side in sides},
            high=order["range_high_ticks"],
            low=order["range_low_ticks"],
            offset=order.get("offset_ticks", 0),
            begins=_minute(order["closes_from"]),
            enter_by=_minute(order.get("enter_by") or order["close_by"]),
            close_by=_minute(order["close_by"]),
            first_break_only="other_side_first" not in order,
            one_position=at_entry["one_position"],
            trades_left=at_entry["trades_left"],
            loss_left_r=at_entry["daily_loss_limit_r"] + at_entry["day_net_r"],
            break_even=manage.get("break_even_after_r"),
            trail=manage.get("trail_r"),
            part=part.get("r"),
            part_share=part.get("share", 0.0),
            closed=tuple(
                (_minute(one["from"]), _minute(one["to"]), one["news"])
                for one in order.get("no_entry", ())
            ),
        )

    def broken(self, open_: int, high: int, low: int, close: int) -> Side | None:
        """Return the side on which a bar breaks the range, by the order's kind of entry.

        A bar that touches both stop orders triggers the one nearer to its open, and long if equal.
        """
        above, below = self.high + self.offset, self.low - self.offset
        if self.entry != "stop_order":
            return "long" if close > above else "short" if close < below else None
        up, down = high >= above, low <= below
        if not self.first_break_only:
            up, down = up and "long" in self.sides, down and "short" in self.sides
        nearer = max(above - open_, 0) <= max(open_ - below, 0)
        return "long" if up and (not down or nearer) else "short" if down else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizedOrder:
    """An order resized to an account's present room.

    Attributes
    ----------
    reason
        What the account allows now, by side.
    order
        The order without sides that have no contract; empty if none is left.
    """

    reason: str
    order: dict[str, Any]


def resize_order(
    order: Mapping[str, Any],
    first: Mapping[str, Any],
    standing: AccountStanding,
    instrument: Instrument,
) -> ResizedOrder:
    """Return an order resized to the account's present room.

    Parameters
    ----------
    order, first
        The order in force, and as issued: no side gets more contracts than when it was issued.
    standing, instrument
        The account's standing on the order's trading day, and the instrument.
    """
    terms = OrderTerms.of(order)
    most = {side: one.contracts for side, one in OrderTerms.of(first).sides.items()}
    reasons, entries = [], []
    for entry in order["entries"]:
        own = terms.sides[entry["side"]]
        stop = own.risk_ticks(terms.entry) + instrument.round_trip_cost_ticks
        sizing = contracts_for(
            standing.account,
            standing.state,
            size=own.size,
            risk=stop * instrument.tick_value,
            at_risk=standing.at_risk,
        )
        contracts = min(sizing.contracts, most[own.side] or sizing.contracts)
        if sizing.refusal is not None:
            reasons.append(f"{own.side}: {sizing.refusal.words(instrument.currency)}")
        else:
            may_lose = entry["may_lose"] if contracts == own.contracts else sizing.room
            entries.append({**entry, "contracts": contracts, "may_lose": may_lose})
            reasons.append(f"{own.side}: {contracts}")
    return ResizedOrder(
        reason=f"the account allows now {'; '.join(reasons)}",
        order={**order, "entries": entries} if entries else {},
    )


def _side(entry: Mapping[str, Any]) -> SideTerms:
    target = entry.get("target") or {}
    return SideTerms(
        side=entry["side"],
        level=entry["level_ticks"],
        stop=entry.get("stop_ticks"),
        stop_distance=entry.get("stop_from_entry_ticks"),
        risks=target.get("risks"),
        from_entry=target.get("counted_from") != "the level",
        size=entry["size"],
        contracts=entry.get("contracts"),
    )


def _minute(text: str) -> int:
    return to_minute(datetime.fromisoformat(text))
