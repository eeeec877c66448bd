"""A paper account over time: processes its intents in parallel, minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np

from ml_core.array_types import IntArray
from ml_core.bars.arrays import Bars
from ml_core.decision.plan_record import IntentEvent, SlotKey
from ml_core.market.schedule import from_minute, to_minute
from ml_core.paper.account import PaperAccount, PaperIntent, paper_trades, timed_trade
from ml_core.paper.events import OVER, NewPaperEvent, PaperBar, PaperEvent
from ml_core.paper.order_terms import OrderTerms
from ml_core.paper.position import stop_money
from ml_core.paper.working import Working
from ml_core.strategy.account.sizing import OpenRisk, contracts_for
from ml_core.strategy.account.standing import standing_after
from ml_core.strategy.rules import Side


def run_book(
    paper: PaperAccount,
    intents: Sequence[PaperIntent],
    stored: Sequence[PaperEvent],
    bars: Bars,
) -> tuple[PaperEvent, ...]:
    """Return the events in a book up to the last bar that are not on record yet.

    The result depends only on the intents, the record and the bars, never on when it is run:
    however often it is run or killed, the record ends up the same.

    Parameters
    ----------
    paper
        The book.
    intents
        The intents of the market, by time of issue.
    stored
        The book's record, in order.
    bars
        Bars of every contract, from the first unfinished intent's day on.
    """
    run = _Run(paper, intents, stored, bars)
    run.through_every_bar()
    return run.events()


class _Run:
    """One run: finished slots are kept, the others process their bars again."""

    def __init__(
        self,
        paper: PaperAccount,
        intents: Sequence[PaperIntent],
        stored: Sequence[PaperEvent],
        bars: Bars,
    ) -> None:
        self._paper, self._bars = paper, bars
        self._horizon = int(bars.minute[-1]) + 1 if len(bars) else 0
        self._stored: dict[SlotKey, list[PaperEvent]] = {}
        for event in stored:
            self._stored.setdefault(event.key, []).append(event)
        self._ended: list[tuple[SlotKey, PaperEvent | NewPaperEvent]] = [
            (one.key, one) for one in stored if one.event == "ended"
        ]
        self._trades = list(paper_trades(paper, stored))
        self._live: list[tuple[PaperIntent, Working]] = []
        self._acknowledged: dict[SlotKey, NewPaperEvent] = {}
        for intent in sorted(intents, key=lambda one: one.issued_at):
            self._take(intent)

    def _take(self, intent: PaperIntent) -> None:
        on_record = self._stored.get(intent.key, [])
        reached = self._horizon >= to_minute(intent.issued_at)
        if not reached or any(one.event in OVER for one in on_record):
            return
        terms = OrderTerms.of(intent.order)
        share = on_record[0].details["share"] if on_record else self._paper.share
        working = Working(terms, intent.issued_at, share, self._paper.instrument, on_record)
        if not on_record:
            details = {"share": share, "account": self._paper.account.name}
            self._acknowledged[intent.key] = NewPaperEvent(
                event="taken", time=intent.issued_at, details=details
            )
            if intent.issued_at >= intent.until:
                working.refuse("stale: it was issued after its time for an entry")
        self._live.append((intent, working))

    # --- bars ----------------------------------------------------------------------------------

    def through_every_bar(self) -> None:
        """Process the bars of every unfinished intent, minute by minute."""
        by_contract = {terms.contract: self._of(terms.contract) for terms in self._terms()}
        begin = min((terms.begins for terms in self._terms()), default=0)
        end = max((terms.close_by for terms in self._terms()), default=0)
        every = np.unique(
            [
                minute
                for rows in by_contract.values()
                for minute in self._bars.minute[rows].tolist()
            ]
        )
        places = {
            name: dict(zip(self._bars.minute[rows].tolist(), rows.tolist(), strict=True))
            for name, rows in by_contract.items()
        }
        for minute in every[(every >= begin) & (every < end)].astype(np.int64).tolist():
            self._pass(minute, places)
        for intent, working in self._live:
            self._hear(intent, working, from_minute(self._horizon))
        self._end_until(self._horizon)

    def _end_until(self, minute: int) -> None:
        """Expire what is due, for intents whose bars before a minute are processed."""
        for intent, working in self._live:
            if not working.over:
                working.time_passes(minute)
                self._note(intent, working)

    def _terms(self) -> list[OrderTerms]:
        return [working.terms for _, working in self._live]

    def _of(self, contract: str) -> IntArray:
        return np.flatnonzero(self._bars.of_contract(contract))

    def _pass(self, minute: int, places: Mapping[str, Mapping[int, int]]) -> None:
        """Process one minute: exits and open positions first, because they free room."""
        self._end_until(minute)
        now = [
            (intent, working, self._bar(row))
            for intent, working in self._live
            if not working.over and working.terms.begins <= minute < working.terms.close_by
            if (row := places[working.terms.contract].get(minute)) is not None
        ]
        held = [one for one in now if one[1].position is not None]
        waiting = [one for one in now if one[1].position is None]
        for intent, working, bar in (*held, *waiting):
            self._hear(intent, working, bar.closes)
            working.look_for_entry(bar, partial(self._may_enter, intent, working))
            working.look_for_exit(bar)
            self._note(intent, working)

    def _bar(self, row: int) -> PaperBar:
        bars = self._bars
        names = ("minute", "open", "high", "low", "close", "volume")
        return PaperBar(*(int(getattr(bars, name)[row]) for name in names))

    def _hear(self, intent: PaperIntent, working: Working, until: datetime) -> None:
        """Apply the outbox's events of an intent up to a time, as long as nothing is entered."""
        for event in intent.later[working.heard :]:
            if working.over or working.position is not None or event.at >= until:
                return
            working.heard += 1
            if event.is_over:
                working.cancel(f"{event.event}: {event.reason}", event.at)
            else:
                self._resize(intent, working, event)

    def _resize(self, intent: PaperIntent, working: Working, event: IntentEvent) -> None:
        terms, on_record = OrderTerms.of(event.order), self._stored.get(intent.key, ())
        most = {
            side: terms.sides[side].contracts if side in terms.sides else 0
            for side in working.most
        }
        if most == working.most:
            return
        working.most = most
        if not any(one.event == "resized" and one.time == event.at for one in on_record):
            details = {str(side): count for side, count in most.items() if count is not None}
            working.new.append(
                NewPaperEvent(event="resized", time=event.at, reason=event.reason, details=details)
            )

    # --- the account ---------------------------------------------------------------------------

    def _note(self, intent: PaperIntent, working: Working) -> None:
        """Add a trade that has just ended to those that the account knows."""
        last = working.new[-1] if working.new else None
        if working.over and last is not None and last.event == "ended":
            self._ended.append((intent.key, last))
            self._trades.append(timed_trade(self._paper, last))

    def _may_enter(
        self, intent: PaperIntent, working: Working, side: Side, stop_ticks: int, at: datetime
    ) -> int | str:
        """Return the contracts that order and account allow, or the reason for refusing."""
        terms, paper = working.terms, self._paper
        others = [one.position for _, one in self._live if one is not working]
        held = [position for position in others if position is not None and position.left]
        if terms.one_position and held:
            return "another trade is open"
        since = [
            one
            for key, one in self._ended
            if key[0] == intent.trading_day
            and datetime.fromisoformat(one.details["entered_at"]) > intent.issued_at
        ]
        if len(since) + len(held) >= terms.trades_left:
            return "the day's trades are made"
        brought = sum(
            one.details["r_net"] * one.details["size"]
            for key, one in self._ended
            if key[0] == intent.trading_day and one.time > intent.issued_at
        )
        if terms.loss_left_r + brought <= 0:
            return "the day has lost what the rules allow"
        standing = standing_after(paper.account, paper.market, self._trades, at, "paper")
        state = standing.on(paper.day_of(at)).state
        drawdown = paper.account.drawdown
        if drawdown is not None and drawdown.follows == "intraday":
            best = sum(position.money_at(position.top) for position in held)
            state = replace(state, mark=max(state.mark, state.balance + best))
        at_risk = sum(position.risk_money for position in held)
        together = at_risk if paper.account.moves_with(paper.market) else None
        sizing = contracts_for(
            paper.account,
            state,
            size=terms.sides[side].size,
            risk=stop_money(paper.instrument, stop_ticks),
            at_risk=OpenRisk(every=at_risk, together=together),
        )
        if sizing.refusal is not None:
            return sizing.refusal.words(paper.instrument.currency)
        most = working.most[side]
        if most == 0:
            return "the intent leaves it no contract"
        return sizing.contracts if most is None else min(sizing.contracts, most)

    # --- the record ----------------------------------------------------------------------------

    def events(self) -> tuple[PaperEvent, ...]:
        """Return the new events, by time."""
        new = []
        for intent, working in self._live:
            first = self._acknowledged.get(intent.key)
            refused = any(one.event == "refused" for one in working.new)
            recorded = [*([first] if first and not refused else []), *working.new]
            sequence = len(self._stored.get(intent.key, ()))
            new += [
                PaperEvent(
                    book=self._paper.book,
                    market=self._paper.market,
                    trading_day=intent.trading_day,
                    opening_range=intent.opening_range,
                    sequence=sequence + number,
                    event=one.event,
                    time=one.time,
                    quantity=one.quantity,
                    price=one.price,
                    reason=one.reason,
                    details=one.details,
                )
                for number, one in enumerate(recorded)
            ]
        return tuple(sorted(new, key=lambda one: (one.time, one.key, one.sequence)))
