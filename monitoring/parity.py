"""Parity: whether the features logged live are what the bars give afterwards, to the bit."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Cause = Literal["same", "bars", "code", "unexplained"]
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A feature whose value now is not the one logged; None is a missing value."""

    feature: str
    logged: float | None
    now: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One logged answer, computed again.

    Attributes
    ----------
    slot, role, version
        Which answer.
    cause
        ``same``: nothing differs. ``bars``: bars came in or were revised since, and with the bars
        as they stood then nothing differs. ``code``: made by other code than today's.
        ``unexplained``: neither accounts for it, which is a fault.
    differences
        Features that differ, by name.
    changes
        Bars that changed since, in words.
    """

    slot: str
    role: str
    version: str | None
    cause: Cause
    differences: tuple[Difference, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """What an audit looked at and found."""

    market: str
    first_day: str
    last_day: str
    mode: str
    audited: tuple[Audited, ...]

    @property
    def compared(self) -> int:
        """How many answers were computed again."""
        return len(self.audited)

    def count(self, cause: Cause) -> int:
        """Return how many answers have that cause."""
        return sum(audited.cause == cause for audited in self.audited)

    @property
    def clean(self) -> bool:
        """Whether every difference is accounted for, and there was something to compare."""
        return self.compared > 0 and not self.count("unexplained")

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        if not self.compared:
            return f"{self.market}: no {self.mode} answer to audit"
        text = f"{self.market}: {self.count('same'):,} of {self.compared:,} answers are the same"
        text += " to the bit when computed again"
        parts: tuple[tuple[Cause, str], ...] = (
            ("bars", "differ because bars came in or were revised since"),
            ("code", "were made by other code and differ"),
            ("unexplained", "differ and nothing accounts for it"),
        )
        more = [f"{self.count(cause):,} {words}" for cause, words in parts if self.count(cause)]
        return "; ".join([text, *more])

    def to_json(self) -> dict[str, Any]:
        """Return plain values; of the answers only those that differ."""
        odd = [audited for audited in self.audited if audited.cause != "same"]
        return {
            "market": self.market,
            "first_day": self.first_day,
            "last_day": self.last_day,
            "mode": self.mode,
            "compared": self.compared,
            **{cause: self.count(cause) for cause in ("same", "bars", "code", "unexplained")},
            "differing": [asdict(audited) for audited in odd],
        }


def differences(
    logged: Mapping[str, float | None], now: Mapping[str, float | None]
) -> tuple[Difference, ...]:
    """Name every feature whose bits differ, one that is only on one side too.

    >>> differences({"a": 0.1, "b": None}, {"a": 0.1, "b": 0.0})
    (Difference(feature='b', logged=None, now=0.0),)
    """
    names = sorted({*logged, *now})
    pairs = ((name, logged.get(name), now.get(name)) for name in names)
    return tuple(Difference(*pair) for pair in pairs if _bits(pair[1]) != _bits(pair[2]))


def told(changes: Iterable[object]) -> tuple[str, ...]:
    """Return the first changes in words, and how many more there are."""
    words = [str(change) for change in changes]
    rest = len(words) - _MOST_NAMED
    return (*words[:_MOST_NAMED], *([f"and {rest:,} more bars"] if rest > 0 else []))


def _bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)
