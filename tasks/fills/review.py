"""Compare the trader's own trades of a period with the plans on record or the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ml_core.bars.lake.lake import LakeStatus
from ml_core.decision.plan_record import SlotKey, first_by_slot
from ml_core.decision.plan_slot import OPEN_DAYS, active_plan
from ml_core.errors import InputError
from ml_core.fills.planned import Tolerance, planned_trades
from ml_core.fills.report import PlansOf, TradeReport
from ml_core.fills.review import review
from ml_core.fills.round_trips import round_trips
from ml_core.market.market import Market
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import PlanResult, follow_plans
from registry.fills import fills_of
from registry.strategy import strategy_records
from tasks.prediction.outcomes.value_added import follow_rules
from tasks.prediction.slots import trading_day_at
from tasks.settings import Settings


class NoFillsError(InputError):
    """Error for a period without fills that the bars cover."""

    symbol: str
    period: str
    market: str
    template = (
        "{symbol} has no fills{period} within the bars; import some: orbcast fills import FILE "
        "--market {market}, and import the bars of their days: orbcast refresh --market "
        "{market}"
    )


def trade_report(
    settings: Settings,
    name: str,
    *,
    first: date | None,
    last: date | None,
    at: datetime,
    plans: PlansOf | None = None,
    tolerance: Tolerance | None = None,
) -> TradeReport:
    """Compare the round trips of a period with the plans.

    Parameters
    ----------
    settings, name
        The installation, and the name of a market file.
    first, last
        Trading days, both included; by default, those of the first and the last fill.
    at
        Aware time, now.
    plans
        Which plans; by default those on record if the period has any, otherwise the rules'.
    tolerance
        How far an entry may deviate from its plan.

    Raises
    ------
    NoFillsError
        The period has no fill that the bars cover.
    """
    market = settings.market(name)
    rules = settings.rules(market.symbol)
    tolerance = tolerance or Tolerance()
    fills = [
        (fill, trading_day_at(market, fill.time))
        for fill in fills_of(settings.database(), market.symbol)
    ]
    # a position may have been opened before the period, so every fill is matched
    trips = [
        (trip, trading_day_at(market, trip.entered_at))
        for trip in round_trips((fill for fill, _ in fills), market.instrument)
    ]
    days = [day for _, day in fills]
    begin, end = first or min(days, default=at.date()), last or max(days, default=at.date())
    wanted = [row for row in trips if begin <= row[1] <= end]
    lake_status = settings.lake().status(market.symbol)
    judged = [row for row in wanted if _is_within(lake_status, row[0].entered_at)]
    if lake_status.first is None or lake_status.last is None or not judged:
        period = f" from {begin} to {end}" if first or last else ""
        raise NoFillsError(market.symbol, period, name)
    own_fills = [row for row in fills if begin <= row[1] <= end]
    begin = max(begin, trading_day_at(market, lake_status.first))
    end = min(end, trading_day_at(market, lake_status.last))
    # trades that begin before the period may still be open in it
    by_rules = follow_rules(settings, name, rules, first=begin - OPEN_DAYS, last=end, at=at)
    slots = [one.slot for one in by_rules]
    source, taken = _plan_results(settings, market, rules, by_rules, (begin, end), plans)
    planned = [
        trade
        for trade in planned_trades(slots, taken, market)
        if begin <= trade.trading_day <= end
    ]
    return TradeReport(
        market=market,
        name=name,
        rules=rules.name,
        plans=source,
        tolerance=tolerance,
        review=review(
            market,
            judged,
            own_fills,
            planned,
            period=(begin, end),
            tolerance=tolerance,
        ),
        beyond=len(wanted) - len(judged),
    )


def _is_within(status: LakeStatus, moment: datetime) -> bool:
    """Return whether the bars cover a moment."""
    if status.first is None or status.last is None:
        return False
    return status.first <= moment <= status.last + timedelta(minutes=1)


def _plan_results(
    settings: Settings,
    market: Market,
    rules: Rules,
    by_rules: Sequence[PlanResult],
    period: tuple[date, date],
    wanted: PlansOf | None,
) -> tuple[PlansOf, Sequence[PlanResult]]:
    """Return the source of the plans, and the trades made of them."""
    recorded = {} if wanted == "rules" else _recorded(settings, market.symbol, period)
    if wanted is None and not any(period[0] <= day <= period[1] for day, _ in recorded):
        wanted = "rules"
    if wanted == "rules":
        return "rules", by_rules
    slots = [one.slot for one in by_rules]
    own = [slot for slot in slots if slot.key in recorded]
    taken = follow_plans(rules, own, recorded)
    return "record", taken


def _recorded(settings: Settings, symbol: str, period: tuple[date, date]) -> dict[SlotKey, Plan]:
    """Return the active plan of each slot on record."""
    records = strategy_records(
        settings.database(), symbol, mode="live", first=period[0] - OPEN_DAYS, last=period[1]
    )
    return {key: active_plan(record) for key, record in first_by_slot(records).items()}
