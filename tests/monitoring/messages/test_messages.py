"""Every message of the trading day as it is sent, and words that none of them may contain."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ml_core.backtest.driftless_forecast import DriftlessForecast
from ml_core.decision.entry import Outputs
from ml_core.market.instrument import Instrument
from ml_core.market_events import STAGES, Stage
from ml_core.strategy.plan import Plan
from monitoring.messages import digest, example
from monitoring.messages import forecast as forecast_module
from monitoring.messages import trade as trade_module
from monitoring.messages.digest import day_message, week_message
from monitoring.messages.facts import NOT_TRADED, Message
from monitoring.messages.forecast import forecast_message
from monitoring.messages.trade import break_message, settled_message
from monitoring.messages.words import stage_line
from tests.monitoring.messages.golden_files import FOLDER, PICTURES, png_of, text_of
from tests.monitoring.messages.made_facts import (
    ARMED,
    EDGES,
    ENTRY,
    RANGE,
    bracket_of,
    day,
    forecast,
    plan,
    settled,
    trade,
    week,
    without_forecast,
)
from tests.monitoring.messages.made_messages import messages
from tests.monitoring.messages.made_pictures import content, pictures
from tests.predictions import predicted

MADE = messages()
DRAWN = pictures()
TO_DO = ("recommend", " arm ", "is entered", "was entered", "entered at")
"""Words that present a trade as one to be made, or as one that was made."""


def messages_of_stage(stage: Stage) -> list[Message]:
    return [
        forecast_message(forecast(stage)),
        forecast_message(without_forecast("stale_data", stage)),
        break_message(trade(stage)),
        settled_message(settled(stage)),
        day_message(day(stage)),
        week_message(week(stage)),
    ]


@pytest.mark.parametrize("name", MADE)
def test_a_message_is_what_its_file_has(name: str) -> None:
    written = (FOLDER / f"{name}.txt").read_text("utf-8")
    assert text_of(MADE[name]) == written, (
        "look at it, then write it anew: python -m tests.monitoring.messages.golden_files"
    )


def test_no_file_is_left_of_a_message_that_no_longer_exists() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(MADE)
    for kind in ("png", "txt"):
        assert {path.stem for path in PICTURES.glob(f"*.{kind}")} == set(DRAWN)


FILES = {
    "forecast_message": "forecast",
    "break_message": "break",
    "settled_message": "settled",
    "day_message": "day",
    "week_message": "week",
    "champion_message": "champion",
    "example_message": "test-message",
}
"""How the files of each kind of message begin."""


def test_every_kind_of_message_has_a_file_for_the_record_and_one_of_a_trade() -> None:
    kinds = {
        name
        for module in (digest, example, forecast_module, trade_module)
        for name in vars(module)
        if name.endswith("_message")
    }
    assert kinds == set(FILES)
    # a new champion is announced alike at every stage, and the test is always one for the record
    for start in {*FILES.values(), "no-forecast"} - {"champion", "test-message"}:
        bodies = [message.body for name, message in MADE.items() if name.startswith(start)]
        recorded = {any(stage_line(stage) in body for stage in NOT_TRADED) for body in bodies}
        assert recorded == {True, False}, start


@pytest.mark.parametrize("stage", NOT_TRADED)
def test_a_message_for_the_record_never_presents_a_trade_to_be_made(stage: Stage) -> None:
    for message in messages_of_stage(stage):
        assert message.subject.endswith("not to be traded")
        assert "NOT TO BE TRADED" in message.body
        text = re.sub("would (arm|be entered|have been entered)", "", message.body)
        assert not [words for words in TO_DO if words in text], text


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in NOT_TRADED])
def test_from_advisory_on_the_words_are_those_of_a_trade(stage: Stage) -> None:
    for message in messages_of_stage(stage):
        assert "not to be traded" not in f"{message.subject}{message.body}".lower()
    assert forecast_message(forecast(stage)).subject.endswith("UP, long recommended")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"late": True}, "the rules decide without the model"),
        (
            {"outputs": replace(ENTRY.outputs, breaker="half_open")},
            "the rules decide without the model",
        ),
        (
            {"outputs": Outputs(prediction=predicted(recommendation="skip"))},
            "the model favours neither side",
        ),
    ],
)
def test_a_forecast_that_is_not_traded_recommends_nothing_in_its_subject(
    values: dict[str, object], words: str
) -> None:
    message = forecast_message(forecast("hybrid", replace(ENTRY, **values)))
    assert message.subject.endswith(words)


@pytest.mark.parametrize(
    ("armed", "words"),
    [
        (None, "the rules arm nothing"),
        (replace(ARMED, long=0.0, short=0.0), "the rules arm nothing"),
        (replace(ARMED, long=0.0), "the rules do not arm UP, long"),
        (replace(ARMED, agreement="silent"), "the rules decide without the model"),
    ],
)
def test_what_the_rules_do_not_arm_is_not_recommended(armed: Plan | None, words: str) -> None:
    message = forecast_message(forecast("auto", plan=plan("auto", armed)))
    assert message.subject.endswith(words)


def test_the_entry_is_compared_with_the_planned_one() -> None:
    assert "entry as planned" in break_message(trade("auto", 33864)).subject
    assert "1 tick worse than planned" in break_message(trade("auto", 33865)).subject
    assert "12 ticks worse than planned" in break_message(trade("auto", 33876)).subject


def test_money_and_prices_are_those_of_the_market_s_own_tick() -> None:
    euros = Instrument.model_validate(
        {
            "tick_size": "0.25",
            "tick_value": 5.0,
            "commission_per_side": 2.25,
            "slippage_ticks_per_side": 1,
            "currency": "EUR",
        }
    )
    opening = replace(RANGE, instrument=euros, high=80040, low=80000)
    edges = {"high_ticks": opening.high, "low_ticks": opening.low}
    facts = trade(
        "auto",
        opening_range=opening,
        bracket=bracket_of("short", entry_ticks=79998, **edges),
        planned=bracket_of("short", **edges),
    )
    message = break_message(facts)
    broke = "MGC 1000: DOWN broke at 19999.50, 1 tick worse than planned, size 1.08"
    assert message.subject == broke
    assert "entry 19999.50, stop 20010.00, target 19989.00" in message.body
    assert "risks 210.00 EUR (42 ticks), wins 210.00 EUR, costs 14.50 EUR (0.07 R)" in message.body
    won = settled_message(
        settled("auto", opening_range=opening, trade=facts, exit=79956, r_gross=1.0, r_net=0.5)
    )
    assert "+105.00 EUR a contract" in won.body


@pytest.mark.parametrize("name", DRAWN)
def test_what_a_picture_shows_is_what_its_file_has(name: str) -> None:
    written = (PICTURES / f"{name}.txt").read_text("utf-8")
    assert content(DRAWN[name]) == written, (
        "look at it, then write it anew: python -m tests.monitoring.messages.golden_files"
    )
    assert "CUT OFF" not in written


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_looks_like_its_file(name: str) -> None:
    """Another release of a font changes a few edges, and no more."""
    drawn, kept = (
        np.asarray(Image.open(source).convert("L"), np.int16)
        for source in (io.BytesIO(png_of(DRAWN[name])), PICTURES / f"{name}.png")
    )
    assert drawn.shape == kept.shape
    assert (np.abs(drawn - kept) > 64).mean() < 0.01


def test_each_kind_of_message_that_has_a_picture_has_one_with_a_file() -> None:
    with_picture = {"forecast", "break", "settled", "test"}
    assert {name.partition("-")[0] for name in DRAWN} == with_picture
    assert set(DRAWN) <= set(MADE)


def test_a_trade_by_other_rules_than_the_label_is_described_by_its_rules() -> None:
    open_ended = replace(bracket_of("long", entry_ticks=33863, **EDGES), target=None)
    body = forecast_message(
        forecast(
            "auto",
            brackets=(open_ended,),
            other_label=ENTRY.label,
            trade="entry by a stop order at the edge; no target",
            driftless=DriftlessForecast(
                entered=0.94, above_zero=0.288, net_r=-0.17, error=0.03, days=20
            ),
        )
    ).body
    assert "entry 3386.3, stop 3381.9, no target" in body
    assert "The rules' trade: entry by a stop order at the edge; no target." in body
    assert "one contract risks 44.00 USD (44 ticks), costs 4.48 USD (0.10 R)" in body
    assert f"for the label {ENTRY.label}" in body
    assert (
        "A price without drift enters it in 94% of cases, ends above 0 in 28.8% of these and "
        "gives -0.17 R net a trade (+-0.03, by the bars of 20 days before)."
    ) in body
    facts = trade("auto", bracket=open_ended, planned=open_ended, by="stop_order")
    assert "The stop order above 3386.3 was filled: 3386.3 at" in break_message(facts).body
    stopped = settled_message(settled("auto", trade=facts, outcome="MOVED_STOP", exit=33863))
    assert "out at the moved stop" in stopped.subject
    nothing = settled("auto", trade=None, outcome=None, exit=None, r_gross=None, r_net=None)
    for by, words in (
        ("close", "No 1-minute close outside of the range up to"),
        ("retest", "After a 1-minute close outside the range no return to its edge up to"),
        (None, "No entry by the rules up to"),
    ):
        assert words in settled_message(replace(nothing, by=by)).body
    assert "no entry" in settled_message(replace(nothing, by=None)).subject


def test_a_partial_target_is_named_before_the_target() -> None:
    half = replace(bracket_of("long", **EDGES), part=33890)
    assert "first target 3389.0, target" in break_message(trade("auto", bracket=half)).body
