"""A market's own trades held against plans, with where the plans are from and what to correct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from ml_core.evidence.intervals import Interval
from ml_core.fills.planned import PlannedTrade, Tolerance
from ml_core.fills.real_costs import CostCheck, PlannedPrice
from ml_core.fills.review import Brought, Kind, ReviewedTrip, TradeReview
from ml_core.json_values import BESIDE
from ml_core.market.market import Market
from ml_core.strategy.rules import Side

PlansOf = Literal["record", "rules"]
"""Plans that were decided live, or those that the rules would have made on the bars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReport:
    """A market's own trades held against plans.

    Attributes
    ----------
    market, name, rules
        Whose; its file's name, and the rules'.
    plans
        Where the plans are from.
    tolerance
        How far an entry could be from its plan.
    review
        What was found.
    beyond
        Round trips of the period that the bars do not reach to, which are not judged.
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
        """The command that corrects the market file; "" where its costs need no other value."""
        options = [
            f"--{check.name} {check.corrected:g}"
            for check in self.review.costs
            if check.corrected is not None
        ]
        return f"orbcast market costs {self.name} {' '.join(options)}" if options else ""

    @property
    def plans_in_words(self) -> str:
        """Where the plans are from."""
        if self.plans == "record":
            return "plans as they were decided live"
        return f"plans that {self.rules} would have made: none of these days was decided live"

    @property
    def rule_in_words(self) -> str:
        """When a break explains a trade."""
        return (
            f"A break explains an entry of its side within {self.tolerance.minutes:g} minutes of "
            f"it and {self.tolerance.risk_share:.0%} of the planned risk of its price."
        )

    def listing(self) -> TradeListing:
        """Return it as JSON lists it, a line for each round trip."""
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

    def groups(self) -> dict[str, Brought]:
        """Return what each group of trades brought, by what it is called."""
        return {words: getattr(self.review, name) for name, words in GROUPS.items()}


GROUPS = {
    "followed": "followed",
    "as_planned": "the same slots by the plan",
    "not_followed": "not followed, by the plan",
    "improvised": "improvised",
}
"""Groups of trades, and what they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeListing:
    """A report as JSON lists it: whose, what each group brought, costs, and every trade."""

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
    groups: Mapping[str, Brought] = field(metadata=BESIDE)
    slippage: Mapping[PlannedPrice, Interval]
    costs: tuple[CostCheck, ...]
    correction: str | None
    round_trips: tuple[TripLine, ...]
    missed: tuple[PlannedTrade, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripLine:
    """A round trip and the plan that explains it, None without one, as one flat line."""

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
