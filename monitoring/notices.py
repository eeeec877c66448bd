"""Notices: the level of each kind, when a failed channel is tried again, and their text.

Pure: times are arguments, and nothing is sent here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from monitoring.approval import ASKING

Level = Literal["info", "warning", "trouble"]
LEVELS: tuple[Level, ...] = ("info", "warning", "trouble")

_KINDS_OF: dict[Level, tuple[str, ...]] = {
    "info": ("forecast", "break", "settled", "day", "week", "champion", "gate", "test"),
    "warning": ("drift", "estimate", "run", "approval"),
    "trouble": ("feed", "missed", "rollout", "breaker", "up", "retrain", "serving"),
}
KINDS: dict[str, Level] = {kind: level for level, kinds in _KINDS_OF.items() for kind in kinds}
"""Every kind of notice, with its level."""

TRADE_KINDS = ("forecast", "break", "settled", "day", "week")
"""Kinds about the trading day itself; the others are about Orbcast and its models."""

NOTICE_LIFETIME = timedelta(days=3)
"""A notice older than this is no longer sent; it stays on record as not delivered."""

OF_SEVERAL = frozenset({"predict-together", "for-each-market"})
"""Flows of several markets, which schedules start; a person runs the flow of one market."""

_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=10), timedelta(hours=1)
_LATE = timedelta(minutes=15)
_HOURS_APART = 6


def level_of(kind: str) -> Level:
    """Return the level of a kind of notice; an unknown kind has the highest.

    >>> level_of("gate"), level_of("breaker"), level_of("never heard of")
    ('info', 'trouble', 'trouble')
    """
    return KINDS.get(kind, "trouble")


def matters_enough(kind: str, least: Level) -> bool:
    """Return whether a channel with this lowest level receives notices of this kind."""
    return LEVELS.index(level_of(kind)) >= LEVELS.index(least)


def paused_until(failures: Sequence[datetime]) -> datetime | None:
    """Return until when a channel is not tried after failures in a row, given oldest first.

    The pause is ten minutes after the first failure, doubled with each further one, and at most an
    hour: a channel that was down for a night is reached again within the hour.
    """
    if not failures:
        return None
    doublings: int = 2 ** min(len(failures) - 1, 10)
    return failures[-1] + min(_FIRST_WAIT * doublings, _LONGEST_WAIT)


def dated(body: str, happened: datetime, now: datetime, held_until: datetime | None = None) -> str:
    """Return the text with the time of the event below it; a late notice says that it is late.

    ``held_until`` is the end of the quiet hours that held the notice, if any did.
    """
    late = now - (held_until or happened)
    words = f"{body}\n{happened:%Y-%m-%d %H:%M} UTC"
    if held_until is not None:
        words += ", held during the quiet hours"
    if late < _LATE:
        return words
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    return (
        f"{words}, sent {hours} h {minutes} min late since this channel did not accept it before; "
        "see the current state with `orbcast notices`"
    )


def state_in_words(state: str) -> str:
    """Return a run's state in words that fit into a sentence.

    >>> state_in_words("TimedOut"), state_in_words("Crashed")
    ('timed out', 'crashed')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", state).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A flow run that failed or crashed, with Prefect's message."""

    flow: str
    run: str
    state: str
    market: str | None
    opening_range: str | None
    words: str

    def key(self, at: datetime) -> str:
        """Return the notice's key; a lasting fault gets a new key, and so a new notice, every 6 h.

        log-outcomes runs every quarter of an hour, and nobody reads a channel that repeats the
        same message ninety times a day.
        """
        fault = hashlib.sha256(self.words.encode()).hexdigest()[:16]
        window = f"{at:%Y-%m-%d}.{at.hour // _HOURS_APART}"
        market_and_range = f"{self.market or '-'} {self.opening_range or '-'}"
        return f"run {self.flow} {market_and_range} {self.state} {fault} {window}"

    @property
    def subject(self) -> str:
        """The flow, the market, and the run's final state."""
        of = f"{self.market.upper()}: " if self.market else ""
        return f"{of}{self.flow} {state_in_words(self.state)}"

    @property
    def body(self) -> str:
        """Prefect's message, and the command that runs the flow again."""
        options = f" --market {self.market}" if self.market else ""
        if self.opening_range:
            options += f" --param opening_range={self.opening_range}"
        again = f"orbcast run {self.flow}{options}"
        if self.flow in ASKING or self.flow in OF_SEVERAL:
            again = "start it again in the Prefect UI"
        return (
            f"Run {self.run} ended {self.state}: {self.words}\n"
            f"Its log is in the Prefect UI. Once the cause is gone: {again}\n"
            f"The same fault is sent again after {_HOURS_APART} hours at the earliest."
        )
