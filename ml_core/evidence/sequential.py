"""Anytime-valid comparison: the wealth of a bettor against the hypothesis "no better"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6
_MOST_AT_RISK = 0.9
_PRIOR_BET = 0.5  # Kelly's stake on a log-likelihood ratio when the challenger is right
_PRIOR_ROWS = 50.0
_MOST_BET = 2.0


def e_process(
    challenger: NDArray[np.float64],
    other: NDArray[np.float64],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    broke: NDArray[np.bool_] | bool,
) -> NDArray[np.float64]:
    """Return the evidence, after each day, that a challenger's log loss is the smaller one.

    The hypothesis bet against: given what is known at any decision, the challenger's expected
    log loss is not below the other's. While it is true the wealth is a supermartingale that
    starts at 1, so it ever reaches 1/alpha with a chance of alpha at most, however often it is
    looked at and whenever one stops (Ville 1939; Shafer 2021; Waudby-Smith and Ramdas,
    Estimating means of bounded random variables by betting, 2024; Choe and Ramdas, Comparing
    sequential forecasters, 2023).

    It is exact without assuming a bound on log loss: both probabilities are known before the
    outcome, so each row's worst loss is known when the bet is made. A row's stake rests on its own
    probabilities, on the rows decided before it that day, and on the outcomes of the days before.
    Rows of one day may be open together, so a day's bets are placed from the wealth of its morning
    and never risk more than ``0.9`` of it; the day's factor is 1 + the sum of stake x gain.

    Parameters
    ----------
    challenger, other
        Shape (n,): P(UP | a break) of each, in order of decision.
    happened
        Shape (n,): whether the break was UP.
    day
        Shape (n,): trading day, ascending.
    broke
        Shape (n,): whether the row broke at all; True where every row did. One that did not, or is
        open still, gains nothing and takes its part of the day's stakes all the same: whether it
        would break was not known when the rows after it were decided.

    Returns
    -------
    NDArray[float64]
        Shape (d,): wealth after each day with rows; empty without rows.
    """
    ours, theirs = (np.clip(p, _EDGE, 1.0 - _EDGE) for p in (challenger, other))
    if_up = np.log(ours) - np.log(theirs)
    if_down = np.log1p(-ours) - np.log1p(-theirs)
    gain = np.where(broke, np.where(happened, if_up, if_down), 0.0)
    worst = np.maximum(np.maximum(-if_up, -if_down), 0.0)
    middle = (ours + theirs) / 2.0
    prior = _PRIOR_ROWS * (middle * if_up**2 + (1.0 - middle) * if_down**2)

    def stakes(rows: slice, total: float, square: float) -> NDArray[np.float64]:
        precision = square + prior[rows]
        bet = np.zeros(len(precision))
        np.divide(total + _PRIOR_BET * prior[rows], precision, out=bet, where=precision > 0)
        return within_budget(np.clip(bet, 0.0, _MOST_BET), worst[rows])

    days = rows_by_day(day)
    wealth = np.empty(len(days))
    capital, total, square = 1.0, 0.0, 0.0
    for index, rows in enumerate(days):
        capital *= 1.0 + float(stakes(rows, total, square) @ gain[rows])
        wealth[index] = capital
        total += float(gain[rows].sum())
        square += float((gain[rows] ** 2).sum())
    return wealth


def share_process(
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    share: float,
    counted: NDArray[np.bool_] | bool,
) -> NDArray[np.float64]:
    """Return the evidence, after each day, that something happens more often than a share.

    The hypothesis bet against: given the past, each row happens with a chance of ``share`` at
    most. Valid at any time in the same way as :func:`e_process`, with the same daily budget; the
    stake, the same for each row of a day while the budget lasts, is Kelly's for what whole days
    have brought so far, since rows of one day share its luck, drawn towards no bet by a prior
    (betting on the mean of bounded variables: Waudby-Smith and Ramdas 2024).

    Parameters
    ----------
    happened
        Shape (n,), in order of decision.
    day
        Shape (n,): trading day, ascending.
    share
        Between 0 and 1; never and always are taken as a millionth from it, so that something
        can be bet on.
    counted
        Shape (n,): whether the row counts at all; True where every row does. See ``broke`` of
        :func:`e_process`.

    Returns
    -------
    NDArray[float64]
        Shape (d,): wealth after each day with rows.
    """
    share = min(max(share, _EDGE), 1.0 - _EDGE)
    gain = np.where(counted, happened - share, 0.0)
    worst = np.full(len(gain), share)
    days = rows_by_day(day)
    wealth = np.empty(len(days))
    capital, total, square = 1.0, 0.0, _PRIOR_ROWS * share * (1.0 - share)
    for index, rows in enumerate(days):
        bet = np.full(rows.stop - rows.start, max(total / square, 0.0))
        capital *= 1.0 + float(within_budget(bet, worst[rows]) @ gain[rows])
        wealth[index] = capital
        brought = float(gain[rows].sum())
        total += brought
        square += brought**2
    return wealth


def rows_by_day(day: NDArray[np.datetime64]) -> list[slice]:
    """Return the rows of each day, in order; ``day`` has shape (n,) and ascends."""
    starts = np.unique(day, return_index=True)[1].tolist()
    return [slice(*bounds) for bounds in zip(starts, [*starts[1:], len(day)], strict=False)]


def latest(wealth: NDArray[np.float64]) -> float:
    """Return the last of ``wealth``, shape (d,); 1, no evidence, before the first day."""
    return float(wealth[-1]) if len(wealth) else 1.0


def within_budget(bet: NDArray[np.float64], worst: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a day's stakes, cut in order so that their worst losses stay within the budget.

    A stake depends on those before it and not on those after it.

    Parameters
    ----------
    bet
        Shape (n,), the stakes wanted, in order of decision.
    worst
        Shape (n,), the largest loss of a stake of 1, as a share of the wealth.

    Returns
    -------
    NDArray[float64]
        Shape (n,), at most ``bet``.
    """
    left = _MOST_AT_RISK
    stake = bet.copy()
    for row, loss in enumerate(worst.tolist()):
        if loss > 0:
            stake[row] = min(stake[row], left / loss)
        left = max(left - stake[row] * loss, 0.0)
    return stake
