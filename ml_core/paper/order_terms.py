"""An order intent as its consumer reads it: the JSON of the outbox and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.market.instrument import Instrument
from ml_core.market.schedule import to_minute
from ml_core.strategy.account_sizing import contracts_for
from ml_core.strategy.account_standing import AccountStanding
from ml_core.strategy.rules import SIDES, SIGN_OF, Side
from ml_core.strategy.trade_rule import EntryBy


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTerms:
    """One side's entry, whole ticks as traded.

    Attributes
    ----------
    side, level
        Which, and the price that it waits for.
    stop, stop_distance
        A price, or ticks from the entry; the other is None.
    risks, from_entry
        The target in risks, None without one, and whether it counts from the entry or the level.
    size, contracts
        Units of risk, and what the order's account allows; None without an account.
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
        """Return the stop of a trade that was entered at a price."""
        if self.stop is not None:
            return self.stop
        return entry - SIGN_OF[self.side] * (self.stop_distance or 0)

    def risk_ticks(self, by: EntryBy) -> int:
        """Return the ticks from the best entry there can be to its stop."""
        entry = self.level + (SIGN_OF[self.side] if by == "close" else 0)
        return abs(entry - self.stop_at(entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """What an order says; minutes are UTC minutes since the epoch.

    Attributes
    ----------
    contract, entry, sides
        What is traded, how it is entered, and the sides that may be.
    high, low, offset
        The range, and the ticks beyond an edge that a break of it needs.
    begins, enter_by, close_by
        Minutes: from the first bar after the range; entries end; nothing stays open.
    first_break_only
        Whether a first break to a side that may not be entered ends the order.
    one_position, trades_left, loss_left_r
        What is to be judged again at the entry.
    break_even, trail, part, part_share
        Handling of an open trade, in risks; None where the order says nothing.
    closed
        Minutes, both included, in which nothing is entered, and the news that they are around.
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
        """Read the ``order`` of an intent."""
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
        """Return the side to which a bar breaks the range, by the order's kind of entry.

        A bar that touches both stop orders breaks to the one nearer to its open, and up of equals.
        """
        above, below = self.high + self.offset, self.low - self.offset
        if self.entry != "stop_order":
            return "long" if close > above else "short" if close < below else None
        up, down = high >= above, low <= below
        if not self.first_break_only:
            up, down = up and "long" in self.sides, down and "short" in self.sides
        nearer = max(above - open_, 0) <= max(open_ - below, 0)
        return "long" if up and (not down or nearer) else "short" if down else None


def sized_again(
    order: Mapping[str, Any],
    first: Mapping[str, Any],
    standing: AccountStanding,
    instrument: Instrument,
) -> tuple[str, dict[str, Any]]:
    """Return an order with the contracts that its account has room for by now, and why.

    Parameters
    ----------
    order, first
        As it is in force, and as it was issued: no side gets more contracts than it had then.
    standing, instrument
        Where the account stands on the order's trading day, and what is traded.

    Returns
    -------
    tuple
        The reason in words; the order without the sides that have no contract, empty without any.
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
    words = f"the account allows now {'; '.join(reasons)}"
    return words, {**order, "entries": entries} if entries else {}


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
