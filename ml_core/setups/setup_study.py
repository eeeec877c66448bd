"""The result of a setup study: the outcome of every setup, and its summary sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ml_core.json_values import INLINE, OMIT
from ml_core.setups.plan import StudyPlan
from ml_core.setups.setup import Setup

NOTHING = "no trade"
NAMED, NOT_CONFIRMED, CHANCE, TOO_FEW = "named", "not confirmed", "chance", "too few trades"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFigures:
    """A setup's trades in one period.

    Attributes
    ----------
    trades
        Number of trades.
    gross_r, net_r, won
        R per trade before and after costs, and the share won; None without a trade.
    low, high
        95 % interval of ``net_r``: for the single setup in the search; for all setups found at
        once in the confirmation. None if the setup was not judged there.
    """

    trades: int
    gross_r: float | None
    net_r: float | None
    won: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupResult:
    """The outcome of one setup.

    Attributes
    ----------
    setup
        The rule.
    status
        ``NAMED``, ``NOT_CONFIRMED``, ``CHANCE`` or ``TOO_FEW``.
    search, confirmation
        Its trades in the two periods.
    t, p, q
        From the search: mean over standard error, p-value of the single setup, false-discovery
        rate at which it would be named; None if it was not judged.
    beats_chance
        Whether the stepwise test selects it.
    """

    setup: Setup = field(metadata=INLINE)
    status: str
    search: PeriodFigures
    confirmation: PeriodFigures
    t: float | None = None
    p: float | None = None
    q: float | None = None
    beats_chance: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BestByChance:
    """The best setup of the search, compared with chance.

    Attributes
    ----------
    p, p_lower, p_upper
        The SPA p-value (consistent), and its lower and upper forms; Hansen 2005.
    best_t
        Mean over standard error of the best setup.
    best_t_by_chance, best_t_by_chance_95
        Median and 95th percentile of the best setup's value if no setup is any good.
    """

    p: float
    p_lower: float
    p_upper: float
    best_t: float
    best_t_by_chance: float
    best_t_by_chance_95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSet:
    """The model confidence set of not trading and the best setups; Hansen, Lunde, Nason 2011.

    Attributes
    ----------
    compared
        Number compared, including not trading.
    nothing_inside
        Whether not trading may be the best.
    inside
        Names of the setups that may be the best.
    """

    compared: int
    nothing_inside: bool
    inside: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """The market, the two periods, the number of setups, and the criteria."""

    market: str
    cost_ticks: float
    days: int
    first_day: str
    last_day: str
    search_days: int
    search_last_day: str
    confirm_days: int
    confirm_first_day: str
    setups: int
    judged: int
    too_few: int
    mean_gross_r: float
    mean_net_r: float
    share_above_0: float
    beat_chance: int = field(metadata={"alias": "found"})
    seed: int
    plan: StudyPlan = field(metadata=INLINE)
    named: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStudy:
    """The outcome of every setup.

    Attributes
    ----------
    summary
        Market, periods, counts, plan.
    chance
        The best of the search, compared with chance.
    ranked
        The judged setups, best mean over standard error first.
    setups
        All, in order of enumeration.
    best_set
        Which of the best setups and not trading may be the best.
    """

    json_properties: ClassVar = ("named", "top", "heat", "verdict")

    summary: StudySummary
    chance: BestByChance
    ranked: tuple[SetupResult, ...] = field(metadata=OMIT)
    setups: tuple[SetupResult, ...]
    best_set: BestSet

    @property
    def named(self) -> tuple[SetupResult, ...]:
        """The setups that passed every test, best first; usually none."""
        return tuple(result for result in self.ranked if result.status == NAMED)

    @property
    def top(self) -> tuple[SetupResult, ...]:
        """The best setups of the search, named or not, as many as the plan shows."""
        return self.ranked[: self.summary.plan.top]

    @property
    def heat(self) -> tuple[SetupResult, ...]:
        """The setups without filters, one cell per range, stop, side and RR."""
        return tuple(
            result
            for result in self.setups
            if result.setup.size == "any" and result.setup.day == "all"
        )

    @property
    def verdict(self) -> str:
        """The result as one sentence."""
        return _verdict(self)


def _verdict(study: SetupStudy) -> str:
    summary, best = study.summary, study.ranked[0]
    if study.named:
        first, one = study.named[0], len(study.named) == 1
        later = first.confirmation
        return (
            f"{len(study.named):,} of {summary.judged:,} setups survive{'s' if one else ''}: "
            f"{'it' if one else 'the strongest'} is {first.setup.name}, "
            f"{_r(first.search.net_r)} R net a trade in the search period and "
            f"{_r(later.net_r)} in the untouched one after it (interval {_r(later.low)} "
            f"to {_r(later.high)}, corrected for the {summary.beat_chance:,} found)."
        )
    later_r = best.confirmation.net_r
    after = "" if later_r is None else f" and {_r(later_r)} in the period after it"
    made = f"{best.setup.name}, made {_r(best.search.net_r)} R net a trade in the search period"
    if summary.beat_chance:
        return (
            f"No setup survives: {summary.beat_chance:,} of {summary.judged:,} beat chance in "
            f"the search period but none was confirmed in the untouched one; the best, "
            f"{made}{after}."
        )
    if best.t is not None and best.t <= 0:
        return (
            f"No setup survives: not one of {summary.judged:,} made money after costs; the "
            f"least bad, {made}{after}."
        )
    return (
        f"No setup survives: the best of {summary.judged:,}, {made}{after}; chance alone gives a "
        f"best at least as good in {100 * study.chance.p:.0f} % of such searches."
    )


def _r(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
