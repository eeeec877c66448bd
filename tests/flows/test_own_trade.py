"""A live trade that no label describes: planned, ordered and followed like the backtest's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.strategy.slots import rules_history, slots_of
from monitoring.messages.forecast import forecast_message
from monitoring.rollout.stage import Position
from registry.strategy import order_intents
from tasks.messages.followed_days import followed_days
from tasks.messages.slot_facts import forecast_facts
from tasks.prediction import predict as prediction
from tasks.prediction import slot_context
from tasks.prediction.predict import ActivePlan
from tasks.prediction.slots import Slot, latest_slot
from tasks.settings import current_settings, now

THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_stage_auto(own: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del own
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "1000000000")
    monkeypatch.setenv("ORBCAST_STRATEGY", "first-candle")
    monkeypatch.setattr(prediction, "_made_at", now)
    approved = Position(stage="auto", bound_to="what was approved")
    monkeypatch.setattr(slot_context, "stage_of", lambda *_: ("auto", approved))
    models = current_settings().models()
    trees = models.find("MGC", "challenger").version
    models.set_alias("MGC", "champion", trees, at=now(), by="test", reason="to be asked")


def decided_at(one: Slot, mode: Any) -> ActivePlan:
    planned = prediction.plan_slot.fn(prediction.predict_slot.fn("mgc", one, mode))
    assert planned is not None
    return planned.plan


@pytest.mark.slow
def test_it_is_the_trade_of_the_backtest_to_the_bit() -> None:
    settings, market = current_settings(), current_settings().market("mgc")
    rules = settings.rules("MGC")
    bars = settings.lake().read(market)
    history = rules_history(bars, market, rules, first=date(2024, 9, 2), last=date(2024, 11, 21))
    of_history = {(one.trading_day, one.opening_range): one for one in slots_of(history, rules)}
    for hours in range(0, 24, 2):
        one = latest_slot(market, THURSDAY_0905 - timedelta(hours=hours))
        live, replayed = decided_at(one, "live"), decided_at(one, "replay")
        assert (live.long > 0, live.short > 0) == (replayed.long > 0, replayed.short > 0)
        assert not (live.long and live.short)  # only the first candle's side
    days = followed_days(settings, "mgc", date(2024, 11, 20), date(2024, 11, 21), now())
    traded = [one for one in days.slots if one.taken is not None and one.taken.size]
    assert traded
    for one in traded:
        assert one.traded is not None
        same = of_history[one.key]
        for name in ("side", "entered_at", "resolved_at", "prices", "r_gross", "r_net"):
            assert getattr(one.traded, name) == getattr(same, name)
        message = forecast_message(forecast_facts(days, one)).body
        assert (
            "The rules' trade: entry by a stop order at the edge; the first candle's side"
            in message
        )
        assert "A price without drift enters it in" in message
        assert ", no target" in message
    intents = order_intents(settings.database(), "MGC")
    for order in (intent.order for intent in intents):
        (entry,) = order["entries"]
        assert entry["when"].startswith("a stop order")
        assert entry["target"] is None
        assert entry["stop_from_entry_ticks"] > 0
        assert order["other_side_first"] == "the order stays in place"
    assert intents
    listed = CliRunner().invoke(app, ["strategy", "intents"])
    assert "ticks from the entry" in listed.stdout
