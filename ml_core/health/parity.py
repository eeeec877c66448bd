"""The result of a parity audit: logged predictions with their features recomputed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

Cause = Literal["same", "bars", "code", "unexplained"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A feature whose recomputed value differs from the logged one; None is a missing value."""

    feature: str
    logged: float | None
    now: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One logged prediction, recomputed.

    Attributes
    ----------
    slot, role, version
        Identifies the prediction.
    cause
        ``same``: nothing differs. ``bars``: bars were added or revised since, and with the bars as
        they were then nothing differs. ``code``: it was made by other code than today's.
        ``unexplained``: neither explains the difference, which is an error.
    differences
        The features that differ, by name.
    changes
        Bars that changed since, as text.
    """

    slot: str
    role: str
    version: str | None
    cause: Cause
    differences: tuple[Difference, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """The scope and result of an audit.

    Attributes
    ----------
    market, first_day, last_day, mode
        The scope of the audit.
    compared, same, bars, code, unexplained
        Number of recomputed predictions, and number with each cause.
    differing
        The predictions that differ.
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
        """Count the predictions of each cause, and keep those that differ."""
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
        """Whether every difference is explained, and there was something to compare."""
        return self.compared > 0 and not self.unexplained

    @property
    def verdict(self) -> str:
        """The result as one sentence."""
        if not self.compared:
            return f"{self.market}: no {self.mode} prediction to audit"
        text = f"{self.market}: {self.same:,} of {self.compared:,} predictions are the same"
        text += " to the bit when computed again"
        parts = (
            (self.bars, "differ because bars were added or revised since"),
            (self.code, "were made by other code and differ"),
            (self.unexplained, "differ without a known cause"),
        )
        return "; ".join([text, *(f"{count:,} {words}" for count, words in parts if count)])
