"""Anytime-valid comparison: the wealth of a gambler who bets against "no better"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6
_MOST_AT_RISK = 0.9
_PRIOR_BET = 0.5  # Kelly's stake on a log-likelihood ratio if the challenger is right
_PRIOR_ROWS = 50.0
_MOST_BET = 2.0


def e_process(
    challenger: NDArray[np.float64],
    other: NDArray[np.float64],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    broke: NDArray[np.bool_] | bool,
) -> NDArray[np.float64]:
    """Return, after each day, the evidence that a challenger's log loss is smaller.

    The null hypothesis: given what is known at any decision, the challenger's expected log loss is
    not below the other's. If it is true, the wealth is a supermartingale that starts at 1. Then
    the probability that it ever reaches 1/alpha is at most alpha, however often it is checked and
    whenever one stops (Ville 1939; Shafer 2021; Waudby-Smith and Ramdas, Estimating means of
    bounded random variables by betting, 2024; Choe and Ramdas, Comparing sequential forecasters,
    2023).

    It is exact without assuming a bound on log loss: both probabilities are known before the
    outcome, so each row's worst loss is known when the bet is made. A row's stake depends on its
    own probabilities, on the rows decided earlier that day, and on the outcomes of earlier days.
    Rows of one day may be open at the same time, so a day's bets are made with the wealth of that
    morning and never risk more than ``0.9`` of it. The day's factor is 1 + the sum of stake x
    gain.

    Parameters
    ----------
    challenger, other
        Shape (n,): P(UP | breakout) of each, in decision order.
    happened
        Shape (n,): whether the breakout was UP.
    day
        Shape (n,): trading day, ascending.
    broke
        Shape (n,): whether the row had a breakout; True if every row did. A row without one, or
        one still open, gains nothing but takes its part of the day's stakes: whether it would
        break out was not known when the later rows were decided.

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
    """Return, after each day, the evidence that an event's probability exceeds ``share``.

    The null hypothesis: given the past, each row happens with probability at most ``share``. The
    evidence is valid at any time, like :func:`e_process`, and has the same daily budget. The stake
    is the same for each row of a day while the budget lasts. It is Kelly's stake for the results
    of whole days so far, because rows of one day are dependent, shrunk towards no bet by a prior
    (betting on the mean of bounded variables: Waudby-Smith and Ramdas 2024).

    Parameters
    ----------
    happened
        Shape (n,), in decision order.
    day
        Shape (n,): trading day, ascending.
    share
        Between 0 and 1; values of 0 and 1 are moved by a millionth so that a bet is possible.
    counted
        Shape (n,): whether the row counts; True if every row does. See ``broke`` of
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
    """Return the rows of each day, in order; ``day`` has shape (n,) and is ascending."""
    starts = np.unique(day, return_index=True)[1].tolist()
    return [slice(*bounds) for bounds in zip(starts, [*starts[1:], len(day)], strict=False)]


def latest(wealth: NDArray[np.float64]) -> float:
    """Return the last of ``wealth``, shape (d,); before the first day 1, meaning no evidence."""
    return float(wealth[-1]) if len(wealth) else 1.0


def within_budget(bet: NDArray[np.float64], worst: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a day's stakes, cut in order so that their worst losses stay within the budget.

    A stake depends on earlier stakes, not on later ones.

    Parameters
    ----------
    bet
        Shape (n,), the stakes wanted, in decision order.
    worst
        Shape (n,), the largest loss per unit stake, as a share of the wealth.

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
