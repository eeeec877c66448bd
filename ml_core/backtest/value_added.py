"""The results of plans, and the part of a difference that is due to the model's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.intervals import ENDS, Interval, mean_interval
from ml_core.evidence.metrics import max_drawdown
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Side
from ml_core.strategy.trades import PlanResult


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeStatistics:
    """The result of a decision rule.

    Attributes
    ----------
    slots, armed, trades
        Counts.
    total_r, per_trade
        Sum of net R times size; and its mean over the trades with a day-block interval.
    gross_per_trade
        The same mean before costs.
    hit_rate, drawdown_r
        Share of trades above 0; maximum drawdown of the cumulative sum, in decision order.
    """

    json_properties: ClassVar = ("words", "verdict")

    slots: int
    armed: int
    trades: int
    total_r: float
    per_trade: Interval = field(metadata=ENDS)
    gross_per_trade: Interval = field(metadata=ENDS)
    hit_rate: float | None
    drawdown_r: float

    @property
    def words(self) -> str:
        """One plain sentence."""
        if not self.trades:
            return f"no trade in {self.slots:,} slots"
        mean, gross = self.per_trade, self.gross_per_trade
        return (
            f"{self.trades:,} trades of {self.slots:,} slots, {self.total_r:+.1f} R net in all, "
            f"{mean.estimate:+.3f} a trade ({mean.low:+.3f} to {mean.high:+.3f}): {sure(mean)}; "
            f"before costs {gross.estimate:+.3f} ({gross.low:+.3f} to {gross.high:+.3f}): "
            f"{sure(gross)}; largest drawdown {self.drawdown_r:.1f} R"
        )

    @property
    def verdict(self) -> str:
        """The conclusion, as one sentence."""
        if not self.trades:
            return "nothing to judge"
        if self.per_trade.below_zero:
            gross = self.gross_per_trade
            before = (
                "they lost"
                if gross.below_zero
                else "they gained"
                if gross.above_zero
                else "they cannot be distinguished from luck"
            )
            return f"these rules lost after costs; before costs {before}"
        if not self.per_trade.above_zero:
            return "these rules cannot be distinguished from luck"
        return (
            "these rules gained in these days; if they were chosen by these days that is no "
            "evidence: `orbcast study setups` counts every rule tried"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The value a model's sizes added, split into trading less or more, and choosing.

    A model that halves every size of losing rules halves their loss without knowing anything. So
    the difference is split: ``size_ratio`` times the plain trades is the effect of the same change
    of size without any choice; the rest is the effect of the model's choice.

    Attributes
    ----------
    slots, trades
        Number of slots compared; number of trades settled on either path.
    total_r, per_slot
        Net R times size with the model minus without it; its mean per slot with an interval.
    size_ratio
        Sum of the sizes with the model divided by the sum without it.
    by_size_r
        ``(size_ratio - 1)`` times the plain net R.
    by_choice_r, choice_per_slot
        The rest; its mean per slot with an interval. Its sign shows whether the model is of value.
    """

    json_properties: ClassVar = ("words",)

    slots: int
    trades: int
    total_r: float
    per_slot: Interval = field(metadata=ENDS)
    size_ratio: float
    by_size_r: float
    by_choice_r: float
    choice_per_slot: Interval = field(metadata=ENDS)

    @property
    def words(self) -> str:
        """One plain sentence."""
        if not self.trades:
            return "no settled trade to compare yet"
        mean = self.choice_per_slot
        doubt = "" if mean.above_zero or mean.below_zero else ", not distinguishable from 0"
        return (
            f"the model's sizes changed the result by {self.total_r:+.1f} R: "
            f"{self.by_size_r:+.1f} R by trading {self.size_ratio:.2f} times the size, "
            f"{self.by_choice_r:+.1f} R by choosing, {mean.estimate:+.4f} a slot "
            f"({mean.low:+.4f} to {mean.high:+.4f}){doubt}"
        )


def sure(interval: Interval) -> str:
    """Return the side of 0 on which the whole interval lies, as text."""
    if interval.above_zero:
        return "above 0"
    return "below 0" if interval.below_zero else "not distinguishable from 0"


def trade_statistics(taken: Sequence[PlanResult]) -> TradeStatistics:
    """Return the result of plans; unsettled trades are left out."""
    trades = [trade for trade in taken if trade.size > 0 and trade.slot.r_net is not None]
    r = np.array([trade.r for trade in trades], np.float64)
    gross = np.array([trade.size * (trade.slot.r_gross or 0.0) for trade in trades], np.float64)
    return TradeStatistics(
        slots=len(taken),
        armed=sum(trade.plan.armed for trade in taken),
        trades=len(trades),
        total_r=float(r.sum()),
        per_trade=mean_interval(r, _days(trades)),
        gross_per_trade=mean_interval(gross, _days(trades)),
        hit_rate=float((r > 0).mean()) if len(r) else None,
        drawdown_r=max_drawdown(r) if len(r) else 0.0,
    )


def added(with_: Sequence[PlanResult], without: Sequence[PlanResult]) -> Added:
    """Split the value that the model's sizes added on the same slots.

    With sizes w (model) and b (plain), net R for size 1 r, k = sum w / sum b and m = sum br / sum
    b, choosing adds sum (w - kb) r. This equals sum (w - kb)(r - m), because sum (w - kb) is 0. In
    the latter form the day-block interval accounts for k being estimated (the ratio's
    linearisation, Cochran, Sampling Techniques, 1977, ch. 6). Unsettled trades count with size 0.
    """
    pairs = list(zip(with_, without, strict=True))
    r = np.array([trade.slot.r_net or 0.0 for trade, _ in pairs], np.float64)
    settled = np.array([trade.slot.r_net is not None for trade, _ in pairs], bool)
    scaled, plainly = (
        np.where(settled, [pair[which].size for pair in pairs], 0.0) for which in (0, 1)
    )
    whole = float(plainly.sum())
    ratio = float(scaled.sum()) / whole if whole else 1.0
    mean = float((plainly * r).sum()) / whole if whole else 0.0
    chosen = (scaled - ratio * plainly) * (r - mean)
    gain, days = (scaled - plainly) * r, _days(with_)
    return Added(
        slots=len(pairs),
        trades=int(((scaled > 0) | (plainly > 0)).sum()),
        total_r=float(gain.sum()),
        per_slot=mean_interval(gain, days),
        size_ratio=ratio,
        by_size_r=(ratio - 1.0) * float((plainly * r).sum()),
        by_choice_r=float(chosen.sum()),
        choice_per_slot=mean_interval(chosen, days),
    )


def by_opinion(
    with_: Sequence[PlanResult], without: Sequence[PlanResult]
) -> dict[str, TradeStatistics]:
    """Return the results of the unscaled trades by the model's opinion of the breakout side."""
    groups: dict[str, list[PlanResult]] = {}
    for scaled, trade in zip(with_, without, strict=True):
        if trade.size:
            groups.setdefault(_opinion(scaled.plan, trade.slot.side), []).append(trade)
    return {name: trade_statistics(groups[name]) for name in sorted(groups)}


def by_year(taken: Sequence[PlanResult]) -> dict[str, TradeStatistics]:
    """Return the result of plans in each year."""
    years = sorted({trade.slot.trading_day.year for trade in taken})
    return {
        str(year): trade_statistics(
            [trade for trade in taken if trade.slot.trading_day.year == year]
        )
        for year in years
    }


def refusals(taken: Sequence[PlanResult]) -> dict[str, int]:
    """Count the reasons for not trading slots: each rule at t0, and the day's at the breakout."""
    counts: dict[str, int] = {}
    for trade in taken:
        for name in trade.refused_by:
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _opinion(plan: Plan, side: Side | None) -> str:
    if plan.agreement in {"", "silent"}:
        return "silent"
    if plan.recommends is None:
        return "skip recommended"
    return "recommended" if plan.recommends == side else "the other side recommended"


def _days(rows: Sequence[PlanResult]) -> NDArray[np.datetime64]:
    return np.array([row.slot.trading_day for row in rows], "datetime64[D]")
