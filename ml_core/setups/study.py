"""The setup study: which of thousands of rules survive costs, chance and a later period."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.superiority import (
    confidence_set,
    simultaneous_bounds,
    times_drawn,
)
from ml_core.json_values import json_values
from ml_core.on_demand import library
from ml_core.setups.plan import (
    MIN_DAYS,
    StudyPlan,
    TooFewDaysError,
)
from ml_core.setups.search import Period, Search, periods_of, search
from ml_core.setups.trades import SetupReturns

special = library("scipy.special")

NOTHING = "no trade"
NAMED, NOT_CONFIRMED, CHANCE, TOO_FEW = "named", "not confirmed", "chance", "too few trades"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStudy:
    """What became of every setup. Plain values throughout: it is stored as JSON.

    Attributes
    ----------
    summary
        Market, periods, days, how many setups were tried, judged, found, named; the plan.
    chance
        SPA p-values; the best t, and the best t that chance alone gives (median, 95 %).
    named
        Rows of the setups that passed everything, best first; usually none.
    top
        Rows of the best setups of the search, named or not.
    setups
        A row for every setup, in order of enumeration.
    best_set
        The model confidence set: of not trading and the best setups, which may be the best.
    heat
        For each opening range, stop, side and RR without filters, R a trade in both periods.
    verdict
        One plain sentence.
    """

    summary: dict[str, Any]
    chance: dict[str, Any]
    named: list[dict[str, Any]]
    top: list[dict[str, Any]]
    setups: list[dict[str, Any]]
    best_set: dict[str, Any]
    heat: list[dict[str, Any]]
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values, NaN as None."""
        values: dict[str, Any] = json_values(asdict(self))
        return values


def study_setups(
    returns: SetupReturns, *, plan: StudyPlan | None = None, seed: int = 0
) -> SetupStudy:
    """Search the earlier days, confirm on the later, and say which setups survive.

    A setup is named only if, in the search period, it beats not trading by the stepwise test and
    by its false-discovery rate, and its net R a trade lies above 0 in the untouched confirmation
    period with an interval that holds for all the setups found at once. A day without a trade
    makes 0.

    Parameters
    ----------
    returns
        Setups and their days; ``returns.search_days`` of them are the search period.
    plan
        How to judge.
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
    rows = _rows(returns, early, late, result)
    _confirm(rows, late, result.survivors, plan, seed)
    ranked = [rows[index] for index in result.judged[result.order]]
    named = [row for row in ranked if row["status"] == NAMED]
    chance = {
        "p": result.test.p_consistent,
        "p_lower": result.test.p_lower,
        "p_upper": result.test.p_upper,
        "best_t": float(result.test.t.max()),
        "best_t_by_chance": float(np.median(result.test.by_chance)),
        "best_t_by_chance_95": float(np.quantile(result.test.by_chance, 0.95)),
    }
    summary = _summary(returns, early, result, plan, seed) | {"named": len(named)}
    return SetupStudy(
        summary=summary,
        chance=chance,
        named=named,
        top=ranked[: plan.top],
        setups=rows,
        best_set=_best_set(returns, early, result, plan, seed),
        heat=_heat(rows),
        verdict=_verdict(summary, chance, named, ranked[0]),
    )


def _rows(
    returns: SetupReturns, early: Period, late: Period, result: Search
) -> list[dict[str, Any]]:
    """Describe every setup; those found are "not confirmed" until they are."""
    rows = [
        {
            **setup.to_json(),
            "status": TOO_FEW,
            "search": first,
            "confirmation": then,
            "t": None,
            "p": None,
            "q": None,
            "beats_chance": False,
        }
        for setup, first, then in zip(returns.setups, early.figures(), late.figures(), strict=True)
    ]
    for index, at in enumerate(result.judged.tolist()):
        rows[at] |= {
            "status": CHANCE,
            "t": float(result.test.t[index]),
            "p": float(result.p[index]),
            "q": float(result.q[index]),
            "beats_chance": bool(result.test.better[index]),
        }
        rows[at]["search"] |= {
            "low": float(result.low[index]),
            "high": float(result.high[index]),
        }
    for at in result.survivors.tolist():
        rows[at]["status"] = NOT_CONFIRMED
    return rows


def _confirm(
    rows: list[dict[str, Any]],
    late: Period,
    survivors: NDArray[np.intp],
    plan: StudyPlan,
    seed: int,
) -> None:
    """Take the setups found to the later days, in place: intervals, and who is named."""
    enough = survivors[late.trades[survivors] >= plan.min_confirming]
    if not len(enough):
        return
    part = late.only(enough)
    # another stream than the search's: the two periods have nothing to do with each other
    times = times_drawn(len(part.net), plan.block_days, plan.resamples, seed + 1)
    count = part.traded.astype(np.float64)
    bounds = simultaneous_bounds(part.net, count, times, plan.size)
    for at, low, high in zip(enough.tolist(), *(bound.tolist() for bound in bounds), strict=True):
        rows[at]["confirmation"] |= {"low": low, "high": high}
        if low > 0:
            rows[at]["status"] = NAMED


def _best_set(
    returns: SetupReturns, early: Period, result: Search, plan: StudyPlan, seed: int
) -> dict[str, Any]:
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
    return {
        "compared": len(names),
        "nothing_inside": bool(inside[0]),
        "inside": [name for name, outside in zip(names, inside, strict=True) if outside],
    }


def _summary(
    returns: SetupReturns, early: Period, result: Search, plan: StudyPlan, seed: int
) -> dict[str, Any]:
    cut, days = returns.search_days, returns.days
    part = early.only(result.judged)
    trades = np.maximum(part.trades, 1)
    net = part.net.sum(axis=0) / trades
    return {
        "market": returns.market,
        "cost_ticks": returns.cost_ticks,
        "days": len(days),
        "first_day": str(days[0]),
        "last_day": str(days[-1]),
        "search_days": cut,
        "search_last_day": str(days[cut - 1]),
        "confirm_days": len(days) - cut,
        "confirm_first_day": str(days[cut]),
        "setups": len(returns.setups),
        "judged": len(result.judged),
        "too_few": len(returns.setups) - len(result.judged),
        "mean_gross_r": float((part.gross.sum(axis=0) / trades).mean()),
        "mean_net_r": float(net.mean()),
        "share_above_0": float((net > 0).mean()),
        "found": len(result.survivors),
        "seed": seed,
        **asdict(plan),
    }


def _heat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the setups without filters, one a cell."""
    keys = ("opening_range", "stop", "side", "rr")
    return [
        {key: row[key] for key in keys}
        | {
            part: {key: row[part][key] for key in ("trades", "gross_r", "net_r")}
            for part in _PARTS
        }
        for row in rows
        if row["size"] == "any" and row["day"] == "all"
    ]


_PARTS = ("search", "confirmation")


def _verdict(
    summary: dict[str, Any],
    chance: dict[str, Any],
    named: list[dict[str, Any]],
    best: dict[str, Any],
) -> str:
    if named:
        first = named[0]
        later = first["confirmation"]
        one = len(named) == 1
        return (
            f"{len(named):,} of {summary['judged']:,} setups survive{'s' if one else ''}: "
            f"{'it' if one else 'the strongest'} is {first['name']}, "
            f"{_r(first['search']['net_r'])} R net a trade in the search period and "
            f"{_r(later['net_r'])} in the untouched one after it (interval {_r(later['low'])} "
            f"to {_r(later['high'])}, corrected for the {summary['found']:,} found)."
        )
    later = best["confirmation"]["net_r"]
    after = "" if later is None else f" and {_r(later)} in the period after it"
    made = (
        f"{best['name']}, made {_r(best['search']['net_r'])} R net a trade in the search "
        f"period{after}"
    )
    if summary["found"]:
        return (
            f"No setup survives: {summary['found']:,} of {summary['judged']:,} beat chance in "
            f"the search period but none was confirmed in the untouched one; the best, {made}."
        )
    if best["t"] <= 0:
        return (
            f"No setup survives: not one of {summary['judged']:,} made money after costs; the "
            f"least bad, {made}."
        )
    return (
        f"No setup survives: the best of {summary['judged']:,}, {made}; chance alone gives a "
        f"best at least as good in {100 * chance['p']:.0f} % of such searches."
    )


def _r(value: float) -> str:
    return f"{value:+.2f}"
