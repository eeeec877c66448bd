"""An account over trades at real times: days by hand, and no limit is broken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.json_form import from_json
from ml_core.json_values import json_values
from ml_core.strategy.account.limits import Account, Trade
from ml_core.strategy.account.sizing import OpenRisk, contracts_for
from ml_core.strategy.account.standing import (
    AccountPlan,
    AccountStanding,
    TimedTrade,
    standing_after,
)
from ml_core.strategy.plan import Plan, within_account
from tests.ml_core.strategy.account.test_account import account

T0 = datetime(2025, 6, 2, 0, 0, tzinfo=UTC)
DAY = date(2025, 6, 2)


def timed(
    entered: int,
    settled: int | None,
    net: float = 0.0,
    *,
    risk: float = 100.0,
    symbol: str = "MGC",
    **values: Any,
) -> TimedTrade:
    """Return a trade entered and settled some hours after the start of the first day."""
    own = ("contracts", "most")
    of_trade = {name: value for name, value in values.items() if name not in own}
    on = DAY + timedelta(days=(entered if settled is None else settled) // 24)
    made = Trade(
        day=on,
        risk=risk,
        net=net,
        **{"size": 1.0, "best": max(net, 0.0), "worst": min(net, 0.0), **of_trade},
    )
    return TimedTrade(
        entered_at=T0 + timedelta(hours=entered),
        entered_on=DAY + timedelta(days=entered // 24),
        settled_at=None if settled is None else T0 + timedelta(hours=settled),
        symbol=symbol,
        trade=made,
        **{name: value for name, value in values.items() if name in own},
    )


def standing(at: int, *trades: TimedTrade, symbol: str = "MGC", **limits: Any) -> AccountStanding:
    moment = T0 + timedelta(hours=at)
    done = standing_after(account(**limits), symbol, trades, moment, "plan")
    return done.on(DAY + timedelta(days=at // 24))


def left(account_standing: AccountStanding, limit: str) -> float:
    return next(one.left for one in account_standing.limits if one.limit == limit)


def test_a_day_by_hand() -> None:
    limits = {"risk_money": 250, "daily_loss": 300, "drawdown": {"amount": 1_000}}
    trades = (timed(1, 2, -100), timed(3, 5, -100), timed(26, 27, 50))
    assert left(standing(0, *trades, **limits), "daily_loss") == pytest.approx(299.99)
    # two contracts each: the risk of a trade is 250, a stop costs 100
    one = standing(2, *trades, **limits)
    assert (one.state.balance, one.trades, one.at_risk.every) == (9_800, 1, 0)
    # 99.99 left of the day is no contract, so the second trade was not entered
    two = standing(6, *trades, **limits)
    assert (two.state.balance, two.trades, two.open) == (9_800, 1, 0)
    assert left(two, "daily_loss") == pytest.approx(99.99)
    three = standing(28, *trades, **limits)
    assert (three.state.balance, three.state.day_net) == (9_900, 100)
    assert left(three, "daily_loss") == pytest.approx(399.99)


def test_what_is_open_counts_as_lost_and_what_is_later_is_not_known() -> None:
    limits = {"risk_money": 250, "daily_loss": 300}
    trades = (timed(1, 4, 500), timed(2, 3, 10))
    now = standing(2, *trades, **limits)
    assert (now.open, now.at_risk.every, now.state.balance) == (1, 200, 10_000)
    assert left(now, "daily_loss") == pytest.approx(99.99)
    assert standing(4, *trades, **limits).state.balance == 11_000


def test_the_plan_s_own_contracts_are_the_most_and_given_ones_are_taken_as_they_are() -> None:
    assert standing(3, timed(1, 2, 10, most=1), risk_money=900).state.balance == 10_010
    assert standing(3, timed(1, 2, -5_000, contracts=1), risk_money=1).state.balance == 5_000


def test_results_before_the_first_day_count_for_nothing() -> None:
    limits = {"starts": DAY + timedelta(days=1)}
    assert standing(40, timed(1, 2, 70), timed(30, 31, 5), **limits).state.balance == 10_005


def test_a_floor_that_follows_open_profit_follows_that_of_open_trades() -> None:
    limits = {"drawdown": {"amount": 300, "follows": "intraday", "locks_at_start": False}}
    now = standing(2, timed(1, None, best=250.0), **limits)
    assert left(now, "drawdown") == 0.0  # 300 less 250 that was open, less the 100 at risk


def test_a_day_that_has_brought_its_share_of_the_target_is_over() -> None:
    limits = {"profit_target": 1_000, "consistency": 0.5, "risk_money": 100}
    good = standing(3, timed(1, 2, 480), **limits)
    assert contracts_for(good.account, good.state, size=1.0, risk=100).contracts == 1
    full = standing(3, timed(1, 2, 500), **limits)
    refusal = contracts_for(full.account, full.state, size=1.0, risk=100).refusal
    assert refusal is not None
    assert (refusal.limit, "one day may make" in refusal.words()) == ("consistency", True)
    next_day = full.on(DAY + timedelta(days=1))
    assert contracts_for(next_day.account, next_day.state, size=1.0, risk=100).contracts == 1


def test_a_plan_has_the_contracts_and_states_by_how_much_it_is_refused() -> None:
    own = standing(3, timed(1, 2, -109, contracts=1), daily_loss=150)
    plan = Plan(long=1.0, short=1.0, checks=())
    made = within_account(plan, own, {"long": 86.0, "short": 40.0}, "USD")
    assert (made.long, made.short) == (0.0, 1.0)
    words = "a stop costs 86.00 USD, the day's loss limit leaves 40.99, 45.01 too much"
    (check,) = made.checks
    assert (check.name, check.passed) == ("account", True)
    assert check.words == f"long refused: {words}; short 1 contract"
    assert made.account is not None
    assert [one.contracts for one in made.account.sides] == [0, 1]
    assert made.account.sides[0].refused == words
    # in the record's form
    assert from_json(AccountPlan, json_values(made)["account"]) == made.account
    assert "account" not in json_values(plan)


tight_limits = st.fixed_dictionaries(
    {"risk_money": st.floats(200, 1_000), "daily_loss": st.floats(150, 900)},
    optional={
        "daily_loss_ends": st.sampled_from(["day", "account"]),
        "drawdown": st.fixed_dictionaries(
            {
                "amount": st.floats(100, 900),
                "follows": st.sampled_from(["nothing", "end_of_day", "intraday"]),
                "locks_at_start": st.booleans(),
            }
        ),
    },
)
METALS = {"metals": ("MGC", "SI")}


def test_markets_that_move_together_share_the_risk_of_one_trade() -> None:
    limits = {"risk_money": 250, "together": METALS}
    gold, index = timed(1, None), timed(1, None, symbol="NQ")
    # two contracts of gold are open, 200 of the 250 that one trade may lose
    silver = standing(2, gold, index, symbol="SI", **limits)
    assert silver.at_risk == OpenRisk(every=400.0, together=200.0)
    assert left(silver, "together") == pytest.approx(50.0)
    assert contracts_for(
        silver.account, silver.state, size=1.0, risk=40, at_risk=silver.at_risk
    ).contracts == 1  # fmt: skip
    refusal = contracts_for(
        silver.account, silver.state, size=1.0, risk=60, at_risk=silver.at_risk
    ).refusal
    assert refusal is not None
    assert refusal.words("USD") == (
        "a stop costs 60.00 USD, the risk that markets which move together share leaves 50.00, "
        "10.00 too much"
    )
    # gold's own second trade is one of them as well; an index is none, and sees the whole
    assert left(standing(2, gold, symbol="MGC", **limits), "together") == pytest.approx(50.0)
    alone = standing(2, gold, index, symbol="NQ", **limits)
    assert alone.at_risk == OpenRisk(every=400.0, together=None)
    assert all(one.limit != "together" for one in alone.limits)


def test_earlier_entries_had_the_limits_of_their_group_at_that_time() -> None:
    limits = {"risk_money": 250, "together": METALS}
    trades = (timed(1, 5, -50), timed(2, 6, 10, symbol="SI"), timed(7, 8, 10, symbol="SI"))
    # two of gold at 1; at 2 silver has 50 left, no contract at 100; at 7 nothing else is open
    assert standing(9, *trades, **limits).state.balance == 10_000 - 100 + 20
    apart = standing(9, *trades, risk_money=250)
    assert apart.state.balance == 10_000 - 100 + 20 + 20


@pytest.mark.parametrize(
    ("groups", "fault"),
    [
        ({"a": ("MGC", "si"), "b": ("SI", "NQ")}, "SI is named twice"),
        ({"a": ("MGC", "mgc")}, "MGC is named twice"),
        ({"a": ("MGC",)}, "a names one market"),
        ({"a": ()}, "a names one market"),
    ],
)
def test_a_market_is_in_one_group_of_two_or_more(
    groups: dict[str, tuple[str, ...]], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        account(together=groups)


@given(
    st.lists(
        st.tuples(
            *(st.integers(0, 20), st.integers(1, 20), st.floats(20, 300)),
            st.sampled_from(["MGC", "SI", "NQ"]),
        ),
        max_size=10,
    ),
    st.integers(0, 30),
)
def test_what_is_open_in_a_group_never_risks_more_than_one_trade_may(
    drawn: list[tuple[int, int, float, str]], at: int
) -> None:
    trades = [
        timed(entered, entered + hours, risk=risk, symbol=symbol)
        for entered, hours, risk, symbol in drawn
    ]
    for symbol in ("MGC", "SI"):
        together = standing(at, *trades, symbol=symbol, risk_money=500, together=METALS)
        assert together.at_risk.together is not None
        assert together.at_risk.together <= 500 + 1e-9
    every = standing(at, *trades, symbol="NQ", risk_money=500, together=METALS)
    assert every.at_risk.together is None


trades_drawn = st.lists(
    st.tuples(
        *(st.integers(0, 30), st.integers(1, 30)),
        *(st.floats(20, 200), st.floats(-1, 4), st.floats(0.1, 2)),
    ),
    min_size=1,
    max_size=8,
)


@given(tight_limits, trades_drawn, st.integers(0, 40), st.floats(5, 100))
def test_a_permitted_trade_that_loses_all_breaks_no_limit_whatever_is_open(
    limits: dict[str, Any], drawn: list[tuple[int, int, float, float, float]], at: int, risk: float
) -> None:
    # settled on their own day: what a day's gains allowed can be more than the next may lose
    trades = [
        timed(
            entered,
            max(min(entered + hours, entered // 24 * 24 + 23), entered),
            r * risked,
            risk=risked,
            size=size,
            worst=-risked,
        )
        for entered, hours, risked, r, size in drawn
    ]
    before = standing(at, *trades, **limits)
    assert before.state.ended is None
    sizing = contracts_for(
        before.account, before.state, size=1.0, risk=risk, at_risk=before.at_risk
    )
    if not sizing.contracts:
        assert sizing.refusal is not None
        return
    entered = [one for one in trades if one.entered_at <= T0 + timedelta(hours=at)]
    still = [one for one in entered if (one.settled_at or T0) > T0 + timedelta(hours=at)]
    lost = [
        timed(hour(one.entered_at), 100, -one.trade.risk, risk=one.trade.risk, size=one.trade.size)
        for one in still
    ]
    new = timed(at, 100, -risk, risk=risk, contracts=sizing.contracts)
    # all on the day of the decision, so that nothing is forgiven by a new day
    on = DAY + timedelta(days=at // 24)
    all_lost = [
        TimedTrade(**{**_fields(one), "trade": _on(one.trade, on)}) for one in (*lost, new)
    ]
    settled = [one for one in entered if one not in still]
    moment = T0 + timedelta(hours=100)
    after = standing_after(before.account, "MGC", [*settled, *all_lost], moment, "plan")
    assert after.state.ended is None
    if before.account.daily_loss is not None:
        day_net = after.state.day_net if after.state.day == on else 0.0
        assert day_net > -before.account.daily_loss


def hour(moment: datetime) -> int:
    return int((moment - T0).total_seconds() // 3600)


def _fields(one: TimedTrade) -> dict[str, Any]:
    return {name: getattr(one, name) for name in TimedTrade.__slots__}


def _on(trade: Trade, day: date) -> Trade:
    values = {name: getattr(trade, name) for name in Trade.__slots__}
    return Trade(**{**values, "day": day})


def test_an_account_file_may_name_its_first_day_and_the_platform_s_account() -> None:
    own = Account.model_validate(
        {
            "name": "own",
            "balance": 1,
            "risk_money": 1,
            "starts": "2025-06-03",
            "platform_account": "LIVE7",
        }
    )
    assert (own.starts, own.platform_account) == (date(2025, 6, 3), "LIVE7")
