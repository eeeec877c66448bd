"""Followed rules as frames: orders give the trades' money, and days give the orders'."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import backtest
from tasks.followed_rules import TRADE_COLUMNS, FollowedRules
from tasks.prediction.account_now import account_after
from tasks.settings import current_settings
from tests.ml_core.backtest.test_backtest import FIRST, LAST, OFF, walk
from tests.ml_core.builders import mgc


def followed(**changes: Any) -> FollowedRules:
    rules = Rules.model_validate({**OFF.model_dump(), **changes})
    bars = walk(date(2024, 1, 8), LAST, seed=5)
    made = rules_history(bars, mgc(), rules, first=FIRST, last=LAST)
    return FollowedRules(backtest(rules, slots_of(made, rules)), mgc().instrument)


def cash_after(orders: pd.DataFrame) -> float:
    """Return a plain account's final cash, order by order."""
    cash, held = 0.0, 0.0
    for order in orders.itertuples():
        cash -= order.size * order.price + order.fees
        held += order.size
    assert held == pytest.approx(0.0)
    return cash


def test_orders_come_to_the_trades_money_and_days_to_theirs() -> None:
    made = followed()
    trades, orders, days = made.trades(), made.orders(), made.days(5_000.0)
    assert len(trades) > 10
    assert len(orders) == 2 * len(trades)
    assert orders.index.is_monotonic_increasing
    assert orders.index.is_unique
    assert cash_after(orders) == pytest.approx(trades["net_money"].sum())
    assert days["net_money"].sum() == pytest.approx(trades["net_money"].sum())
    assert days["equity"].iloc[-1] == pytest.approx(5_000.0 + trades["net_money"].sum())
    grown = 5_000.0 * (1.0 + days["returns"]).prod()
    assert grown == pytest.approx(days["equity"].iloc[-1])
    assert days["trades"].sum() == len(trades)
    assert list(days.index) == sorted({trade.slot.trading_day for trade in made.taken})


def test_an_exit_is_at_the_price_as_traded() -> None:
    made = followed()
    orders = made.orders().reset_index()
    exits = orders[orders["kind"] == "exit"].set_index(["trading_day", "opening_range"])["price"]
    trades = made.trades().set_index(["trading_day", "opening_range"])["exit"]
    pd.testing.assert_series_equal(exits.sort_index(), trades.sort_index(), check_names=False)


def test_one_contract_earns_its_ticks_less_costs() -> None:
    trades, instrument = followed().trades(), mgc().instrument
    sign = np.where(trades["side"] == "long", 1.0, -1.0)
    points = sign * (trades["exit"] - trades["entry"])
    gross = points / float(instrument.tick_size) * instrument.tick_value
    wanted = (gross - instrument.round_trip_cost) * trades["size"]
    np.testing.assert_allclose(trades["net_money"], wanted, atol=1e-6)


def test_an_account_that_is_gone_has_no_returns_any_more() -> None:
    days = followed().days(1.0)
    gone = days["equity"].shift(fill_value=1.0) <= 0
    assert gone.any()
    assert days["returns"].isna().equals(gone)


def test_without_a_trade_there_are_columns_and_days_all_the_same() -> None:
    made = followed(min_share_traded=1.0, min_size_atr=1e6)
    assert list(made.trades().columns) == list(TRADE_COLUMNS)
    assert made.orders().empty
    assert (made.days(1_000.0)["equity"] == 1_000.0).all()


def test_in_an_account_each_trade_has_the_contracts_that_its_risk_allows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "accounts").mkdir(parents=True)
    limits = 'name = "mine"\nbalance = 25000\nrisk_money = 60\nstarts = 2030-01-01\n'
    (home / "accounts" / "mine.toml").write_text(limits)
    made = followed()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert account_after(current_settings(), mgc(), made.taken, at) is None
    monkeypatch.setenv("ORBCAST_ACCOUNT", "mine")
    account = account_after(current_settings(), mgc(), made.taken, at)
    assert account is not None

    balance, count = 25_000.0, 0
    for trade in made.trades().itertuples():
        contracts = 60 // (trade.risk_money + mgc().instrument.round_trip_cost_ticks)
        balance += contracts * trade.r_net * trade.risk_money
        count += contracts > 0
    assert (account.balance, account.trades) == (pytest.approx(balance), count)
    assert count > 20
