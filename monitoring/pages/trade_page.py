"""The page of the trader's own trades: the results by kind, then the costs."""

from __future__ import annotations

from datetime import datetime

from ml_core.evidence.intervals import Interval
from ml_core.fills.planned import PlannedTrade
from ml_core.fills.real_costs import MIN_DAYS
from ml_core.fills.report import TradeReport
from ml_core.fills.review import ReviewedTrip, TradeTotals
from monitoring.pages.document import (
    Block,
    BulletList,
    Cell,
    CellText,
    Document,
    FactTable,
    Paragraph,
    Section,
    Table,
)
from monitoring.pages.formatting import (
    DASH,
    count_of,
    interval,
    minute,
    percent,
    r_multiple,
    signed,
    signed_or_dash,
)

_LIMITS = tuple(
    " ".join(paragraph.split())
    for paragraph in """
A trade is paired first in, first out within an account and contract, whatever the platform pairs.

A plan that was not followed is counted by its label: size 1, the costs that the market file
assumes, money of one contract.

Slippage is of entries near a break and of exits near its stop or target; an exit at another price
has no plan to compare with.

Intervals are 95 %, by days, and hold for one test.
""".strip().split("\n\n")
)
PRICE_WORDS = {"entry": "at the entry", "stop": "at the stop", "target": "at the target"}


def trade_page(report: TradeReport, *, made_at: datetime | None = None) -> Document:
    """Return the page.

    Parameters
    ----------
    report
        The report.
    made_at
        Printed at the foot, in UTC; without it, the same trades give the same bytes.
    """
    review = report.review
    symbol = report.market.symbol
    return Document(
        title=f"Orbcast: own trades of {symbol}",
        names=(symbol, "own trades"),
        verdict=headline(report),
        lines=(f"{review.first_day} to {review.last_day}; {report.plans_in_words}.",),
        sections=(
            Section("Results by kind", (brought_table(report),)),
            Section("Real costs", cost_blocks(report)),
            Section("Trades", (_trips(report),)),
            Section("Planned, not taken", _missed(report)),
            Section("Method", (Paragraph(report.rule_in_words), BulletList(_LIMITS))),
        ),
        made_at=made_at,
    )


def headline(report: TradeReport) -> str:
    """Return the counts in one sentence."""
    review = report.review
    words = (
        f"{len(review.of_kind('followed')):,} followed, {len(review.missed):,} not followed, "
        f"{len(review.of_kind('improvised')):,} improvised."
    )
    left = [f"{review.open:,} still open"] if review.open else []
    left += [f"{report.beyond:,} beyond the bars, not judged"] if report.beyond else []
    return f"{words[:-1]}; {', '.join(left)}." if left else words


def brought_table(report: TradeReport) -> Table:
    """Return the result of each group of trades."""
    currency = report.market.instrument.currency
    return Table(
        head=("", "trades", "won", "R net", "R a trade", currency),
        rows=tuple((words, *_brought(one)) for words, one in report.groups().items()),
    )


def _brought(one: TradeTotals) -> tuple[CellText, ...]:
    if not one.trades:
        return ("0", DASH, DASH, DASH, DASH)
    mean = one.per_trade
    return (
        f"{one.trades:,}",
        percent(one.won / one.trades, 0),
        signed(one.total_r, 1),
        _with_interval(signed_or_dash(mean.estimate), mean),
        signed(one.money, 2),
    )


def cost_blocks(report: TradeReport) -> tuple[Block, ...]:
    """Return slippage and commission against the assumed costs, and how to correct the file."""
    currency = report.market.instrument.currency
    facts: dict[str, CellText] = {
        check.name: check.words(currency) for check in report.review.costs
    }
    if report.correction:
        facts["correct the market file"] = Cell(report.correction, is_code=True)
    rows = tuple(
        (PRICE_WORDS[price], f"{real.rows:,}", _ticks(real))
        for price, real in report.review.slippage.items()
    )
    note = "Above 0 it was filled worse than planned."
    return (
        FactTable(facts),
        Table(head=("slippage", "sides", "ticks a side"), rows=rows, note=note),
    )


def _ticks(real: Interval) -> CellText:
    if not real.rows:
        return DASH
    return _with_interval(signed(real.estimate, 2), real)


def _with_interval(words: str, mean: Interval) -> Cell:
    if not mean.is_known:
        return Cell(words, f"too few days ({mean.days} of {MIN_DAYS})")
    return Cell(words, interval(mean.low, mean.high, 2))


def _trips(report: TradeReport) -> Table:
    return Table(
        head=("entered (UTC)", "side", "contracts", "entry", "exit", "R", "money", "plan"),
        rows=tuple(_trip(one) for one in reversed(report.review.trips)),
        is_text=True,
        folded=True,
        title=count_of(len(report.review.trips), "round trip"),
    )


def _trip(one: ReviewedTrip) -> tuple[CellText, ...]:
    trip = one.trip
    return (
        minute(trip.entered_at),
        trip.side,
        f"{trip.quantity:g} {trip.contract}",
        f"{trip.entry:.10g}",
        DASH if trip.exit is None else f"{trip.exit:.10g}",
        signed_or_dash(one.r),
        DASH if trip.is_open else signed(one.money, 2),
        plan_words(one),
    )


def plan_words(one: ReviewedTrip) -> str:
    """Return in words how a round trip relates to the plans."""
    if one.trip.is_open:
        return "still open"
    if one.planned is None:
        return "improvised"
    words = f"{one.planned.opening_range} of {one.planned.trading_day}"
    return words if one.kind == "followed" else f"improvised; {words}: {one.planned.why_not}"


def _missed(report: TradeReport) -> tuple[Block, ...]:
    missed = report.review.missed
    if not missed:
        return (Paragraph("Every planned entry was taken."),)
    head = ("break (UTC)", "range", "side", "entry", "stop", "target", "R by the plan")
    return (
        Table(
            head=head,
            rows=tuple(_planned(trade) for trade in reversed(missed)),
            is_text=True,
            folded=True,
            title=f"{count_of(len(missed), 'break')} planned and not traded",
        ),
    )


def _planned(trade: PlannedTrade) -> tuple[CellText, ...]:
    return (
        minute(trade.at),
        f"{trade.opening_range} of {trade.trading_day}",
        trade.side,
        *(
            DASH if price is None else f"{price:.10g}"
            for price in (trade.entry, trade.stop, trade.target)
        ),
        r_multiple(trade.r_net),
    )
