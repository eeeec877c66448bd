"""Compares a market's own trades with plans, and names the plans' origin and corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from ml_core.evidence.intervals import Interval
from ml_core.fills.planned import PlannedTrade, Tolerance
from ml_core.fills.real_costs import CostCheck, PlannedPrice
from ml_core.fills.review import Kind, ReviewedTrip, TradeReview, TradeTotals
from ml_core.json_values import INLINE
from ml_core.market.market import Market
from ml_core.strategy.rules import Side

PlansOf = Literal["record", "rules"]
"""Plans that were decided live, or plans that the rules make from the bars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReport:
    """A comparison of a market's own trades with plans.

    Attributes
    ----------
    market, name, rules
        The market, the name of its file, and the rules.
    plans
        The origin of the plans.
    tolerance
        How far an entry may be from its plan.
    review
        The result of the comparison.
    beyond
        Number of round trips of the period that the bars do not cover; they are not judged.
    """

    market: Market
    name: str
    rules: str
    plans: PlansOf
    tolerance: Tolerance
    review: TradeReview
    beyond: int

    @property
    def correction(self) -> str:
        """The command that corrects the market file; "" if no cost needs a change."""
        options = [
            f"--{check.name} {check.corrected:g}"
            for check in self.review.costs
            if check.corrected is not None
        ]
        return f"orbcast market costs {self.name} {' '.join(options)}" if options else ""

    @property
    def plans_in_words(self) -> str:
        """The origin of the plans, as text."""
        if self.plans == "record":
            return "plans as they were decided live"
        return f"plans that {self.rules} would have made: none of these days was decided live"

    @property
    def rule_in_words(self) -> str:
        """The condition for a breakout to explain a trade."""
        return (
            f"A break explains an entry of its side within {self.tolerance.minutes:g} minutes of "
            f"it and {self.tolerance.risk_share:.0%} of the planned risk of its price."
        )

    def listing(self) -> TradeListing:
        """Return the report for JSON, one line per round trip."""
        review = self.review
        return TradeListing(
            market=self.market.symbol,
            first_day=review.first_day,
            last_day=review.last_day,
            rules=self.rules,
            plans=self.plans,
            tolerance=self.tolerance,
            currency=self.market.instrument.currency,
            fills=review.fills,
            open=review.open,
            beyond=self.beyond,
            groups={name: getattr(review, name) for name in GROUPS},
            slippage=review.slippage,
            costs=review.costs,
            correction=self.correction or None,
            round_trips=tuple(map(trip_line, review.trips)),
            missed=review.missed,
        )

    def groups(self) -> dict[str, TradeTotals]:
        """Return the results of each group of trades, by its name."""
        return {words: getattr(self.review, name) for name, words in GROUPS.items()}


GROUPS = {
    "followed": "followed",
    "as_planned": "the same slots by the plan",
    "not_followed": "not followed, by the plan",
    "improvised": "improvised",
}
"""Groups of trades, and their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeListing:
    """A report in JSON form: market, results of each group, costs, and every trade."""

    market: str
    first_day: date = field(metadata={"alias": "from"})
    last_day: date = field(metadata={"alias": "to"})
    rules: str
    plans: PlansOf
    tolerance: Tolerance
    currency: str
    fills: int
    open: int
    beyond: int = field(metadata={"alias": "beyond_the_bars"})
    groups: Mapping[str, TradeTotals] = field(metadata=INLINE)
    slippage: Mapping[PlannedPrice, Interval]
    costs: tuple[CostCheck, ...]
    correction: str | None
    round_trips: tuple[TripLine, ...]
    missed: tuple[PlannedTrade, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripLine:
    """A round trip and the plan that explains it (None without one), as one flat line."""

    trading_day: date
    account: str
    contract: str
    side: Side
    quantity: float
    entered_at: datetime
    entry: float
    exited_at: datetime | None
    exit: float | None
    closed: float
    commission: float | None
    money: float
    r: float
    kind: Kind
    opening_range: str | None
    planned_size: float | None
    planned_entry: float | None
    planned_stop: float | None
    planned_target: float | None
    planned_r_net: float | None
    why_not: str | None


def trip_line(reviewed: ReviewedTrip) -> TripLine:
    """Return a round trip as one flat line."""
    trip, planned = reviewed.trip, reviewed.planned
    return TripLine(
        trading_day=reviewed.trading_day,
        account=trip.account,
        contract=trip.contract,
        side=trip.side,
        quantity=trip.quantity,
        entered_at=trip.entered_at,
        entry=trip.entry,
        exited_at=trip.exited_at,
        exit=trip.exit,
        closed=trip.closed,
        commission=trip.commission,
        money=reviewed.money,
        r=reviewed.r,
        kind=reviewed.kind,
        opening_range=planned.opening_range if planned else None,
        planned_size=planned.size if planned else None,
        planned_entry=planned.entry if planned else None,
        planned_stop=planned.stop if planned else None,
        planned_target=planned.target if planned else None,
        planned_r_net=planned.r_net if planned else None,
        why_not=planned.why_not if planned else None,
    )
