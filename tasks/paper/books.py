"""Keep a paper account up to date with the bars: take, fill, close and record intents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Literal, get_args

from ml_core.decision.entry import Mode
from ml_core.decision.plan_record import IntentEvent, SlotKey
from ml_core.decision.plan_slot import OPEN_DAYS, active_plan
from ml_core.decision.slot_order import order_of
from ml_core.errors import InputError, TransientError
from ml_core.json_values import json_values
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from ml_core.paper.account import SHARE, PaperAccount, PaperIntent
from ml_core.paper.book import run_book
from ml_core.paper.events import OVER, PaperEvent
from ml_core.strategy.trades import day_so_far
from registry.paper import paper_events, record_paper
from registry.strategy import intent_events, order_intents
from tasks.prediction.account_now import followed_plans
from tasks.prediction.slots import trading_day_at
from tasks.settings import Settings

Book = Literal["outbox", "plans", "replay"]
"""Source of the intents: the outbox, the recorded plans at any stage, or the replayed plans."""

BOOKS: tuple[Book, ...] = get_args(Book)
USUAL_ACCOUNT = "own-money"
_RUNS_AT_ONCE = 5


class OtherAccountError(InputError):
    """A paper account that was begun with the limits of another file."""

    book: str
    market: str
    begun: str
    named: str
    template = (
        "the paper account of {market}'s {book} was started with the limits of {begun}, not of "
        "{named}; leave --account out, or set ORBCAST_ACCOUNT={begun}"
    )


class BusyBookError(TransientError):
    """Other runs keep adding to a paper account."""

    book: str
    market: str
    template = "other runs keep adding to the paper account of {market}'s {book}; try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRun:
    """What a run added to a paper account, and how many intents it read."""

    book: Book
    market: str
    account: str
    intents: int
    added: tuple[PaperEvent, ...]


def run_paper(
    settings: Settings,
    name: str,
    book: Book,
    at: datetime,
    *,
    account: str | None = None,
    share: float = SHARE,
) -> PaperRun:
    """Trade a market's intents in its paper account, up to the last bar; a repeat adds nothing.

    Parameters
    ----------
    settings, name
        The installation, and the name of a market file.
    book
        Source of the intents.
    at
        Aware time, now.
    account
        Name of an account file. If left out: the book's, else the market's, else own-money.
    share
        Largest share of a bar's volume that fills an order, for intents not taken before.

    Raises
    ------
    OtherAccountError
        The book was begun with another account.
    BusyBookError
        Other runs keep adding to the book.
    """
    market = settings.market(name)
    for _ in range(_RUNS_AT_ONCE):
        stored = paper_events(settings.database(), book, market.symbol)
        paper = paper_account(settings, market, book, stored, account=account, share=share)
        seen = max((one.trading_day for one in stored), default=None)
        first = None if seen is None else seen - OPEN_DAYS  # older intents are on record and over
        intents = _intents(settings, market, book, at, first)
        over = {one.key for one in stored if one.event in OVER}
        unfinished = [one for one in intents if one.key not in over]
        new: tuple[PaperEvent, ...] = ()
        if unfinished:
            begin = min(datetime.fromisoformat(one.order["closes_from"]) for one in unfinished)
            bars = settings.lake().read(market, to_minute(begin), to_minute(at))
            new = run_book(paper, unfinished, stored, bars)
        if not new or record_paper(
            settings.database(), book, market.symbol, new, after=len(stored), at=at
        ):
            return PaperRun(
                book=book,
                market=market.symbol,
                account=paper.account.name,
                intents=len(intents),
                added=new,
            )
    raise BusyBookError(book, market.symbol)


def paper_account(
    settings: Settings,
    market: Market,
    book: Book,
    stored: Sequence[PaperEvent],
    *,
    account: str | None = None,
    share: float = SHARE,
) -> PaperAccount:
    """Return the account and the settings of a book.

    Raises
    ------
    OtherAccountError
        It was begun with another account than the one named.
    """
    begun = next((one.details["account"] for one in stored if one.event == "taken"), None)
    if begun is not None and account not in (None, begun):
        raise OtherAccountError(book, market.symbol, begun, str(account))
    named = begun or account or settings.account_of(market.symbol) or USUAL_ACCOUNT
    return PaperAccount(
        book=book,
        market=market.symbol,
        account=settings.read_account(named),
        instrument=market.instrument,
        day_of=partial(trading_day_at, market),
        share=share,
    )


def mode_of(book: Book) -> Mode:
    """Return whether a book's plans are live or replayed."""
    return "replay" if book == "replay" else "live"


def _intents(
    settings: Settings, market: Market, book: Book, at: datetime, first: date | None
) -> tuple[PaperIntent, ...]:
    if book != "outbox":
        return _of_plans(settings, market, book, at, first)
    later: dict[SlotKey, list[IntentEvent]] = {}
    for event in intent_events(settings.database(), market.symbol):
        if event.sequence:
            later.setdefault(event.key, []).append(event)
    return tuple(
        PaperIntent(
            trading_day=intent.trading_day,
            opening_range=intent.opening_range,
            issued_at=intent.at,
            until=intent.in_force_until,
            order=intent.order,
            later=tuple(later.get(intent.key, ())),
        )
        for intent in order_intents(settings.database(), market.symbol)
        # those of an earlier release lack the range that is needed here
        if "range_high_ticks" in intent.order and (first is None or intent.trading_day >= first)
    )


def _of_plans(
    settings: Settings, market: Market, book: Book, at: datetime, first: date | None
) -> tuple[PaperIntent, ...]:
    """Return the intents that the recorded plans would give, whatever the stage was."""
    mode, rules = mode_of(book), settings.rules(market.symbol)
    records, taken = followed_plans(settings, market, mode, at, first=first, facts=True)
    intents = []
    for one in taken:
        record, plan = records[one.slot.key], one.plan
        if not plan.armed:
            continue
        day = day_so_far(taken, record.trading_day, record.decision_time)
        order, until = order_of(market, rules, one.slot.facts, active_plan(record), day, record)
        intents.append(
            PaperIntent(
                trading_day=record.trading_day,
                opening_range=record.opening_range,
                issued_at=record.at if mode == "live" else record.decision_time,
                until=order.enter_by or until,
                order=json_values(order),
            )
        )
    return tuple(intents)
