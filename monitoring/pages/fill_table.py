"""How realistic a market's assumed fills are, for a report and for an artifact."""

from __future__ import annotations

from ml_core.evidence.fills import FillRealism
from ml_core.evidence.intervals import Interval
from monitoring.pages.document import Block, FactTable, Paragraph
from monitoring.pages.formatting import NOT_KNOWN, percent, signed


def fill_blocks(fills: FillRealism | None) -> tuple[Block, ...]:
    """Return a report's section, which says so if there is nothing to measure."""
    if fills is None or not fills.trades:
        return (Paragraph(f"{NOT_KNOWN}: no finished trade to measure them on.".capitalize()),)
    note = (
        f"Of {fills.trades:,} finished trades at every break, {fills.first_day} to "
        f"{fills.last_day}, on this market's own bars of one minute; 95 % intervals by days."
    )
    return (Paragraph(note), FactTable(fill_facts(fills)))


def fill_facts(fills: FillRealism) -> dict[str, str]:
    """Return the three figures in words, by label; empty without a trade."""
    if not fills.trades:
        return {}
    touches = "no trade reached its target"
    if fills.wins:
        touches = (
            f"{percent(fills.exact_touches)} of {fills.wins:,} wins: the winning bar reached "
            "the target to the tick and no further, where an order may stay unfilled"
        )
    side = "worse" if fills.entry_ticks.estimate > 0 else "better"
    return {
        "exact touches": touches,
        "target traded through": (
            f"{percent(fills.win_share_through)} of the trades win, by a touch "
            f"{percent(fills.win_share)}; that costs {_r(fills.through_costs_r)}"
        ),
        "entry": (
            f"the bar after the break opened {abs(fills.entry_ticks.estimate):.2f} ticks {side} "
            f"than the planned entry, {_r(fills.entry_r)} lost; below 0 is in the trade's favour"
        ),
    }


def _r(interval: Interval) -> str:
    if not interval.is_known:
        return NOT_KNOWN
    low, high = signed(interval.low, 3), signed(interval.high, 3)
    return f"{signed(interval.estimate, 3)} R a trade ({low} to {high})"
