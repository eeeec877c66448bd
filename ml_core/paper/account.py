"""The owner of a paper book, the intents it trades, and its trades in account terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ml_core.decision.plan_record import IntentEvent, SlotKey
from ml_core.market.instrument import Instrument
from ml_core.paper.events import NewPaperEvent, PaperEvent
from ml_core.strategy.account.limits import Account, Trade
from ml_core.strategy.account.standing import AccountStanding, TimedTrade, standing_after

SHARE = 0.1
"""Maximum share of a bar's volume that fills a paper order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperIntent:
    """An intent from the outbox.

    Attributes
    ----------
    trading_day, opening_range, issued_at, until
        The slot; aware UTC: when it was issued, and when its entry period ends.
    order
        The order that may be placed.
    later
        Its later events.
    """

    trading_day: date
    opening_range: str
    issued_at: datetime
    until: datetime
    order: Mapping[str, Any]
    later: tuple[IntentEvent, ...] = ()

    @property
    def key(self) -> SlotKey:
        """Its day and range."""
        return self.trading_day, self.opening_range


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperAccount:
    """The settings of a book: its name, market, account, share of volume and trading days."""

    book: str
    market: str
    account: Account
    instrument: Instrument
    day_of: Callable[[datetime], date]
    share: float = SHARE


def paper_trades(paper: PaperAccount, events: Iterable[PaperEvent]) -> tuple[TimedTrade, ...]:
    """Return a book's finished trades, each as one trade of all its contracts."""
    return tuple(timed_trade(paper, one) for one in events if one.event == "ended")


def paper_account_state(
    paper: PaperAccount, events: Iterable[PaperEvent], at: datetime
) -> AccountStanding:
    """Return the paper account's standing after the finished trades."""
    return standing_after(paper.account, paper.market, paper_trades(paper, events), at, "paper")


def timed_trade(paper: PaperAccount, one: PaperEvent | NewPaperEvent) -> TimedTrade:
    """Return a finished trade as one trade of all its contracts."""
    entered, values = datetime.fromisoformat(one.details["entered_at"]), one.details
    trade = Trade(
        day=paper.day_of(one.time),
        size=values["size"],
        risk=values["risk"],
        net=values["money"],
        best=values["best"],
        worst=values["worst"],
    )
    return TimedTrade(
        entered_at=entered,
        entered_on=paper.day_of(entered),
        settled_at=one.time,
        symbol=paper.market,
        trade=trade,
        contracts=1,
    )
