"""The rules decide, the model may only scale, and unknown facts decide nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.backtest.value_added import added, trade_statistics
from ml_core.strategy.checks import DaySoFar, SlotFacts, facts_of
from ml_core.strategy.plan import ModelView, by_rules, decide, with_model
from ml_core.strategy.rules import SIDES, Rules, StrategyFileError, load_rules
from ml_core.strategy.trades import TradedSlot, backtest, day_so_far, follow

SHIPPED = Path(__file__).resolve().parents[3] / "deployments" / "strategies" / "orb-default.toml"
T0 = datetime(2025, 1, 6, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)

RULES = st.builds(
    Rules,
    name=st.just("any"),
    allowed_ranges=st.sampled_from(["all", ("0900",), ("1000", "1800")]),
    allowed_sides=st.sampled_from([("long", "short"), ("long",), ("short",)]),
    min_size_atr=st.floats(0, 0.3),
    max_size_atr=st.floats(0.31, 2),
    min_share_traded=st.floats(0, 1),
    one_position=st.booleans(),
    max_trades_per_day=st.integers(1, 6),
    daily_loss_limit_r=st.floats(0.5, 5),
    base_size=st.floats(0.1, 1),
    max_size=st.floats(1, 2),
)
FACTS = st.builds(
    SlotFacts,
    opening_range=st.sampled_from(["0900", "1000", "1800"]),
    size_atr=st.none() | st.floats(0, 2),
    share_traded=st.none() | st.floats(0, 1),
    half_day=st.booleans(),
    roll_day=st.booleans(),
)
DAYS = st.builds(
    DaySoFar, trades=st.integers(0, 6), open=st.integers(0, 2), net_r=st.floats(-6, 6)
)
MODELS = st.builds(
    ModelView,
    recommends=st.sampled_from(["long", "short", None]),
    risk_adjustment=st.floats(-5, 5),
    why_unused=st.sampled_from(["", "the breaker is not closed"]),
)


LIKES_IT = ModelView(recommends="long", risk_adjustment=1.3)
GOOD = SlotFacts(
    opening_range="0900", size_atr=0.1, share_traded=1.0, half_day=False, roll_day=False
)


@given(RULES, FACTS, DAYS, MODELS)
@example(Rules(name="any"), GOOD, DaySoFar(), LIKES_IT)
@example(Rules(name="any"), GOOD, DaySoFar(), replace(LIKES_IT, why_unused="it is late"))
def test_a_model_never_arms_what_the_rules_do_not_and_keeps_to_their_sizes(
    rules: Rules, facts: SlotFacts, day: DaySoFar, model: ModelView
) -> None:
    unscaled = by_rules(rules, facts, day)
    scaled = with_model(rules, unscaled, model, "scale")
    for side in SIDES:
        before, after = unscaled.size(side), scaled.size(side)
        assert (before > 0) == (after > 0)
        assert after <= rules.max_size
        assert 0.5 * before <= after <= 1.5 * before or after == rules.max_size
    assert scaled.checks == unscaled.checks
    if model.why_unused:
        assert (scaled.long, scaled.short) == (unscaled.long, unscaled.short)


@given(RULES, FACTS, DAYS, DAYS, MODELS)
@example(Rules(name="any"), GOOD, DaySoFar(trades=3, net_r=-3.2), DaySoFar(trades=3), LIKES_IT)
@example(Rules(name="any"), GOOD, DaySoFar(), DaySoFar(trades=3, net_r=-3.2), LIKES_IT)
@example(Rules(name="any"), GOOD, DaySoFar(), DaySoFar(), LIKES_IT)
def test_a_day_that_went_better_with_the_model_arms_nothing_the_rules_alone_have_ended(
    rules: Rules, facts: SlotFacts, without: DaySoFar, with_: DaySoFar, model: ModelView
) -> None:
    unscaled, scaled = decide(rules, facts, without, with_, model)
    assert unscaled == by_rules(rules, facts, without)
    for side in SIDES:
        assert unscaled.size(side) or not scaled.size(side)
        assert scaled.size(side) <= min(1.5 * unscaled.size(side), rules.max_size)
    if not by_rules(rules, facts, with_).armed:
        assert not scaled.armed


@given(RULES, FACTS, DAYS, MODELS)
@example(Rules(name="any"), GOOD, DaySoFar(), LIKES_IT)
@example(Rules(name="any"), GOOD, DaySoFar(), replace(LIKES_IT, recommends=None))
@example(Rules(name="any"), GOOD, DaySoFar(), replace(LIKES_IT, why_unused="it is late"))
@example(Rules(name="any"), GOOD, DaySoFar(trades=9), replace(LIKES_IT, recommends=None))
def test_shadow_changes_nothing_and_advisory_only_adds_words(
    rules: Rules, facts: SlotFacts, day: DaySoFar, model: ModelView
) -> None:
    unscaled = by_rules(rules, facts, day)
    assert with_model(rules, unscaled, model, "none") == unscaled
    annotated = with_model(rules, unscaled, model, "annotate")
    assert replace(annotated, agreement="", recommends=None, words=()) == unscaled
    armed = {side for side in SIDES if unscaled.size(side)} or {None}
    agreement = "agrees" if model.recommends in armed else "disagrees"
    assert annotated.agreement == ("silent" if model.why_unused else agreement)


@given(RULES, FACTS, DAYS)
@example(Rules(name="any"), GOOD, DaySoFar(net_r=-3.0))
@example(Rules(name="any", max_trades_per_day=2), GOOD, DaySoFar(trades=2))
@example(Rules(name="any", one_position=True), GOOD, DaySoFar(open=1))
def test_nothing_is_armed_beyond_the_days_limits(
    rules: Rules, facts: SlotFacts, day: DaySoFar
) -> None:
    plan = by_rules(rules, facts, day)
    spent = day.net_r <= -rules.daily_loss_limit_r or day.trades >= rules.max_trades_per_day
    if spent or (rules.one_position and day.open):
        assert not plan.armed
    assert plan.armed == all(check.passed for check in plan.checks)


def slot(hours: float, **values: Any) -> TradedSlot:
    common: dict[str, Any] = {
        "trading_day": (T0 + hours * HOUR).date(),
        "opening_range": "0900",
        "decision_time": T0 + hours * HOUR,
        "facts": {
            "opening_range": "0900",
            "range_size_atr14": 0.2,
            "minutes_traded": 1.0,
            "early_close": 0.0,
            "days_since_roll": 5.0,
        },
        "side": "long",
        "entered_at": T0 + (hours + 0.1) * HOUR,
        "resolved_at": T0 + (hours + 0.5) * HOUR,
        "r_net": 1.0,
    }
    return TradedSlot(**{**common, **values})


RULES_ALONE = Rules(name="plain")


def test_one_position_is_judged_at_the_break_and_not_at_the_decision() -> None:
    # the second range closes before the first one breaks, and breaks while the first is open
    first = slot(0, entered_at=T0 + 2 * HOUR, resolved_at=T0 + 5 * HOUR)
    second = slot(1, entered_at=T0 + 3 * HOUR, resolved_at=T0 + 4 * HOUR)
    third = slot(4.5, entered_at=T0 + 6 * HOUR)
    taken = backtest(RULES_ALONE, [first, second, third])
    assert [result.size for result in taken] == [1.0, 0.0, 0.0]
    assert "break" in taken[1].why_not
    assert not taken[2].plan.armed  # open still when the third range closed
    both = RULES_ALONE.model_copy(update={"one_position": False})
    assert [result.size for result in backtest(both, [first, second, third])] == [1.0, 1.0, 1.0]


def test_a_minute_that_ends_one_trade_may_begin_another_and_an_entry_at_t0_is_known() -> None:
    first = slot(0, entered_at=T0 + 1 * HOUR, resolved_at=T0 + 3 * HOUR)
    second = slot(0.5, entered_at=T0 + 3 * HOUR, resolved_at=T0 + 4 * HOUR)
    taken = backtest(RULES_ALONE, [first, second])
    assert [result.size for result in taken] == [1.0, 1.0]
    meeting = slot(1, entered_at=T0 + 5 * HOUR)
    taken = backtest(RULES_ALONE, [first, second, meeting])
    assert not taken[2].plan.armed


def test_the_day_ends_with_its_loss_limit_and_the_next_one_begins_anew() -> None:
    lost = [slot(hours, r_net=-1.1) for hours in (0, 1, 2, 3)]
    rules = RULES_ALONE.model_copy(update={"daily_loss_limit_r": 3.0})
    taken = backtest(rules, [*lost, slot(30)])
    assert [result.size for result in taken] == [1.0, 1.0, 1.0, 0.0, 1.0]


OUTCOMES = st.lists(
    st.tuples(
        st.floats(0.05, 3), st.floats(0.05, 6), st.sampled_from([-1.05, 0.95]), st.booleans()
    ),
    min_size=1,
    max_size=20,
)


def through(rows: list[tuple[float, float, float, bool]]) -> list[TradedSlot]:
    made = []
    for hours, (wait, lasts, r, breaks) in enumerate(rows):
        entered = T0 + (hours + wait) * HOUR
        made.append(
            slot(
                hours,
                side="long" if breaks else None,
                entered_at=entered if breaks else None,
                resolved_at=entered + lasts * HOUR,
                r_net=r if breaks else None,
            )
        )
    return made


@settings(max_examples=60)
@given(OUTCOMES, st.integers(0, 19))
def test_a_decision_depends_on_nothing_that_came_after_it(
    rows: list[tuple[float, float, float, bool]], which: int
) -> None:
    slots = through(rows)
    index = which % len(slots)
    t0 = slots[index].decision_time

    def scrambled(traded: TradedSlot) -> TradedSlot:
        if traded.entered_at is None or traded.entered_at > t0:
            return replace(traded, side=None, entered_at=None, resolved_at=None, r_net=None)
        if traded.resolved_at is not None and traded.resolved_at > t0:
            return replace(traded, resolved_at=t0 + 99 * HOUR, r_net=-50.0)
        return traded

    before = backtest(RULES_ALONE, slots)[index].plan
    assert backtest(RULES_ALONE, [scrambled(traded) for traded in slots])[index].plan == before


@settings(max_examples=60)
@given(OUTCOMES)
def test_no_two_trades_are_ever_open_at_once(rows: list[tuple[float, float, float, bool]]) -> None:
    taken = [result for result in backtest(RULES_ALONE, through(rows)) if result.size]
    taken.sort(key=lambda result: result.slot.entered_at or T0)
    for before, after in pairwise(taken):
        assert before.slot.resolved_at is not None
        assert after.slot.entered_at is not None
        assert before.slot.resolved_at <= after.slot.entered_at


def test_worth_is_the_sum_of_r_times_size_and_the_difference_what_the_model_adds() -> None:
    slots = [slot(24 * day, r_net=r) for day, r in enumerate([1.0, -1.0, 1.0, 1.0] * 10)]
    unscaled = backtest(RULES_ALONE, slots)
    half = follow(
        RULES_ALONE,
        slots,
        lambda traded, day: with_model(
            RULES_ALONE, by_rules(RULES_ALONE, facts_of(traded.facts), day), ModelView(), "scale"
        ),
    )
    assert trade_statistics(unscaled).total_r == pytest.approx(20.0)
    assert trade_statistics(half).total_r == pytest.approx(10.0)
    difference = added(half, unscaled)
    assert difference.total_r == pytest.approx(-10.0)
    # halving every size shows no skill, since nothing was selected
    assert difference.size_ratio == pytest.approx(0.5)
    assert difference.by_size_r == pytest.approx(-10.0)
    assert difference.by_choice_r == pytest.approx(0.0)
    assert trade_statistics(unscaled).hit_rate == 0.75
    assert "no trade" in trade_statistics([]).words
    r = np.array([result.r for result in unscaled])
    assert trade_statistics(unscaled).drawdown_r == pytest.approx(
        (np.maximum.accumulate(r.cumsum()) - r.cumsum()).max()
    )


def test_trades_still_open_count_as_open_and_not_in_the_sum() -> None:
    running = slot(0, resolved_at=None, r_net=None)
    (taken,) = backtest(RULES_ALONE, [running])
    day = day_so_far([taken], running.trading_day, T0 + 3 * HOUR)
    assert (day.trades, day.open, day.net_r) == (1, 1, 0.0)
    assert trade_statistics([taken]).trades == 0


def test_the_shipped_rules_load_and_bad_ones_are_refused_with_field_and_remedy(
    tmp_path: Path,
) -> None:
    assert load_rules(SHIPPED).name == "orb-default"
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "bad"\nmin_size_atr = 3.0\nmax_size_atr = 1.0\n', "utf-8")
    with pytest.raises(StrategyFileError, match="below max_size_atr"):
        load_rules(bad)
    bad.write_text('name = "bad"\nallowed_sides = ["up"]\n', "utf-8")
    with pytest.raises(StrategyFileError, match="allowed_sides"):
        load_rules(bad)
    with pytest.raises(StrategyFileError, match="does not exist"):
        load_rules(tmp_path / "none.toml")
