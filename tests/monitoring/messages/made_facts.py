"""Hand-made facts for the messages: one range of gold, its forecast, break and settlement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.health.daily_sums import DaySums, ForecastSums, PerformanceRecord
from ml_core.learning.predictions.prediction import Reason
from ml_core.market.instrument import Instrument
from ml_core.market.news import NewsEvent
from ml_core.market_events import Stage
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.account.limits import Account, AccountState
from ml_core.strategy.account.standing import AccountStanding
from ml_core.strategy.blackout import Blackout, no_entries
from ml_core.strategy.bracket import Bracket, planned_bracket
from ml_core.strategy.checks import DaySoFar, RuleCheck
from ml_core.strategy.plan import Plan, within_account
from ml_core.strategy.rules import SIDES, Side
from ml_core.strategy.trade_rule import TradeRule
from monitoring.messages.facts import (
    ChampionFacts,
    DayFacts,
    ForecastFacts,
    PlanFacts,
    RangeFacts,
    RangeOfDigest,
    SettledFacts,
    TradeFacts,
    WeekFacts,
)
from monitoring.performance import over
from tests.ledger_rows import PREDICTION
from tests.predictions import SIDE, predicted

GOLD = Instrument.model_validate(
    {
        "tick_size": "0.10",
        "tick_value": 1.0,
        "commission_per_side": 1.24,
        "slippage_ticks_per_side": 1,
    }
)
DAY = date(2025, 6, 19)
CLOSED = datetime(2025, 6, 19, 0, 5, tzinfo=UTC)
RANGE = RangeFacts(
    symbol="MGC",
    trading_day=DAY,
    opening_range="1000",
    zone="Australia/Brisbane",
    closed=CLOSED,
    instrument=GOLD,
    contract="MGCQ5",
    high=33863,
    low=33819,
)


def bracket_of(side: Side, **edges: int) -> Bracket:
    bracket = planned_bracket(TradeRule(), side, **edges)
    assert bracket is not None
    return bracket


EDGES = {"high_ticks": RANGE.high, "low_ticks": RANGE.low}
REASONS = (
    Reason("corridor", 0.66, 0.62, "price closed in the upper third of the range: +0.62"),
    Reason("atr20", 31.0, 0.14, "20-day average true range (31): +0.14"),
    Reason("day_of_week", 3.0, -0.05, "day of the week (3): -0.05"),
    Reason("gap", 1.0, 0.01, "a fourth reason, which is left out: +0.01"),
)
ENTRY = replace(
    PREDICTION,
    trading_day=DAY,
    opening_range="1000",
    decision_time=CLOSED,
    p_up=0.68,
    baseline_p_up=0.65,
    recommendation="long",
    label=LabelSpec().key,
    outputs=Outputs(
        prediction=predicted(
            p_none=0.02,
            p_up_given_break=0.68,
            baseline_p_up_given_break=0.65,
            long=replace(
                SIDE,
                p_win=0.56,
                baseline_p_win=0.5,
                expected_net_r=0.08,
                baseline_net_r=-0.1,
            ),
            short=replace(
                SIDE,
                p_win=0.49,
                baseline_p_win=0.5,
                expected_net_r=-0.12,
                baseline_net_r=-0.1,
            ),
            reasons=REASONS,
        )
    ),
)
CHECKS = (
    RuleCheck(name="size", passed=True, words="0.142 ATR, allowed 0.02 to 0.5"),
    RuleCheck(name="daily loss", passed=True, words="-1.10 R so far, stops at -3 R"),
)
ARMED = Plan(long=1.08, short=0.5, checks=CHECKS, agreement="agrees", recommends="long")

CPI = NewsEvent(
    market="",
    time=CLOSED + timedelta(minutes=85),
    name="CPI",
    importance="high",
    known_since=CLOSED - timedelta(days=90),
)
AROUND_CPI = no_entries([Blackout()], [CPI], CLOSED)


def plan(stage: Stage, armed: Plan | None = ARMED) -> PlanFacts:
    return PlanFacts(rules="orb-default", stage=stage, plan=armed)


def in_account(lost: float, stops: dict[Side, float]) -> Plan:
    """Return the plan, long only, in an account that has lost an amount on the day."""
    own = Account(name="mine", balance=25_000, risk_share=0.005, daily_loss=1_000)
    state = AccountState(balance=25_000 - lost, mark=25_000, day=DAY, day_net=-lost, days=1)
    standing = AccountStanding(account=own, state=state, trades=1, source="fills")
    return within_account(replace(ARMED, short=0.0), standing, stops, "USD")


def forecast(stage: Stage, entry: PredictionEntry = ENTRY, **values: Any) -> ForecastFacts:
    facts = ForecastFacts(
        slot="MGC 1000",
        opening_range=RANGE,
        entry=entry,
        brackets=tuple(bracket_of(side, **EDGES) for side in SIDES),
        plan=plan(stage),
    )
    return replace(facts, **values)


def without_forecast(reason: str, stage: Stage = "advisory", **values: Any) -> ForecastFacts:
    entry = replace(
        ENTRY, status="abstained", reason=reason, p_up=None, baseline_p_up=None, outputs=Outputs()
    )
    return forecast(stage, entry, **values)


def trade(stage: Stage, entry_ticks: int = 33867, **values: Any) -> TradeFacts:
    facts = TradeFacts(
        opening_range=RANGE,
        entry=ENTRY,
        plan=plan(stage),
        bracket=bracket_of("long", entry_ticks=entry_ticks, **EDGES),
        planned=bracket_of("long", **EDGES),
        broke=datetime(2025, 6, 19, 0, 12, tzinfo=UTC),
        size=1.08,
    )
    return replace(facts, **values)


def settled(stage: Stage, **values: Any) -> SettledFacts:
    facts = SettledFacts(
        opening_range=RANGE,
        entry=ENTRY,
        plan=plan(stage),
        trade=trade(stage),
        outcome="WIN",
        exit=33915,
        r_gross=1.0,
        r_net=1.0 - 4.48 / 48,
        resolved=datetime(2025, 6, 19, 0, 40, tzinfo=UTC),
        day=DaySoFar(trades=2, open=1, net_r=-0.12),
    )
    return replace(facts, **values)


def sums(day: date, breaks: int, model: float, corridor: float) -> PerformanceRecord:
    def forecasts(right: float, log_loss: float) -> ForecastSums:
        bins = {"6": [breaks, 0.65 * breaks, right, 0.2275 * breaks]}
        return ForecastSums(
            accuracy=right, log_loss=log_loss * breaks, brier=0.2 * breaks, bins=bins
        )

    figures = DaySums(
        slots=6,
        answered=6,
        breaks=breaks,
        ups=3,
        model=forecasts(model, 0.58),
        corridor=forecasts(corridor, 0.6),
    )
    return whole_day(day, figures)


def whole_day(day: date, figures: DaySums) -> PerformanceRecord:
    return PerformanceRecord(
        market="MGC",
        day=day,
        mode="live",
        role="champion",
        version="v1",
        opening_range="all",
        figures=figures,
    )


TODAY = sums(DAY, 3, 2.0, 2.0)
RECORD = [*(sums(date(2025, 6, number), 5, 3.0, 4.0) for number in (16, 17, 18)), TODAY]


def range_of_day(opening_range: str, **values: Any) -> RangeOfDigest:
    facts = RangeOfDigest(
        opening_range=opening_range,
        p_up=0.68,
        baseline_p_up=0.65,
        why_none=None,
        direction="UP",
        outcome="WIN",
        r_net=0.91,
        size=1.08,
    )
    return replace(facts, **values)


def day(stage: Stage) -> DayFacts:
    return DayFacts(
        symbol="MGC",
        trading_day=DAY,
        stage=stage,
        ranges=(
            range_of_day("0900", outcome="LOSS", r_net=-1.1, size=1.0),
            range_of_day("1000"),
            range_of_day("1100", p_up=None, baseline_p_up=None, why_none="stale_data"),
            range_of_day("1800", direction="DOWN", outcome="TIMEOUT", r_net=0.2, size=0.0),
            range_of_day("2300", direction="NONE", outcome=None, r_net=None, size=0.0),
            range_of_day("0030", direction=None, outcome=None, r_net=None, size=0.0),
        ),
        trades=2,
        net_r=-0.12,
        period=over([TODAY]),
        record=over(RECORD),
    )


def week(stage: Stage) -> WeekFacts:
    return WeekFacts(
        symbol="MGC",
        first_day=date(2025, 6, 16),
        last_day=DAY,
        stage=stage,
        days=tuple((row.day, 2, -0.5 + 0.3 * index) for index, row in enumerate(RECORD)),
        period=over(RECORD),
        record=over(RECORD),
    )


CHAMPION = ChampionFacts(
    symbol="MGC",
    stage="shadow",
    model="residual-mirrored",
    version="20250618-3f2a9c01",
    before="20250401-ab12cd34",
    by="ann",
    reason="better on 412 unseen days",
    at=CLOSED,
)
