"""One order intent in a paper account, bar by bar: waiting, filling, open, closed.

Within a bar the kernel's rules apply (:mod:`ml_core.strategy.simulate`): an unknown order of
prices is resolved against the trade. The differences are limits of a real consumer: an entry by a
close is filled at the next bar's open, stops and market orders slip, and at most a share of a
bar's volume is filled, the rest at the opens of the next bars.

The recorded events of an intent are applied again, bar by bar, before anything new: neither a
killed run nor a bar revised since changes what has happened.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from ml_core.market.instrument import Instrument
from ml_core.market.schedule import from_minute
from ml_core.paper.events import OVER, NewPaperEvent, PaperBar, PaperEvent, Permission
from ml_core.paper.order_terms import OrderTerms
from ml_core.paper.position import Position, slip_of
from ml_core.strategy.rules import SIGN_OF, Side


class Working:
    """An intent in a book, from its acknowledgement to its end."""

    def __init__(
        self,
        terms: OrderTerms,
        issued_at: datetime,
        share: float,
        instrument: Instrument,
        stored: Iterable[PaperEvent] = (),
    ) -> None:
        self.terms, self.issued_at, self.share = terms, issued_at, share
        self._instrument, self._slip = instrument, slip_of(instrument)
        self._stored = [one for one in stored if one.event in {"filled", "closed"}]
        self._until = max((one.time for one in self._stored), default=None)
        self.most = {side: one.contracts for side, one in terms.sides.items()}
        self.heard = 0  # number of later outbox events applied
        self.new: list[NewPaperEvent] = []
        self.over = False
        self.position: Position | None = None
        self._signal: Side | None = None
        self._broke: Side | None = None
        self._entered_now = False

    # --- what happens --------------------------------------------------------------------------

    def _emit(self, event: NewPaperEvent) -> None:
        """Apply a new event; up to the last recorded time apply the recorded ones instead."""
        if self._is_past(event.time):
            return
        self.new.append(event)
        self.over = self.over or event.event in OVER
        self._apply(event)

    def _is_past(self, time: datetime) -> bool:
        return self._until is not None and time <= self._until

    def _again(self, event: str, time: datetime) -> None:
        for one in self._stored:
            if one.event == event and one.time == time:
                self._apply(one)

    def _apply(self, one: NewPaperEvent | PaperEvent) -> None:
        if one.price is None:
            return
        if one.event == "filled":
            if self.position is None:
                side, of = one.details["side"], one.details["of"]
                self.position = Position.at(
                    self.terms, self._instrument, side, one.price, of, one.time
                )
                self._entered_now = self.terms.entry != "close"
            self.position.fill(one.quantity, one.price)
        elif one.event == "closed" and self.position is not None:
            self.position.close(one.quantity, one.price, one.reason)

    # --- entries -------------------------------------------------------------------------------

    def look_for_entry(self, bar: PaperBar, may_enter: Permission) -> None:
        """Process a bar while the order waits or is only partly filled."""
        self._entered_now = False
        if self.over:
            return
        if self.position is not None:
            self._fill_rest(bar, self.position)
        elif self._signal is not None:
            self._enter(bar, self._signal, bar.open, may_enter)
        elif bar.minute >= self.terms.enter_by:
            self._expire()
        else:
            self._trigger(bar, may_enter)
        self._again("filled", bar.closes)

    def _trigger(self, bar: PaperBar, may_enter: Permission) -> None:
        terms, side = self.terms, self._broke
        if side is not None:  # a retest: the limit order rests at the broken edge
            edge = terms.high if side == "long" else terms.low
            if bar.low <= edge if side == "long" else bar.high >= edge:
                self._enter(bar, side, edge, may_enter, slip=0)
            return
        side = terms.broken(bar.open, bar.high, bar.low, bar.close)
        if side is None:
            return
        if side not in terms.sides:
            if terms.first_break_only:
                self.cancel("the range broke to the other side first", bar.closes)
        elif bar.closes <= self.issued_at:
            self.refuse(
                f"stale: the range had broken by {bar.closes:%H:%M} UTC, before it was issued"
            )
        elif terms.entry == "retest":
            self._broke = side
        elif terms.entry == "close":
            self._signal = side
        else:
            edge = terms.sides[side].level
            price = max(edge, bar.open) if side == "long" else min(edge, bar.open)
            self._enter(bar, side, price, may_enter)

    def _enter(
        self,
        bar: PaperBar,
        side: Side,
        price: int,
        may_enter: Permission,
        *,
        slip: int | None = None,
    ) -> None:
        """Enter at a price; the quantity is decided now, from the actual stop."""
        time, sign, terms = bar.closes, SIGN_OF[side], self.terms
        if self._is_past(time):
            return
        price += sign * (self._slip if slip is None else slip)
        stop_ticks = sign * (price - terms.sides[side].stop_at(price))
        news = [name for begin, end, name in terms.closed if begin <= bar.minute + 1 <= end]
        allowed: int | str = "it opened beyond its stop"
        if news:
            allowed = f"news: {news[0]}"
        elif stop_ticks > 0:
            allowed = may_enter(side, stop_ticks, time)
        if isinstance(allowed, str):
            self.cancel(allowed, time)
            return
        if quantity := min(allowed, self._most(bar)):
            details = {"side": side, "of": allowed}
            self._emit(
                NewPaperEvent(
                    event="filled", time=time, quantity=quantity, price=price, details=details
                )
            )
        elif terms.entry != "retest":
            self._signal = side  # no volume could fill it: at the next open

    def _fill_rest(self, bar: PaperBar, held: Position) -> None:
        price = bar.open + held.sign * self._slip
        if self.terms.entry == "retest":
            price = held.sign * held.entry
            if not bar.low <= price <= bar.high:
                return
        room = min(held.wanted - held.filled, held.most_at(held.sign * price))
        quantity = min(max(room, 0), self._most(bar))
        if not quantity or held.closing or bar.minute >= self.terms.enter_by:
            return
        details = {"side": held.side, "of": held.wanted}
        filled = NewPaperEvent(
            event="filled", time=bar.closes, quantity=quantity, price=price, details=details
        )
        self._emit(filled)

    def _most(self, bar: PaperBar) -> int:
        return math.floor(self.share * bar.volume)

    # --- exits ---------------------------------------------------------------------------------

    def look_for_exit(self, bar: PaperBar) -> None:
        """Process a bar while contracts are held."""
        held = self.position
        if held is None or not held.left or self.over:
            return
        open_, close = held.sign * bar.open, held.sign * bar.close
        high, low = (bar.high, bar.low) if held.sign > 0 else (-bar.low, -bar.high)
        if held.closing:
            self._close(bar, held, held.left, open_ - self._slip, held.closing)
        elif low <= held.stop:
            # the open of the entry bar was before the entry
            fill = held.stop if self._entered_now else min(held.stop, open_)
            held.bottom = min(held.bottom, fill)
            held.closing = "moved_stop" if held.stop > held.first_stop else "stop"
            self._close(bar, held, held.left, fill - self._slip, held.closing)
        else:
            held.bottom = min(held.bottom, low)
            self._reach(bar, held, high)
        self._again("closed", bar.closes)
        held.last_close = close
        if held.left and not held.closing:
            held.move_stop(close)
        self._end(bar.closes)

    def _reach(self, bar: PaperBar, held: Position, high: int) -> None:
        """Fill the limit orders that a bar reaches: the partial target, then the target."""
        if self._entered_now and self.terms.entry == "retest":
            return  # its bar may have been there before the retest
        won = held.target is not None and high >= held.target
        held.top = max(held.top, held.target if won and held.target is not None else high)
        if held.part is not None and not held.part_done and high >= held.part:
            quantity = math.floor(self.terms.part_share * held.filled)
            self._close(bar, held, quantity, held.part, "partial")
        if won and held.target is not None:
            self._close(bar, held, held.left, held.target, "target")

    def _close(self, bar: PaperBar, held: Position, most: int, level: int, reason: str) -> None:
        done = (one for one in self.new if (one.event, one.time) == ("closed", bar.closes))
        room = self._most(bar) - sum(one.quantity for one in done)
        if quantity := min(most, max(room, 0)):
            price = held.sign * level
            closed = NewPaperEvent(
                event="closed", time=bar.closes, quantity=quantity, price=price, reason=reason
            )
            self._emit(closed)

    def _end(self, time: datetime) -> None:
        held = self.position
        if held is None or held.left or self.over:
            return
        details = {
            "side": held.side,
            "size": self.terms.sides[held.side].size,
            "r_net": held.r_net,
            "money": held.money,
            "risk": held.risk_money,
            "entered_at": held.entered_at.isoformat(),
            "best": max(held.money_at(held.top), held.money),
            "worst": min(held.money_at(held.bottom), held.money),
        }
        self.over = True
        self.new.append(
            NewPaperEvent(event="ended", time=time, quantity=held.filled, details=details)
        )

    # --- ends ----------------------------------------------------------------------------------

    def time_passes(self, horizon: int) -> None:
        """End what is due, as far as bars are known: up to a minute."""
        terms, held = self.terms, self.position
        if self.over:
            return
        if held is None:
            if horizon >= (terms.close_by if self._signal else terms.enter_by):
                self._expire()
        elif horizon >= terms.close_by and held.left and held.last_close is not None:
            time, price = from_minute(terms.close_by), held.last_close - self._slip
            self._emit(
                NewPaperEvent(
                    event="closed",
                    time=time,
                    quantity=held.left,
                    price=held.sign * price,
                    reason="time",
                )
            )
            self._again("closed", time)
            self._end(time)

    def _expire(self) -> None:
        self.cancel("its time for an entry is over", from_minute(self.terms.enter_by))

    def cancel(self, reason: str, time: datetime) -> None:
        """Enter nothing more; an open position keeps its stop and target."""
        if self.position is not None:
            self.position.wanted = self.position.filled
        else:
            self._emit(NewPaperEvent(event="cancelled", time=time, reason=reason))

    def refuse(self, reason: str) -> None:
        """Refuse the intent instead of taking it."""
        self.new = [NewPaperEvent(event="refused", time=self.issued_at, reason=reason)]
        self.over = True
