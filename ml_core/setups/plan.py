"""The criteria of the setup study, fixed before it looks at results, and its limits."""

from __future__ import annotations

from dataclasses import dataclass

from ml_core.errors import InputError

MIN_DAYS = 120
"""Minimum number of days for splitting a period."""


class TooFewDaysError(InputError):
    """The period is too short to search and to confirm in."""

    market: str
    days: int
    template = (
        f"{{market}} has {{days}} trading days with a range in the period, at least {MIN_DAYS} "
        "are needed to search and then confirm; name a longer period"
    )


class NoSetupJudgedError(InputError):
    """No setup trades often enough."""

    setups: int
    most: int
    needed: int
    template = (
        "none of {setups:,} setups has {needed} trades in the search period (the most is {most}); "
        "name a longer period or ask for fewer with --min-trades"
    )


class PlanError(InputError):
    """A number of the plan is not usable."""

    key: str
    value: float
    remedy: str
    template = "{key} = {value:g} cannot be used; {remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """The criteria of the study, fixed before it looks at results.

    Attributes
    ----------
    search_share
        Share of the days, from the first, that is searched; the rest confirms.
    min_trades
        Minimum number of trades in the search period for judging a setup.
    min_confirming
        Minimum number of trades in the confirmation period for confirming a setup.
    size
        Error rate: family-wise in the search, of false discoveries, and of the confirmation.
    resamples, block_days
        Parameters of the stationary bootstrap; blocks of whole days, a week on average.
    confidence_set
        Number of best setups compared with one another and with not trading.
    top
        Number of setups in the table.
    """

    search_share: float = 0.75
    min_trades: int = 50
    min_confirming: int = 15
    size: float = 0.05
    resamples: int = 2000
    block_days: int = 5
    confidence_set: int = 20
    top: int = 20

    def __post_init__(self) -> None:
        for key in ("search_share", "size"):
            if not 0.0 < getattr(self, key) < 1.0:
                raise PlanError(key, getattr(self, key), "give a share between 0 and 1")
        for key, least in (
            ("min_trades", 10),
            ("min_confirming", 5),
            ("resamples", 200),
            ("block_days", 1),
            ("confidence_set", 1),
            ("top", 1),
        ):
            if getattr(self, key) < least:
                raise PlanError(key, getattr(self, key), f"give {least} or more")

    def search_days(self, days: int) -> int:
        """Return how many of ``days`` days are searched; at least one is left to confirm."""
        return min(max(round(self.search_share * days), 1), max(days - 1, 1))
