"""What following rules through history came to, whole and by range, beside a driftless price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ml_core.backtest.driftless_rule import BesideDriftless, DriftlessTrades, beside_driftless
from ml_core.backtest.value_added import Worth, by_year, refusals, worth
from ml_core.evidence.intervals import Interval
from ml_core.evidence.promotion.trial_cost import z_wanted
from ml_core.json_values import BESIDE, KEPT_OUT
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import Taken

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What the trades of one range, or of all, came to.

    Attributes
    ----------
    worth, driftless
        The result, and what stands beside it; None without a settled trade.
    cost_per_trade
        Costs in R a trade, at the sizes traded; NaN without a trade.
    at_once
        Trades that ended in the very bar of their entry, where the stop is taken to come first.
    """

    worth: Worth = field(metadata=BESIDE)
    cost_per_trade: float
    at_once: int
    driftless: BesideDriftless | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """A backtest of rules.

    Attributes
    ----------
    rules, hash
        Name and hash of those that were followed.
    whole, years, ranges
        All trades, what each year came to, and those of each range that was traded.
    refused
        What kept slots from being traded.
    looks
        Distinct questions asked of these markets so far, this one included.
    taken
        What became of each slot.
    """

    json_properties: ClassVar = ("paid_for",)

    rules: str
    hash: str
    whole: GroupResult = field(metadata=BESIDE)
    years: Mapping[str, Worth]
    ranges: Mapping[str, GroupResult]
    refused: Mapping[str, int]
    looks: int
    taken: tuple[Taken, ...] = field(metadata=KEPT_OUT, repr=False)

    @property
    def paid_for(self) -> tuple[float, float] | None:
        """Ends of net R a trade above the driftless price, paid for all looks; None of none."""
        if self.whole.driftless is None:
            return None
        above: Interval = self.whole.driftless.above
        width = z_wanted(self.looks, ALPHA) * above.error
        return above.estimate - width, above.estimate + width


def backtest_result(
    rules: Rules, taken: Sequence[Taken], driftless: DriftlessTrades, *, looks: int
) -> BacktestResult:
    """Put together what the trades of a period came to.

    Parameters
    ----------
    rules, taken
        The rules, and what became of each slot by them.
    driftless
        A driftless price in the same slots.
    looks
        Distinct questions asked so far, at least 1.
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


def _group(taken: Sequence[Taken], driftless: DriftlessTrades, only: str | None) -> GroupResult:
    trades = [trade for trade in taken if only in {None, trade.slot.opening_range}]
    of_group = worth(trades)
    return GroupResult(
        worth=of_group,
        cost_per_trade=of_group.gross_per_trade.estimate - of_group.per_trade.estimate,
        driftless=beside_driftless(taken, driftless, only),
        at_once=sum(
            trade.size > 0 and trade.slot.prices is not None and trade.slot.prices.at_once
            for trade in trades
        ),
    )
