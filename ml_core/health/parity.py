"""What an audit of parity found: logged predictions whose features were computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

Cause = Literal["same", "bars", "code", "unexplained"]


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
    """What an audit looked at and found.

    Attributes
    ----------
    market, first_day, last_day, mode
        What was looked at.
    compared, same, bars, code, unexplained
        How many answers were computed again, and how many have each cause.
    differing
        Those that are not the same.
    """

    market: str
    first_day: date
    last_day: date
    mode: str
    compared: int
    same: int
    bars: int
    code: int
    unexplained: int
    differing: tuple[Audited, ...]

    @classmethod
    def of(
        cls, audited: Iterable[Audited], *, market: str, first_day: date, last_day: date, mode: str
    ) -> ParityReport:
        """Count the answers of each cause, and keep those that differ."""
        answers = tuple(audited)
        causes = Counter(answer.cause for answer in answers)
        return cls(
            market=market,
            first_day=first_day,
            last_day=last_day,
            mode=mode,
            compared=len(answers),
            **{cause: causes[cause] for cause in get_args(Cause)},
            differing=tuple(answer for answer in answers if answer.cause != "same"),
        )

    @property
    def clean(self) -> bool:
        """Whether every difference is accounted for, and there was something to compare."""
        return self.compared > 0 and not self.unexplained

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        if not self.compared:
            return f"{self.market}: no {self.mode} answer to audit"
        text = f"{self.market}: {self.same:,} of {self.compared:,} answers are the same"
        text += " to the bit when computed again"
        parts = (
            (self.bars, "differ because bars came in or were revised since"),
            (self.code, "were made by other code and differ"),
            (self.unexplained, "differ and nothing accounts for it"),
        )
        return "; ".join([text, *(f"{count:,} {words}" for count, words in parts if count)])
