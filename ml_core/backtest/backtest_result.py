"""The result of following rules through history, in total and by range, with its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ml_core.backtest.driftless_rule import BesideDriftless, DriftlessTrades, beside_driftless
from ml_core.backtest.value_added import TradeStatistics, by_year, refusals, trade_statistics
from ml_core.evidence.intervals import Interval
from ml_core.evidence.promotion.trial_cost import z_wanted
from ml_core.json_values import INLINE, OMIT
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import PlanResult

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """The result of the trades of one range, or of all.

    Attributes
    ----------
    statistics, driftless
        The result, and the driftless baseline; None without a settled trade.
    cost_per_trade
        Costs in R per trade, at the sizes traded; NaN without a trade.
    at_once
        Number of trades that ended in their entry bar, where the stop is assumed to come first.
    """

    statistics: TradeStatistics = field(metadata=INLINE)
    cost_per_trade: float
    at_once: int
    driftless: BesideDriftless | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """A backtest of rules.

    Attributes
    ----------
    rules, hash
        Name and hash of the rules.
    whole, years, ranges
        Results of all trades, of each year, and of each range that was traded.
    refused
        Reasons for which slots were not traded.
    looks
        Number of distinct questions asked of these markets so far, including this one.
    taken
        The outcome of each slot.
    """

    json_properties: ClassVar = ("paid_for",)

    rules: str
    hash: str
    whole: GroupResult = field(metadata=INLINE)
    years: Mapping[str, TradeStatistics]
    ranges: Mapping[str, GroupResult]
    refused: Mapping[str, int]
    looks: int
    taken: tuple[PlanResult, ...] = field(metadata=OMIT, repr=False)

    @property
    def paid_for(self) -> tuple[float, float] | None:
        """Interval of net R per trade above the baseline, corrected for all looks; or None."""
        if self.whole.driftless is None:
            return None
        above: Interval = self.whole.driftless.above
        width = z_wanted(self.looks, ALPHA) * above.error
        return above.estimate - width, above.estimate + width


def backtest_result(
    rules: Rules, taken: Sequence[PlanResult], driftless: DriftlessTrades, *, looks: int
) -> BacktestResult:
    """Assemble the result of a period's trades.

    Parameters
    ----------
    rules, taken
        The rules, and their outcome in each slot.
    driftless
        Trades on a driftless price in the same slots.
    looks
        Number of distinct questions asked so far, at least 1.
    """
    traded = {trade.slot.opening_range for trade in taken if trade.size > 0}
    in_order = dict.fromkeys(trade.slot.opening_range for trade in taken)
    return BacktestResult(
        rules=rules.name,
        hash=rules.hash,
        whole=_group(taken, driftless, None),
        ranges={name: _group(taken, driftless, name) for name in in_order if name in traded},
        years=by_year(taken),
        refused=refusals(taken),
        looks=looks,
        taken=tuple(taken),
    )


def _group(
    taken: Sequence[PlanResult], driftless: DriftlessTrades, only: str | None
) -> GroupResult:
    trades = [trade for trade in taken if only in {None, trade.slot.opening_range}]
    of_group = trade_statistics(trades)
    return GroupResult(
        statistics=of_group,
        cost_per_trade=of_group.gross_per_trade.estimate - of_group.per_trade.estimate,
        driftless=beside_driftless(taken, driftless, only),
        at_once=sum(
            trade.size > 0 and trade.slot.prices is not None and trade.slot.prices.at_once
            for trade in trades
        ),
    )
