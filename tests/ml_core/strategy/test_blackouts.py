"""Blackouts: no entry around news that was known; other news has no effect."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.decision.plan_record import StrategyRecord
from ml_core.decision.plan_slot import active_plan
from ml_core.json_values import json_values
from ml_core.market.instrument import Instrument
from ml_core.market.news import NewsEvent
from ml_core.strategy.blackout import Blackout, no_entries
from ml_core.strategy.checks import DaySoFar, facts_of
from ml_core.strategy.order_intent import planned_order
from ml_core.strategy.plan import ModelView, Plan, by_rules, with_model
from ml_core.strategy.rules import Rules, StrategyFileError, load_rules
from ml_core.strategy.trades import PlanResult, TradedSlot, backtest
from registry.tables.base import canonical

T0 = datetime(2026, 1, 14, 13, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CPI = NewsEvent(
    market="",
    time=T0 + 25 * MINUTE,
    name="US CPI",
    importance="high",
    known_since=T0 - timedelta(days=30),
)


def rules(**values: Any) -> Rules:
    return Rules(name="mine", blackouts=(Blackout(**values),))


def facts(*news: NewsEvent, at: datetime = T0) -> dict[str, Any]:
    return {
        "opening_range": "2300",
        "decision_time": at,
        "range_size_atr14": 0.1,
        "minutes_traded": 1.0,
        "early_close": 0.0,
        "days_since_roll": 5.0,
        "news": news,
    }


def slot(broke: datetime, *news: NewsEvent) -> TradedSlot:
    return TradedSlot(
        trading_day=date(2026, 1, 14),
        opening_range="2300",
        decision_time=T0,
        facts=facts(*news),
        side="long",
        entered_at=broke,
        resolved_at=broke + timedelta(hours=1),
        r_net=1.0,
        r_gross=1.2,
    )


def decide(own: Rules, *news: NewsEvent) -> Plan:
    return by_rules(own, facts_of(facts(*news)), DaySoFar())


def entered(own: Rules, broke: datetime, *news: NewsEvent) -> PlanResult:
    (taken,) = backtest(own, [slot(broke, *news)])
    return taken


def test_a_range_that_closes_in_a_blackout_is_not_armed_and_names_it() -> None:
    plan = decide(rules(before=30, after=15), CPI)
    assert not plan.armed
    check = next(check for check in plan.checks if check.name == "news")
    assert check.words == "US CPI, no entry 13:00 to 13:45 UTC"


@pytest.mark.parametrize(
    ("minutes", "size"), [(9, 1.0), (10, 0.0), (25, 0.0), (45, 0.0), (46, 1.0)]
)
def test_an_armed_entry_is_not_taken_in_a_blackout_to_its_edges(minutes: int, size: float) -> None:
    taken = entered(rules(before=15, after=20), T0 + minutes * MINUTE, CPI)
    assert taken.plan.armed
    assert taken.size == size
    assert taken.why_not == ("" if size else "news: US CPI")


@pytest.mark.parametrize(
    ("values", "armed"),
    [
        ({}, False),
        ({"events": ("*cpi*",)}, False),
        ({"events": ("FOMC", "us CPI")}, False),
        ({"events": ("CPI",)}, True),
        ({"importance": "high"}, False),
        ({"before": 0}, True),
    ],
)
def test_a_blackout_is_for_news_by_name_and_importance(
    values: dict[str, Any], armed: bool
) -> None:
    assert decide(rules(**values), CPI).armed == armed
    milder = replace(CPI, importance="medium")
    assert decide(rules(importance="high"), milder).armed


def test_without_blackouts_news_is_nothing_to_the_rules() -> None:
    no_blackouts = Rules(name="mine")
    assert decide(no_blackouts, CPI) == decide(no_blackouts)
    assert all(check.name != "news" for check in decide(no_blackouts, CPI).checks)


news = st.builds(
    NewsEvent,
    market=st.just(""),
    time=st.integers(-60, 200).map(lambda minutes: T0 + minutes * MINUTE),
    name=st.sampled_from(("CPI", "FOMC")),
    importance=st.sampled_from(("low", "high")),
    known_since=st.integers(-60, 60).map(lambda minutes: T0 + minutes * MINUTE),
    cancelled=st.booleans(),
)


@given(st.lists(news), st.integers(0, 200), st.integers(0, 90), st.integers(0, 90))
def test_news_that_becomes_known_after_the_decision_changes_no_plan_and_no_trade(
    made: list[NewsEvent], broke: int, before: int, after: int
) -> None:
    own = rules(before=before, after=after)
    by_then = [event for event in made if event.known_since <= T0]
    assert decide(own, *made) == decide(own, *by_then)
    at = T0 + broke * MINUTE
    one, other = entered(own, at, *made), entered(own, at, *by_then)
    assert (one.size, one.why_not) == (other.size, other.why_not)


@given(st.lists(news), st.integers(0, 200))
def test_nothing_is_entered_around_news_that_was_known(made: list[NewsEvent], broke: int) -> None:
    at = T0 + broke * MINUTE
    taken = entered(rules(before=20, after=10), at, *made)
    near = [
        one
        for one in no_entries(rules(before=20, after=10).blackouts, made, T0)
        if one.holds_at(at) or one.holds_at(T0)
    ]
    assert bool(taken.size) == (not near)


def test_a_model_leaves_the_stretches_as_they_are() -> None:
    plan = decide(rules(before=15), CPI)
    assert plan.no_entry
    scaled = with_model(rules(before=15), plan, ModelView(recommends="long"), "scale")
    assert scaled.no_entry == plan.no_entry


def test_a_strategy_file_names_its_blackouts(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[[blackouts]]\nevents = ["FOMC*", "CPI"]\nafter = 10\n')
    (own,) = load_rules(path).blackouts
    assert own == Blackout(events=("FOMC*", "CPI"), after=10)
    path.write_text('name = "mine"\n[[blackouts]]\nafter = -1\n')
    with pytest.raises(StrategyFileError, match=r"blackouts\.0\.after = -1"):
        load_rules(path)


def recorded(plan: dict[str, Any]) -> StrategyRecord:
    return StrategyRecord(
        market="MGC",
        trading_day=date(2026, 1, 14),
        opening_range="2300",
        mode="live",
        rules_hash="a" * 64,
        stage="shadow",
        version=None,
        decision_time=T0,
        without_model=plan,
        with_model=plan,
        at=T0,
    )


def test_a_recorded_plan_keeps_its_blackouts_and_an_old_one_has_none() -> None:
    plan = decide(rules(before=15), CPI)
    assert plan.no_entry
    kept = json.loads(canonical(json_values(plan)))
    assert active_plan(recorded(kept)) == plan
    del kept["no_entry"]
    assert active_plan(recorded(kept)) == replace(plan, no_entry=())


def test_an_order_states_its_blackouts_and_one_without_news_has_none() -> None:
    gold = Instrument(
        tick_size="0.10", tick_value=1, commission_per_side=1.24, slippage_ticks_per_side=1
    )

    def order(*news: NewsEvent) -> dict[str, Any]:
        own = rules(before=15, after=20)
        return json_values(
            planned_order(
                gold,
                own,
                decide(own, *news),
                DaySoFar(),
                contract="MGCG6",
                high_ticks=40000,
                low_ticks=39950,
                decided=T0,
                scan_end=T0 + timedelta(hours=1),
            )
        )

    assert order(CPI)["no_entry"] == [
        {
            "news": "US CPI",
            "from": "2026-01-14T13:15:00+00:00",
            "to": "2026-01-14T13:50:00+00:00",
        }
    ]
    assert "no_entry" not in order()
