"""A card draws the trade of the followed strategy, with any kind of rule."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from deployments.dashboard.charts.range_chart import range_chart
from deployments.dashboard.charts.theme import DARK
from deployments.dashboard.trading_day.slot_words import trade_lines
from ml_core.market.schedule import from_minute
from ml_core.strategy.checks import RuleCheck
from ml_core.strategy.plan import Plan
from monitoring.pages.plots.opening_range import RangePicture, range_plot
from tasks.messages.followed_days import FollowedDays, FollowedSlot, followed_days
from tasks.messages.slot_facts import picture_now
from tasks.prediction.outcomes.settling import settle
from tasks.settings import current_settings
from tests.dashboard.chart_parts import rows_of
from tests.tasks.followed_slot import (
    BARS,
    DAY,
    KEY,
    KINDS,
    NINE,
    READ_AT,
    T0,
    planned,
    read,
    record_entry,
    rules,
)

DRAWN = {
    "label": ("entry 2001.2", "stop 2000.0", "target 2002.4", "out at 2002.4: target"),
    "half": ("entry 2001.2", "stop 2000.5", "target 2003.3", "out at 2000.5: stop"),
    "ticks": ("entry 2001.2", "stop 2000.7", "target 2002.2", "out at 2002.2: target"),
    "stop-order": ("entry 2001.0", "stop 2000.0", "target 2002.5", "out at 2000.0: stop"),
    "retest": ("entry 2001.0", "stop 2000.0", "out at 2001.8: moved stop"),
    "edge": ("entry 2001.2", "stop 2000.0", "target 2003.0", "out at 2000.0: stop"),
    "break-even": ("entry 2001.2", "stop 2000.0", "target 2004.8", "out at 2001.2: moved stop"),
    "partial": (
        "entry 2001.2",
        "stop 2000.0",
        "first target 2001.8",
        "target 2006.0",
        "out at 2000.0: stop",
    ),
    "first-candle": ("entry 2001.2", "stop 2000.0", "target 2002.4", "out at 2002.4: target"),
    "too-late": (),
}
"""Prices and end of each kind's trade, computed by hand from the bars."""


@pytest.fixture(autouse=True)
def in_the_ledger(home: Path) -> None:
    del home
    record_entry()
    read(*BARS)


def seen(at: datetime = READ_AT) -> tuple[FollowedDays, FollowedSlot]:
    days = followed_days(current_settings(), "mgc", DAY, DAY, at)
    (slot,) = days.slots
    return days, slot


def drawn(days: FollowedDays, slot: FollowedSlot) -> RangePicture:
    picture = picture_now(days, KEY, slot)
    assert picture is not None
    range_plot(picture)  # for the messages
    chart = range_chart(picture, DARK)  # for the page
    words = {label["words"] for label in rows_of(chart, "end")}
    assert words == {"opening range", *(level.words for level in picture.levels)}
    return picture


def words_of(picture: RangePicture) -> tuple[str, ...]:
    exits = (mark.words for mark in picture.marks if mark.kind == "exit")
    return (*(level.words for level in picture.levels), *exits)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settled", [False, True], ids=["by bars", "on record"])
def test_a_card_draws_the_trade_of_its_own_rule(kind: str, settled: bool) -> None:
    planned(rules(kind))
    if settled:
        settle.fn("mgc", READ_AT)
    days, slot = seen()
    assert slot.rules == rules(kind)
    assert words_of(drawn(days, slot)) == DRAWN[kind]


def test_an_open_trade_is_valued_at_the_last_close_and_the_label_s_is_the_second_fact() -> None:
    planned(rules("break-even"))
    settle.fn("mgc", from_minute(NINE + 21))
    days, slot = seen(from_minute(NINE + 21))
    lines = trade_lines(days, slot)
    # 11 ticks up of 12, costs of 4.48
    assert "Open result: +0.54 R after costs." in lines
    assert lines[-1].startswith("By the model's label (entry-session")
    assert lines[-1].endswith("): UP, win, +1.00 R gross, +0.63 R net.")


def test_the_label_s_own_trade_is_listed_once() -> None:
    planned(rules("label"))
    settle.fn("mgc", READ_AT)
    days, slot = seen()
    lines = trade_lines(days, slot)
    assert lines[0].startswith("UP at 2001.2 (09:09), target reached at 2002.4 (09:21")
    assert not any("model's label" in line for line in lines)


def test_a_plan_that_was_refused_says_why_and_draws_what_was_left_alone() -> None:
    refused = RuleCheck(name="size", passed=False, words="0.6 ATR, allowed 0.02 to 0.5")
    planned(rules("half"), Plan(long=0.0, short=0.0, checks=(refused,)))
    days, slot = seen()
    assert words_of(drawn(days, slot)) == DRAWN["half"]
    printed = " ".join(trade_lines(days, slot))
    assert "not entered" in printed
    assert "would arm nothing (size: 0.6 ATR, allowed 0.02 to 0.5)" in printed


def test_before_its_break_a_card_draws_the_sides_that_are_armed() -> None:
    planned(rules("half"), Plan(long=1.0, short=0.0, checks=()))
    days, slot = seen(T0)
    assert words_of(drawn(days, slot)) == ("UP entry 2001.1", "UP stop 2000.5", "UP target 2002.9")


def test_several_strategies_stand_side_by_side() -> None:
    for kind in ("label", "retest", "too-late"):
        planned(rules(kind))
    days, slot = seen()
    assert slot.rules.name == "label"
    assert [other.rules.name for other in slot.beside] == ["retest", "too-late"]
    assert [words_of(drawn(days, other)) for other in slot.beside] == [DRAWN["retest"], ()]
    assert trade_lines(days, slot.beside[1])[0].startswith("No 1-minute close outside")


def test_a_range_without_a_prediction_is_drawn_alone() -> None:
    days, _ = seen()
    picture = picture_now(days, KEY, None)
    assert picture is not None
    assert (words_of(picture), picture.marks) == ((), ())
