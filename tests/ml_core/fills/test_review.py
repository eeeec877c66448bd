"""Hand-made trades against hand-made plans: matches, results and costs."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from ml_core.evidence.intervals import Interval
from ml_core.fills.fill import Fill
from ml_core.fills.planned import PlannedTrade, Tolerance, explained_by, planned_trades
from ml_core.fills.real_costs import MIN_DAYS, CostCheck, commission_check, slips_of
from ml_core.fills.report import TradeReport
from ml_core.fills.review import TradeReview, review
from ml_core.fills.round_trips import RoundTrip, round_trips
from ml_core.market.market import Market, load_market
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import TradedSlot, TradePrices, backtest
from monitoring.pages.document import to_html, to_markdown
from monitoring.pages.trade_page import headline, trade_page
from tests.conftest import PROJECT
from tests.ml_core.fills.made_fills import BEGIN, fill, many

MARKET: Market = load_market(PROJECT / "deployments/markets/mgc.toml")
DAY = date(2025, 6, 19)
MINUTE = 60.0


def plan(second: float = 0, **values: Any) -> PlannedTrade:
    """Return a plan: long breakout at 3386.4, stop 4 points below, target as far above."""
    made = PlannedTrade(
        trading_day=DAY,
        opening_range="1000",
        contract="MGCQ5",
        side="long",
        size=1.0,
        why_not="",
        at=BEGIN + timedelta(seconds=second),
        entry=3386.4,
        stop=3382.4,
        target=3390.4,
        r_net=0.9,
    )
    return replace(made, **values)


def trip(second: float, entry: float, exit_: float | None = None, **values: Any) -> RoundTrip:
    fills = [fill(second, "buy", 1, entry, **values)]
    if exit_ is not None:
        fills.append(fill(second + 600, "sell", 1, exit_, **values))
    (made,) = round_trips(fills, MARKET.instrument)
    return made


def reviewed(fills: list[Fill], planned: list[PlannedTrade]) -> TradeReview:
    trips = round_trips(fills, MARKET.instrument)
    return review(
        MARKET,
        [(one, DAY) for one in trips],
        [(one, DAY) for one in fills],
        planned,
        period=(DAY, DAY),
        tolerance=Tolerance(),
    )


EXPLAINED = {
    "at the plan": (trip(0, 3386.4), [plan()], "1000"),
    "a little late and worse": (trip(5 * MINUTE, 3387.4), [plan()], "1000"),
    "before the bar closed, by a stop order": (trip(-50, 3386.0), [plan()], "1000"),
    "too late": (trip(5 * MINUTE + 1, 3386.4), [plan()], None),
    "too far": (trip(0, 3387.5), [plan()], None),
    "the other side": (trip(0, 3386.4), [plan(side="short")], None),
    "another contract": (trip(0, 3386.4, contract="MGCV5"), [plan()], None),
    "a contract that is not named": (trip(0, 3386.4, contract="MGC"), [plan()], "1000"),
    "the nearest of two": (
        trip(40, 3386.4),
        [plan(0), plan(60, opening_range="1100")],
        "1100",
    ),
    "of two at once the nearer price": (
        trip(0, 3386.4),
        [plan(entry=3386.9, stop=3382.0), plan(opening_range="1100")],
        "1100",
    ),
    "nothing planned": (trip(0, 3386.4), [], None),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_a_break_explains_an_entry_by_side_contract_time_and_price(case: str) -> None:
    entered, planned, expected = EXPLAINED[case]
    explanation = explained_by(entered, planned, MARKET, Tolerance())
    assert (explanation.opening_range if explanation else None) == expected


def test_followed_not_followed_and_improvised_by_hand() -> None:
    fills = [
        fill(0, "buy", 2, 3386.5, commission=2.60),  # a tick worse, two contracts
        fill(900, "sell", 1, 3390.4, commission=1.30),  # at the target
        fill(1500, "sell", 1, 3382.1, commission=1.30),  # three ticks through the stop
        fill(7200, "sell", 1, 3400.0, commission=1.30),  # no break
        fill(7500, "buy", 1, 3398.0, commission=1.30),
        fill(9000, "buy", 1, 3386.4, commission=1.30),  # a break that the rules refused
        fill(9300, "sell", 1, 3387.4, commission=1.30),
    ]
    planned = [
        plan(),
        plan(3600, opening_range="1100", r_net=-1.1, side="short", stop=3390.4, target=3382.4),
        plan(9000, opening_range="1800", size=0.0, why_not="half-day"),
    ]
    review = reviewed(fills, planned)
    assert [(one.kind, one.planned and one.planned.opening_range) for one in review.trips] == [
        ("followed", "1000"),
        ("improvised", None),
        ("improvised", "1800"),
    ]
    # 39 - 44 ticks of a dollar, less 5.20; the planned risk of one contract is 40
    assert review.followed.money == pytest.approx(39 - 44 - 5.20)
    assert review.followed.total_r == pytest.approx((39 - 44 - 5.20) / 80)
    assert review.improvised.money == pytest.approx(20 - 2.60 + 10 - 2.60)
    assert (review.improvised.trades, review.improvised.won) == (2, 2)
    assert [trade.slot for trade in review.missed] == ["2025-06-19:1100"]
    assert review.not_followed.total_r == pytest.approx(-1.1)
    assert review.not_followed.money == pytest.approx(-44)
    assert (review.as_planned.trades, review.as_planned.total_r) == (1, pytest.approx(0.9))
    slippage = {price: real.estimate for price, real in review.slippage.items()}
    assert slippage == {
        "entry": pytest.approx(0.5),  # of the followed one and of the refused one
        "stop": pytest.approx(3),
        "target": pytest.approx(0),
    }
    commission = review.costs[1]
    assert commission.real.estimate == pytest.approx(1.30)
    assert commission.verdict == "too few days"


def test_a_trade_that_is_open_is_counted_and_brought_nothing_yet() -> None:
    review = reviewed([fill(0, "buy", 1, 3386.4)], [plan()])
    assert (review.open, review.followed.trades, review.missed) == (1, 0, ())
    assert math.isnan(review.trips[0].r)
    assert review.not_followed.trades == 0


def test_without_a_commission_the_assumed_one_is_taken() -> None:
    review = reviewed([fill(0, "buy", 1, 3386.4), fill(900, "sell", 1, 3390.4)], [plan()])
    assert review.followed.money == pytest.approx(40 - 2.48)


@pytest.mark.parametrize(
    ("side", "entry", "exits", "expected"),
    [
        ("long", 3386.6, {3382.3: "stop"}, {"entry": 2, "stop": 1}),
        ("long", 3386.3, {3390.3: "target"}, {"entry": -1, "target": 1}),
        ("long", 3386.4, {3390.9: "target"}, {"entry": 0, "target": -5}),
        ("long", 3386.4, {3370.0: "stop"}, {"entry": 0, "stop": 124}),
        ("long", 3386.4, {3386.0: "own"}, {"entry": 0}),
        ("short", 3386.2, {3390.6: "stop"}, {"entry": 2, "stop": 2}),
        ("short", 3386.4, {3382.4: "target"}, {"entry": 0, "target": 0}),
    ],
)
def test_slippage_is_how_much_worse_than_planned_on_either_side(
    side: str, entry: float, exits: dict[float, str], expected: dict[str, float]
) -> None:
    opens, closes = ("buy", "sell") if side == "long" else ("sell", "buy")
    planned = plan() if side == "long" else plan(side="short", stop=3390.4, target=3382.4)
    (exit_,) = exits
    (made,) = round_trips(
        [fill(0, opens, 1, entry), fill(900, closes, 1, exit_)],  # type: ignore[arg-type]
        MARKET.instrument,
    )
    slips = slips_of(made, planned, MARKET.instrument, Tolerance())
    assert {slip.price: slip.ticks for slip in slips} == pytest.approx(expected)


def many_days(paid: float, days: int) -> CostCheck:
    fills = [fill(0, "buy", 2, 3386.4, commission=2 * paid) for _ in range(days)]
    return commission_check(
        fills, [DAY + timedelta(days=n) for n in range(days)], MARKET.instrument
    )


@pytest.mark.parametrize(
    ("paid", "days", "verdict", "corrected"),
    [
        (1.24, MIN_DAYS, "agrees", None),
        (1.2449, MIN_DAYS, "agrees", None),
        (1.30, MIN_DAYS, "differs", 1.3),
        (1.30, MIN_DAYS - 1, "too few days", None),
        (0.0, MIN_DAYS, "not stated", None),
    ],
)
def test_a_cost_is_corrected_only_where_the_whole_interval_requires_it(
    paid: float, days: int, verdict: str, corrected: float | None
) -> None:
    check = many_days(paid, days)
    assert (check.verdict, check.corrected) == (verdict, corrected)


def test_a_rebate_is_never_assumed() -> None:
    real = Interval(-0.4, -0.5, -0.3, 90, 30)
    check = CostCheck(name="slippage", assumed=1, real=real, verdict="differs")
    assert check.corrected == 0


@given(many())
def test_every_round_trip_is_followed_or_improvised_and_every_plan_taken_or_missed(
    fills: list[Fill],
) -> None:
    unique = list({one.key: one for one in fills}.values())
    planned = [plan(n * 80, opening_range=str(n), size=n % 2) for n in range(5)]
    review = reviewed(unique, planned)
    followed, improvised = review.of_kind("followed"), review.of_kind("improvised")
    assert len(followed) + len(improvised) == len(review.trips)
    assert all(one.planned is not None and one.planned.size for one in followed)
    taken = {one.planned.slot for one in followed if one.planned}
    assert {trade.slot for trade in review.missed} == {
        trade.slot for trade in planned if trade.size
    } - taken
    money = review.followed.money + review.improvised.money
    assert money == pytest.approx(
        sum(one.money for one in review.trips if not one.trip.is_open), abs=1e-6
    )


def test_plans_are_read_off_slots_and_what_the_rules_made_of_them() -> None:
    facts = {
        "opening_range": "1000",
        "contract": "MGCQ5",
        "range_size_atr14": 0.1,
        "minutes_traded": 1.0,
        "early_close": 0.0,
        "days_since_roll": 3.0,
    }
    traded = TradedSlot(
        trading_day=DAY,
        opening_range="1000",
        decision_time=BEGIN - timedelta(minutes=5),
        facts=facts,
        side="long",
        entered_at=BEGIN,
        resolved_at=BEGIN + timedelta(hours=1),
        r_net=0.9,
        r_gross=1.0,
        prices=TradePrices(
            entry=33864,
            stop=33824,
            target=33904,
            exit=33904,
            best=33904,
            worst=33860,
            reason="target",
            at_once=False,
        ),
    )
    half_day = replace(traded, opening_range="1100", facts={**facts, "early_close": 1.0})
    unbroken = replace(traded, opening_range="2300", side=None, entered_at=None)
    slots = [half_day, traded, unbroken]
    taken = backtest(Rules(name="mine"), [traded, half_day])
    first, second = planned_trades(slots, taken, MARKET)
    assert first == plan()
    assert (second.size, second.why_not) == (0.0, "half-day")
    (undecided, _) = planned_trades(slots, (), MARKET)
    assert undecided.why_not == "nothing was decided"


def test_without_a_target_no_exit_is_at_one() -> None:
    made = trip(0, 3386.4, 3390.4)
    slips = slips_of(made, plan(target=None), MARKET.instrument, Tolerance())
    assert [slip.price for slip in slips] == ["entry"]


def test_the_page_states_the_results_and_contains_no_markup_of_a_file() -> None:
    fills = [fill(0, "buy", 1, 3386.5, account="<script>")]
    fills += [fill(900, "sell", 1, 3390.4, account="<script>")]
    report = TradeReport(
        market=MARKET,
        name="mgc",
        rules="orb-default",
        plans="rules",
        tolerance=Tolerance(),
        review=reviewed(fills, [plan(), plan(3600, opening_range="1100")]),
        beyond=2,
    )
    assert headline(report) == (
        "1 followed, 1 not followed, 0 improvised; 2 beyond the bars, not judged."
    )
    page = trade_page(report, made_at=datetime(2025, 6, 20, tzinfo=BEGIN.tzinfo))
    html = to_html(page)
    assert "<script>" not in html
    assert "orbcast market costs" not in html  # one day is too little for a correction
    text = to_markdown(page)
    assert "too few days to judge, 20 are needed" in text
    assert "within 5 minutes of it and 25% of the planned risk" in text
