"""How realistic a label's fills are: exact touches of the target, and prices after breakouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.json_form import Figure
from ml_core.learning.datasets.assemble import Assembly
from ml_core.ranges.labels import UNKNOWN, UP, WIN, label


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRealism:
    """What the label assumes about fills, in figures of this market.

    Attributes
    ----------
    trades, first_day, last_day
        Finished trades, taken at every breakout, and the days of the first and the last of them;
        "" without any.
    wins, win_share
        Number and share of trades that reached the target by a touch.
    exact_touches
        Share of the wins whose last bar reached the target to the tick and no further: a resting
        limit order there might not have been filled.
    win_share_through
        Share of trades that win if a price beyond the target must trade.
    through_costs_r
        The cost of that rule, R per trade.
    entries
        Trades with a bar after the breakout, before their time ends.
    entry_ticks, entry_r
        How much worse that bar opened than the label's entry (the close that broke the range);
        negative if it opened better. Ticks, and R per trade.
    """

    trades: int
    first_day: str
    last_day: str
    wins: int
    win_share: Figure
    exact_touches: Figure
    win_share_through: Figure
    through_costs_r: Interval
    entries: int
    entry_ticks: Interval
    entry_r: Interval


def fill_realism(assembly: Assembly, *, seed: int = 0) -> FillRealism:
    """Return how realistic the fills assumed by a market's labels are, from its own bars.

    The same breakouts are labelled with both target rules, whichever the assembly has. Costs are
    the same under both, so the comparison uses R before costs.

    Parameters
    ----------
    assembly
        Every breakout of its period counts.
    seed
        Seed of the bootstrap of days.
    """
    tape, ranges, spec = assembly.tape, assembly.ranges, assembly.label_spec
    touch, through = (
        label(tape, ranges, spec.model_copy(update={"target": rule}), 0.0)
        for rule in ("touch", "through")
    )
    is_settled = (touch.outcome != UNKNOWN) & (through.outcome != UNKNOWN)
    is_settled &= ranges.usable
    rows = assembly.reported[is_settled[assembly.reported]]
    days = tape.schedule.days[ranges.day]
    won = rows[touch.outcome[rows] == WIN]
    last_bar = tape.first_at(touch.resolved_minute[won] - 1)
    extreme = np.where(touch.direction[won] == UP, tape.high[last_bar], tape.low[last_bar])
    scan_end = ranges.session_end if spec.scan_end == "session_end" else ranges.day_end
    next_bar = tape.first_at(touch.break_minute[rows])
    in_time = next_bar < tape.first_at(scan_end[rows])
    entered, next_bar = rows[in_time], next_bar[in_time]
    worse = touch.direction[entered] * (tape.open[next_bar] - touch.entry[entered])
    worse = worse.astype(np.float64)
    return FillRealism(
        trades=len(rows),
        first_day=str(days[rows[0]]) if len(rows) else "",
        last_day=str(days[rows[-1]]) if len(rows) else "",
        wins=len(won),
        win_share=_share(len(won), len(rows)),
        exact_touches=_share(int((extreme == touch.target[won]).sum()), len(won)),
        win_share_through=_share(int((through.outcome[rows] == WIN).sum()), len(rows)),
        through_costs_r=mean_interval(
            touch.r_gross[rows] - through.r_gross[rows], days[rows], seed=seed
        ),
        entries=len(entered),
        entry_ticks=mean_interval(worse, days[entered], seed=seed),
        entry_r=mean_interval(worse / touch.risk[entered], days[entered], seed=seed),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
