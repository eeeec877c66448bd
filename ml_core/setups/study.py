"""The setup study: which of thousands of rules survive costs, chance and a later period."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.superiority import (
    confidence_set,
    simultaneous_bounds,
    times_drawn,
)
from ml_core.setups.plan import (
    MIN_DAYS,
    StudyPlan,
    TooFewDaysError,
)
from ml_core.setups.search import Period, Search, periods_of, search
from ml_core.setups.setup_study import (
    CHANCE,
    NAMED,
    NOT_CONFIRMED,
    NOTHING,
    TOO_FEW,
    BestByChance,
    BestSet,
    SetupResult,
    SetupStudy,
    StudySummary,
)
from ml_core.setups.trades import SetupReturns


def study_setups(
    returns: SetupReturns, *, plan: StudyPlan | None = None, seed: int = 0
) -> SetupStudy:
    """Search the earlier days, confirm on the later, and report which setups survive.

    A setup is named only if, in the search period, it beats not trading by the stepwise test and
    by its false-discovery rate, and if, in the untouched confirmation period, its net R per trade
    is above 0 with an interval that holds for all setups found at once. A day without a trade
    counts as 0.

    Parameters
    ----------
    returns
        Setups and their daily results; the first ``returns.search_days`` days are the search
        period.
    plan
        The criteria.
    seed
        Of the bootstrap.

    Raises
    ------
    TooFewDaysError
        Fewer than ``MIN_DAYS`` days.
    NoSetupJudgedError
        No setup trades often enough in the search period.
    """
    plan = StudyPlan() if plan is None else plan
    if len(returns.days) < MIN_DAYS:
        raise TooFewDaysError(returns.market, len(returns.days))
    early, late = periods_of(returns)
    result = search(early, plan, seed)
    setups = _confirmed(
        _searched(returns, early, late, result), late, result.survivors, plan, seed
    )
    ranked = tuple(setups[at] for at in result.judged[result.order].tolist())
    return SetupStudy(
        summary=_summary(
            returns,
            early,
            result,
            plan,
            seed,
            named=sum(setup.status == NAMED for setup in ranked),
        ),
        chance=BestByChance(
            p=result.test.p_consistent,
            p_lower=result.test.p_lower,
            p_upper=result.test.p_upper,
            best_t=float(result.test.t.max()),
            best_t_by_chance=float(np.median(result.test.by_chance)),
            best_t_by_chance_95=float(np.quantile(result.test.by_chance, 0.95)),
        ),
        ranked=ranked,
        setups=tuple(setups),
        best_set=_best_set(returns, early, result, plan, seed),
    )


def _searched(
    returns: SetupReturns, early: Period, late: Period, result: Search
) -> list[SetupResult]:
    """Return every setup after the search; those found count as "not confirmed" for now."""
    setups = [
        SetupResult(setup=setup, status=TOO_FEW, search=first, confirmation=then)
        for setup, first, then in zip(returns.setups, early.figures(), late.figures(), strict=True)
    ]
    survivors = set(result.survivors.tolist())
    for index, at in enumerate(result.judged.tolist()):
        setups[at] = replace(
            setups[at],
            status=NOT_CONFIRMED if at in survivors else CHANCE,
            search=replace(
                setups[at].search, low=float(result.low[index]), high=float(result.high[index])
            ),
            t=float(result.test.t[index]),
            p=float(result.p[index]),
            q=float(result.q[index]),
            beats_chance=bool(result.test.better[index]),
        )
    return setups


def _confirmed(
    setups: list[SetupResult],
    late: Period,
    survivors: NDArray[np.intp],
    plan: StudyPlan,
    seed: int,
) -> list[SetupResult]:
    """Test the found setups on the later days: their intervals, and which are named."""
    enough = survivors[late.trades[survivors] >= plan.min_confirming]
    if not len(enough):
        return setups
    part = late.only(enough)
    # another random stream than the search's: the two periods are independent
    times = times_drawn(len(part.net), plan.block_days, plan.resamples, seed + 1)
    count = part.traded.astype(np.float64)
    bounds = simultaneous_bounds(part.net, count, times, plan.size)
    judged = list(setups)
    for at, low, high in zip(enough.tolist(), *(bound.tolist() for bound in bounds), strict=True):
        judged[at] = replace(
            setups[at],
            status=NAMED if low > 0 else setups[at].status,
            confirmation=replace(setups[at].confirmation, low=low, high=high),
        )
    return judged


def _best_set(
    returns: SetupReturns, early: Period, result: Search, plan: StudyPlan, seed: int
) -> BestSet:
    """Compare the best setups of the search with one another and with not trading."""
    best = result.judged[result.order][: plan.confidence_set]
    values = np.column_stack([np.zeros(len(early.net)), early.net[:, best]])
    inside = confidence_set(
        values,
        block=plan.block_days,
        resamples=min(plan.resamples, 1000),
        seed=seed,
        size=plan.size,
    )
    names = [NOTHING, *(returns.setups[index].name for index in best.tolist())]
    return BestSet(
        compared=len(names),
        nothing_inside=bool(inside[0]),
        inside=tuple(name for name, may_be in zip(names, inside, strict=True) if may_be),
    )


def _summary(
    returns: SetupReturns,
    early: Period,
    result: Search,
    plan: StudyPlan,
    seed: int,
    *,
    named: int,
) -> StudySummary:
    cut, days = returns.search_days, returns.days
    part = early.only(result.judged)
    trades = np.maximum(part.trades, 1)
    net = part.net.sum(axis=0) / trades
    return StudySummary(
        market=returns.market,
        cost_ticks=returns.cost_ticks,
        days=len(days),
        first_day=str(days[0]),
        last_day=str(days[-1]),
        search_days=cut,
        search_last_day=str(days[cut - 1]),
        confirm_days=len(days) - cut,
        confirm_first_day=str(days[cut]),
        setups=len(returns.setups),
        judged=len(result.judged),
        too_few=len(returns.setups) - len(result.judged),
        mean_gross_r=float((part.gross.sum(axis=0) / trades).mean()),
        mean_net_r=float(net.mean()),
        share_above_0=float((net > 0).mean()),
        beat_chance=len(result.survivors),
        seed=seed,
        plan=plan,
        named=named,
    )
