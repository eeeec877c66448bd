"""The state of a paper account: its positions, its trades beside the plan's own, its balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ml_core.decision.plan_record import SlotKey
from ml_core.market.instrument import Instrument
from ml_core.paper.account import paper_account_state
from ml_core.paper.events import PaperEvent
from ml_core.strategy.account.limits import Ending
from ml_core.strategy.account.sizing import LimitLeft
from ml_core.strategy.rules import Side
from ml_core.strategy.trades import PlanResult
from registry.paper import paper_events
from tasks.paper.books import Book, mode_of, paper_account
from tasks.prediction.account_now import followed_plans
from tasks.prediction.slots import trading_day_at
from tasks.settings import Settings

Status = Literal["working", "open", "closed", "cancelled", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSlot:
    """The result of an intent in a paper account.

    Attributes
    ----------
    slot, trading_day, opening_range
        ``MARKET:DAY:RANGE``.
    status, reason
        ``working`` before its entry, ``open``, ``closed``, ``cancelled`` or ``refused``, and why.
    side, filled, of, left
        The side, and the contracts that were filled, ordered, and are still held.
    entry, exit
        Mean prices, slippage included; None if there are none.
    r_net, money
        Result of a closed trade after costs, in R and in money.
    plan_r, difference
        Net R of the plan's own trade at size 1, and ``r_net`` less that; None if one of them has
        no result.
    """

    slot: str
    trading_day: date
    opening_range: str
    status: Status
    reason: str
    side: Side | None
    filled: int
    of: int
    left: int
    entry: float | None
    exit: float | None
    r_net: float | None
    money: float | None
    plan_r: float | None
    difference: float | None

    @property
    def words(self) -> str:
        """The status in words."""
        if self.status == "open":
            return f"filled {self.filled} of {self.of}, holds {self.left}"
        if self.status == "closed":
            return f"closed, {self.reason.replace('_', ' ')}"
        return f"{self.status}: {self.reason}" if self.reason else self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperStatement:
    """A market's paper account.

    Attributes
    ----------
    book, market, account, currency
        The book, and the market with its account file and currency.
    balance, trades, total_r, ended
        Balance after the closed trades, their number, their net R, and what ended the account.
    difference
        Their net R less that of the plan's own trades of the same slots, at size 1.
    limits
        What each limit leaves for a trade of size 1.
    slots
        One for each intent.
    """

    book: Book
    market: str
    account: str
    currency: str
    balance: float
    trades: int
    total_r: float
    difference: float | None
    ended: Ending | None
    limits: tuple[LimitLeft, ...]
    slots: tuple[PaperSlot, ...]


def paper_statement(settings: Settings, name: str, book: Book, at: datetime) -> PaperStatement:
    """Return the state of a market's paper account at an aware time."""
    market = settings.market(name)
    events = paper_events(settings.database(), book, market.symbol)
    paper = paper_account(settings, market, book, events)
    standing = paper_account_state(paper, events, at).on(trading_day_at(market, at))
    taken: Mapping[SlotKey, PlanResult] = {}
    if events:
        first = min(one.trading_day for one in events)
        _, followed = followed_plans(settings, market, mode_of(book), at, first=first)
        taken = {one.slot.key: one for one in followed}
    by_slot: dict[SlotKey, list[PaperEvent]] = {}
    for event in events:
        by_slot.setdefault(event.key, []).append(event)
    slots = tuple(_slot(market.instrument, own, taken.get(key)) for key, own in by_slot.items())
    closed = [one for one in slots if one.r_net is not None]
    apart = [one.difference for one in closed if one.difference is not None]
    return PaperStatement(
        book=book,
        market=market.symbol,
        account=paper.account.name,
        currency=market.instrument.currency,
        balance=standing.state.balance,
        trades=len(closed),
        total_r=sum(one.r_net or 0.0 for one in closed),
        difference=sum(apart) if apart else None,
        ended=standing.state.ended,
        limits=standing.limits,
        slots=slots,
    )


def _slot(
    instrument: Instrument, events: Iterable[PaperEvent], taken: PlanResult | None
) -> PaperSlot:
    events = list(events)
    first, last = events[0], events[-1]
    filled = [one for one in events if one.event == "filled"]
    closed = [one for one in events if one.event == "closed"]
    left = sum(one.quantity for one in filled) - sum(one.quantity for one in closed)
    ended = last.details if last.event == "ended" else None
    r_net = None if ended is None else ended["r_net"]
    plan_r = None if taken is None or not taken.size else taken.slot.r_net
    reason = closed[-1].reason if ended is not None and closed else last.reason
    return PaperSlot(
        slot=f"{first.market}:{first.trading_day}:{first.opening_range}",
        trading_day=first.trading_day,
        opening_range=first.opening_range,
        status=_status(last, holds=left > 0),
        reason=reason,
        side=filled[0].details["side"] if filled else None,
        filled=sum(one.quantity for one in filled),
        of=filled[0].details["of"] if filled else 0,
        left=left,
        entry=_mean(instrument, filled),
        exit=_mean(instrument, closed),
        r_net=r_net,
        money=None if ended is None else ended["money"],
        plan_r=plan_r,
        difference=None if r_net is None or plan_r is None else r_net - plan_r,
    )


def _status(last: PaperEvent, *, holds: bool) -> Status:
    if last.event == "ended":
        return "closed"
    if last.event in {"cancelled", "refused"}:
        return "cancelled" if last.event == "cancelled" else "refused"
    return "open" if holds else "working"


def _mean(instrument: Instrument, events: Iterable[PaperEvent]) -> float | None:
    priced = [(one.quantity, one.price) for one in events if one.price is not None]
    contracts = sum(quantity for quantity, _ in priced)
    if not contracts:
        return None
    ticks = sum(quantity * price for quantity, price in priced) / contracts
    return ticks * float(instrument.tick_size)
