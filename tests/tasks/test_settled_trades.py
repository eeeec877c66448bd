"""The recorded trades of followed strategies equal a backtest's, and are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from ml_core.market.schedule import from_minute
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import SettledTrade, backtest
from registry.tables.rollout import TradeRow
from registry.trades import TradeKey, remember_rules, rules_on_record, trades_on_record
from tasks.messages.followed_days import followed_days
from tasks.named_files import names_in
from tasks.prediction.account_now import followed_plans
from tasks.prediction.outcomes.settling import settle
from tasks.settings import current_settings
from tests.ml_core.bars.lake.test_lake import Row
from tests.tasks.followed_slot import (
    BACK,
    BARS,
    BREAK,
    DAY,
    FALL,
    KEY,
    KINDS,
    LAST,
    NINE,
    READ_AT,
    RISE,
    planned,
    read,
    record_entry,
    row,
    rules,
)


@pytest.fixture(autouse=True)
def in_the_ledger(home: Path) -> None:
    del home
    record_entry()


def on_record() -> dict[TradeKey, SettledTrade]:
    return trades_on_record(current_settings().database(), "MGC")


@pytest.mark.parametrize("kind", KINDS)
def test_a_trade_on_record_is_the_backtest_s_to_the_bit(kind: str) -> None:
    own = rules(kind)
    planned(own)
    read(*BARS)
    assert settle.fn("mgc", READ_AT).trades == 1

    settings = current_settings()
    bars = settings.lake().read(settings.market("mgc"))
    made = rules_history(bars, settings.market("mgc"), own, first=DAY, last=DAY)
    (taken,) = (one for one in backtest(own, slots_of(made, own)) if one.slot.key == KEY)
    assert on_record() == {(*KEY, own.hash): taken.slot.settled}
    _, (followed,) = followed_plans(settings, settings.market("mgc"), "live", READ_AT, first=None)
    assert followed.slot.settled == taken.slot.settled


def test_several_strategies_stand_side_by_side_for_one_slot_and_once_each() -> None:
    for kind in KINDS:
        planned(rules(kind))
    read(*BARS)
    assert settle.fn("mgc", READ_AT).trades == len(KINDS)
    assert settle.fn("mgc", READ_AT).trades == 0

    reasons = {
        kind: (trade.prices.reason if trade.prices else None)
        for kind in KINDS
        for trade in [on_record()[*KEY, rules(kind).hash]]
    }
    assert reasons == {
        "label": "target",
        "half": "stop",
        "ticks": "target",
        "stop-order": "stop",
        "retest": "moved_stop",
        "edge": "stop",
        "break-even": "moved_stop",
        "partial": "stop",
        "first-candle": "target",
        "too-late": None,
    }
    assert set(rules_on_record(current_settings().database())) == {rules(k).hash for k in KINDS}
    assert not current_settings().ledger().verify().faults


def test_the_shipped_strategies_are_read_back_as_they_were() -> None:
    settings = current_settings()
    shipped = [settings.rules("MGC", name) for name in names_in(settings.strategies_dir)]
    for own in shipped:
        remember_rules(settings.database(), own, READ_AT)
    assert rules_on_record(settings.database()) == {own.hash: own for own in shipped}


def test_an_open_trade_is_not_on_record_and_is_followed_by_the_bars() -> None:
    own = rules("break-even")
    planned(own)
    read(BREAK, RISE)
    at = from_minute(NINE + 21)
    assert settle.fn("mgc", at).trades == 0
    settings = current_settings()
    _, (followed,) = followed_plans(settings, settings.market("mgc"), "live", at, first=None)
    assert (followed.slot.side, followed.slot.resolved_at) == ("long", None)


def test_a_day_is_not_over_while_the_rules_stay_in_a_trade_of_it() -> None:
    def is_settled(*bars: Row, at: datetime) -> bool:
        read(*bars, at=at)
        (slot,) = followed_days(current_settings(), "mgc", DAY, DAY, at).slots
        return slot.is_settled

    planned(rules("break-even"))
    # the label's target is reached, which this strategy's is not
    assert not is_settled(BREAK, BACK, RISE, at=from_minute(NINE + 22))
    assert is_settled(FALL, LAST, at=READ_AT)


def test_a_revised_bar_settles_a_trade_again_beside_the_first() -> None:
    own = rules("label")
    planned(own)
    read(*BARS)
    settle.fn("mgc", READ_AT)
    later = READ_AT + timedelta(days=1)

    read(BREAK, row(NINE + 20, 2001.2, 2002.3, 2001.1, 2002.2), FALL, at=later)
    assert settle.fn("mgc", later).trades == 1

    assert on_record()[*KEY, own.hash].r_gross == -1.0
    with current_settings().database().reading() as session:
        rows = session.scalars(select(TradeRow).order_by(TradeRow.id)).all()
        assert [(kept.revision, kept.trade["r_gross"]) for kept in rows] == [(0, 1.0), (1, -1.0)]
    assert settle.fn("mgc", later).trades == 0


def test_rules_edited_later_change_no_trade_of_before(home: Path) -> None:
    (home / "strategies").mkdir(exist_ok=True)
    file = home / "strategies" / "orb-default.toml"
    file.write_text('name = "orb-default"\n[trade]\nstop_fill = "level"\n')
    settings = current_settings()
    before = settings.rules("MGC")
    planned(before)
    # edited while the trade is open
    file.write_text('name = "orb-default"\n[trade]\nrr = 5.0\n')
    assert settings.rules("MGC").hash != before.hash
    read(BREAK, RISE)
    at = from_minute(NINE + 22)
    assert settle.fn("mgc", at).trades == 1
    assert on_record()[*KEY, before.hash].r_gross == 1.0

    _, (followed,) = followed_plans(settings, settings.market("mgc"), "live", at, first=None)
    (followed_slot,) = followed_days(settings, "mgc", DAY, DAY, at).slots
    assert followed.slot.r_gross == 1.0
    assert followed_slot.traded is not None
    assert (followed_slot.traded.r_gross, followed_slot.rules) == (1.0, before)


def test_a_trade_edited_in_the_database_is_named() -> None:
    planned(rules("label"))
    read(*BARS)
    settle.fn("mgc", READ_AT)
    settings = current_settings()
    with settings.database().session() as session:
        session.execute(text("UPDATE strategy_trades SET trade = replace(trade, '1.0', '2.0')"))
    (fault,) = settings.ledger().verify().faults
    assert fault == "trade 1 (MGC:2024-01-16:0900) was edited"
