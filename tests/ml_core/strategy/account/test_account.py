"""Accounts: each limit by hand; a fill at the stop breaks none."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.strategy.account.chance import (
    OUTCOMES,
    _one_path,
    by_day,
    chances,
    no_room_since,
    through_record,
)
from ml_core.strategy.account.limits import (
    Account,
    AccountFileError,
    AccountState,
    Trade,
    after,
    load_account,
)
from ml_core.strategy.account.sizing import contracts_for
from tasks.settings import Settings

DAY = date(2025, 6, 2)


def account(**limits: Any) -> Account:
    return Account.model_validate({"name": "own", "balance": 10_000, "risk_money": 100, **limits})


def trade(
    net: float, *, day: int = 0, risk: float = 100, best: float | None = None, size: float = 1.0
) -> Trade:
    return Trade(
        day=DAY + timedelta(days=day),
        size=size,
        risk=risk,
        net=net,
        best=max(net, 0) if best is None else best,
        worst=min(net, 0),
    )


def ended(limits: dict[str, Any], *trades: Trade) -> str | None:
    """Follow one contract per trade, ignoring the account's refusals."""
    own = account(**limits)
    state = AccountState.first(own)
    for one in trades:
        state = after(own, state, one, 1)
    return state.ended


STATIC = {"drawdown": {"amount": 300, "follows": "nothing"}}
BY_DAY = {"drawdown": {"amount": 300, "follows": "end_of_day", "locks_at_start": False}}
INTRADAY = {"drawdown": {"amount": 300, "follows": "intraday", "locks_at_start": False}}
BY_THE_DAY = {"daily_loss": 150, "daily_loss_ends": "day"}
LOCKED = {"drawdown": {"amount": 300, "follows": "intraday"}}


@pytest.mark.parametrize(
    ("limits", "trades", "expected"),
    [
        (STATIC, [trade(-299)], None),
        (STATIC, [trade(-300)], "drawdown"),
        (STATIC, [trade(500), trade(-799, day=1)], None),
        (BY_DAY, [trade(500), trade(-300)], None),
        (BY_DAY, [trade(500), trade(-300, day=1)], "drawdown"),
        (BY_DAY, [trade(500), trade(-299, day=1)], None),
        (INTRADAY, [trade(0, best=500)], "drawdown"),
        (INTRADAY, [trade(300, best=500)], "drawdown"),
        (INTRADAY, [trade(500), trade(200)], None),
        (INTRADAY, [trade(500), trade(-300)], "drawdown"),
        (INTRADAY, [trade(-1, best=299)], "drawdown"),
        (INTRADAY, [trade(0, best=299)], None),
        (LOCKED, [trade(900), trade(-899)], None),
        (LOCKED, [trade(900), trade(-900)], "drawdown"),
        ({"daily_loss": 200}, [trade(-199)], None),
        ({"daily_loss": 200}, [trade(-100), trade(-100)], "daily_loss"),
        ({"daily_loss": 200}, [trade(-100), trade(-100, day=1)], None),
        ({"daily_loss": 200}, [trade(150), trade(-349)], None),
        ({"daily_loss": 200, "daily_loss_ends": "day"}, [trade(-250)], None),
        ({"profit_target": 500}, [trade(499)], None),
        ({"profit_target": 500}, [trade(500)], "target"),
        ({"profit_target": 500, "min_days": 2}, [trade(600)], None),
        ({"profit_target": 500, "min_days": 2}, [trade(600), trade(0, day=1)], "target"),
        ({"profit_target": 500, "consistency": 0.5}, [trade(400), trade(200, day=1)], None),
        (
            {"profit_target": 500, "consistency": 0.5},
            [trade(300), trade(300, day=1)],
            "target",
        ),
        # sums of cents are not exact in floating point: 30 times 100.1 is 3002.9999999999986
        ({"profit_target": 3003}, [trade(100.1)] * 30, "target"),
        ({"profit_target": 3003.01}, [trade(100.1)] * 30, None),
        ({"daily_loss": 0.3}, [trade(-0.1), trade(-0.2)], "daily_loss"),
        ({"drawdown": {"amount": 0.3, "follows": "nothing"}}, [trade(-0.1)] * 3, "drawdown"),
        ({"profit_target": 0.6, "consistency": 0.5}, [trade(0.3), trade(0.3, day=1)], "target"),
    ],
)
def test_an_account_ends_at_its_limit(
    limits: dict[str, Any], trades: list[Trade], expected: str | None
) -> None:
    assert ended(limits, *trades) == expected


def test_an_open_loss_counts_though_it_was_won_back() -> None:
    dip = replace(trade(50), worst=-300.0)
    assert ended(STATIC, dip) == "drawdown"
    assert ended({"daily_loss": 200}, dip) == "daily_loss"


@pytest.mark.parametrize(
    ("limits", "before", "risk", "contracts", "refused"),
    [
        ({}, [], 100.0, 1, None),
        ({}, [], 100.01, 0, "risk"),
        ({"risk_money": 1_000}, [], 100.0, 10, None),
        ({"risk_money": 1_000, "max_contracts": 3}, [], 100.0, 3, None),
        ({"risk_money": None, "risk_share": 0.02}, [], 100.0, 2, None),
        ({"daily_loss": 150}, [trade(-40)], 100.0, 1, None),
        ({"daily_loss": 150}, [trade(-50)], 100.0, 0, "daily_loss"),
        ({"daily_loss": 150}, [trade(-149, day=-1)], 100.0, 1, None),
        (STATIC, [trade(-190)], 100.0, 1, None),
        (STATIC, [trade(-200)], 100.0, 0, "drawdown"),
        ({"max_losses_in_a_row": 2}, [trade(-1), trade(-1)], 100.0, 0, "max_losses_in_a_row"),
        ({"max_losses_in_a_row": 2}, [trade(-1), trade(1), trade(-1)], 100.0, 1, None),
        ({"max_losses_in_a_row": 2}, [trade(-1, day=-1), trade(-1)], 100.0, 1, None),
        (STATIC, [trade(-300)], 100.0, 0, "drawdown"),
        ({"risk_money": 0.3}, [], 0.1, 3, None),
        ({"risk_money": None, "risk_share": 0.00003}, [], 0.1, 3, None),
        ({"risk_money": None, "risk_share": 0.5}, [trade(-12_000)], 100.0, 0, "risk"),
        (BY_THE_DAY, [replace(trade(50), worst=-150.0)], 100.0, 0, "daily_loss"),
        (BY_THE_DAY, [replace(trade(50), worst=-149.0)], 100.0, 1, None),
        (BY_THE_DAY, [replace(trade(50, day=-1), worst=-150.0)], 100.0, 1, None),
    ],
)
def test_contracts_are_what_the_tightest_limit_leaves(
    limits: dict[str, Any], before: list[Trade], risk: float, contracts: int, refused: str | None
) -> None:
    own = account(**limits)
    state = AccountState.first(own)
    for one in before:
        state = after(own, state, one, 1)
    sizing = contracts_for(own, state.on(own, DAY), size=1.0, risk=risk)
    assert sizing.contracts == contracts
    assert (sizing.refusal.limit if sizing.refusal else None) == refused


def test_a_day_whose_trades_were_all_refused_is_not_one_of_the_days_that_the_target_needs() -> (
    None
):
    own = account(profit_target=500, min_days=2)
    too_dear = trade(-101, day=1, risk=101)
    followed = through_record(own, [trade(600), too_dear, trade(1, day=2), trade(1, day=2)])
    assert [one.sizing.contracts for one in followed] == [1, 0, 1, 0]
    assert [one.state.days for one in followed] == [1, 1, 2, 2]
    assert [one.state.ended for one in followed] == [None, None, "target", "target"]


def test_a_trade_that_closed_at_its_best_stood_at_its_worst_before() -> None:
    own = account(drawdown={"amount": 300, "follows": "intraday", "locks_at_start": False})
    dipped = replace(trade(290), worst=-100.0)
    assert after(own, AccountState.first(own), dipped, 1).ended is None
    fell_back = replace(trade(280, best=290), worst=-100.0)
    assert after(own, AccountState.first(own), fell_back, 1).ended == "drawdown"


def test_a_refusal_states_by_how_much() -> None:
    own = account(daily_loss=150)
    state = after(own, AccountState.first(own), trade(-100), 1)
    refusal = contracts_for(own, state, size=1.0, risk=80.0).refusal
    assert refusal is not None
    words = "a stop costs 80.00 USD, the day's loss limit leaves 49.99, 30.01 too much"
    assert refusal.words("USD") == words


limits_drawn = st.fixed_dictionaries(
    {"risk_money": st.floats(1, 2_000)},
    optional={
        "daily_loss": st.floats(10, 2_000),
        "daily_loss_ends": st.sampled_from(["day", "account"]),
        "max_losses_in_a_row": st.integers(1, 4),
        "drawdown": st.fixed_dictionaries(
            {
                "amount": st.floats(10, 5_000),
                "follows": st.sampled_from(["nothing", "end_of_day", "intraday"]),
                "locks_at_start": st.booleans(),
            }
        ),
    },
)
steps_drawn = st.lists(
    st.tuples(st.integers(0, 2), st.floats(1, 500), st.floats(-1, 4), st.floats(0.1, 2)),
    max_size=25,
)


@given(limits_drawn, steps_drawn)
def test_no_trade_that_loses_its_risk_at_most_breaks_a_limit(
    limits: dict[str, Any], steps: list[tuple[int, float, float, float]]
) -> None:
    trades, day = [], 0
    for later, risk, r, size in steps:
        day += later
        net = r * risk
        made = trade(net, day=day, risk=risk, size=size)
        trades.append(replace(made, worst=-risk))
    followed = through_record(account(**limits), trades)
    assert all(one.state.ended is None for one in followed)
    assert all(
        one.sizing.contracts * one.trade.risk <= limits["risk_money"] * one.trade.size + 1e-6
        for one in followed
    )


@given(limits_drawn, steps_drawn, st.integers(1, 4))
def test_a_path_that_no_trade_fits_any_more_ends_as_if_it_were_followed_to_the_end(
    limits: dict[str, Any], steps: list[tuple[int, float, float, float]], times: int
) -> None:
    days = [
        [trade(r * risk, day=number, risk=risk, size=size)]
        for number, (_, risk, r, size) in enumerate(steps)
    ] * times
    least = min((risk for _, risk, _, _ in steps), default=0.0)
    own = account(**limits)
    assert _one_path(own, days, least) == _one_path(own, days, 0.0)


def test_chances_are_those_of_the_days_drawn() -> None:
    own = account(profit_target=100, drawdown={"amount": 150, "follows": "nothing"})
    days = [[trade(100)], [trade(-100)], [trade(-100)], []]
    one_day = chances(own, days, horizon=1, paths=4_000, seed=5)
    assert one_day.outcomes["target"].low <= 0.25 <= one_day.outcomes["target"].high
    assert one_day.outcomes["drawdown"].share == 0.0
    # a lost day leaves no room for a second contract
    two_days = chances(own, days, horizon=2, paths=4_000, seed=5)
    target = 0.25 + 0.25 * 0.25  # at once, or after a day without a trade
    assert two_days.outcomes["target"].low <= target <= two_days.outcomes["target"].high
    shares = [two_days.outcomes[outcome].share for outcome in OUTCOMES]
    assert sum(shares) + two_days.goes_on.share == pytest.approx(1.0)


def test_a_record_states_since_when_the_drawdown_leaves_no_contract() -> None:
    own = account(drawdown={"amount": 250, "follows": "nothing"})
    lost = [trade(-100, day=at) for at in range(3)]
    assert no_room_since(through_record(own, lost[:2])) is None
    # what is left after two losses is less than one stop, whatever follows
    assert no_room_since(through_record(own, [*lost, trade(100, day=3)])) == lost[2].day
    assert no_room_since(()) is None


def test_days_are_tilted_to_a_mean_and_stay_as_they_were() -> None:
    rng = np.random.default_rng(3)
    days = [[trade(100 * float(r), day=at)] for at, r in enumerate(rng.normal(0.2, 1.0, 60))]
    net = [day[0].net / day[0].risk for day in days]
    for wanted in (-0.3, 0.0, float(np.mean(net)), 0.5):
        drawn = chances(account(), days, horizon=3, paths=10, seed=1, net_per_day=wanted)
        assert drawn.net_per_day == pytest.approx(wanted, abs=1e-6)
    beyond = chances(account(), days, horizon=3, paths=10, seed=1, net_per_day=-50.0)
    assert beyond.net_per_day >= min(net)
    assert math.isfinite(beyond.net_per_day)


def test_the_same_seed_gives_the_same_chances() -> None:
    days = by_day([trade(100), trade(-80, day=1), trade(-30, day=1)], 5)
    assert len(days) == 5
    assert [len(day) for day in days] == [1, 2, 0, 0, 0]
    first, second = (
        chances(account(**STATIC), days, horizon=30, paths=50, seed=9) for _ in range(2)
    )
    assert first == second


def test_every_shipped_account_can_be_used_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    settings = Settings()
    assert len(settings.account_names()) >= 4
    for name in settings.account_names():
        assert settings.read_account(name).name == name
    wrong = tmp_path / "mine.toml"
    wrong.write_text('name = "mine"\nbalance = 100\nrisk_money = 1\ndaily_los = 5\n')
    with pytest.raises(AccountFileError, match="daily_los"):
        load_account(wrong)
    wrong.write_text('name = "mine"\nbalance = 100\n')
    with pytest.raises(AccountFileError, match="risk_money or risk_share"):
        load_account(wrong)
