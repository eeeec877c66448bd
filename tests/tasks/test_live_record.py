"""The live record that the gates judge depends only on the ledger's rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from monitoring.rollout.gates import correct
from tests.tasks.live_market import (
    DAY,
    NOW,
    RECIPES,
    START,
    LiveMarket,
    answers,
    facts,
    outcome_of,
    row_at,
)


def test_before_the_first_answer_there_is_no_record(market: LiveMarket) -> None:
    record = facts(market).record
    assert (record.begun, record.slots, record.unanswered) == (None, 0, 0)
    assert [len(it) for it in (record.rows.day, record.rows.p_up, record.r_net)] == [0] * 3


def test_the_record_begins_with_the_first_answer_of_the_recipe_that_serves(
    market: LiveMarket,
) -> None:
    silent = {"status": "abstained", "p_up": None}
    before = answers(
        {"recipe_hash": RECIPES["rival"].hash},
        {**silent, "reason": "missed", "recipe_hash": None},
        {**silent, "reason": "novel"},
    )
    market.live((answer, None) for answer in before)
    assert facts(market).record.begun is None

    market.live([(row_at(START + 3 * DAY), None), (row_at(START + 4 * DAY), None)])
    record = facts(market).record
    assert (record.begun, record.slots) == (START + 3 * DAY, 2)


@pytest.mark.parametrize(
    ("changes", "unanswered"),
    [
        ({}, 0),
        ({"late": True}, 1),
        *(
            ({"status": "abstained", "reason": reason, "p_up": None}, 1)
            for reason in (
                "stale_data",
                "model_unusable",
                "model_expired",
                "no_model",
                "missed",
                "off",
            )
        ),
        *(
            ({"status": "abstained", "reason": reason, "p_up": None}, 0)
            for reason in ("holiday", "exchange_closed", "no_bars", "novel")
        ),
        ({"recipe_hash": RECIPES["rival"].hash}, 0),
    ],
    ids=lambda it: str(it.get("reason", it)) if isinstance(it, dict) else None,
)
def test_every_slot_since_then_counts_and_those_we_are_to_blame_for_are_unanswered(
    market: LiveMarket, changes: dict[str, Any], unanswered: int
) -> None:
    market.live((answer, None) for answer in answers({}, changes, {}))
    record = facts(market).record
    assert (record.slots, record.unanswered) == (3, unanswered)


def test_breaks_that_were_answered_in_time_are_judged_as_they_were_answered(
    market: LiveMarket,
) -> None:
    first, second = answers({"p_up": 0.7, "baseline_p_up": 0.55}, {"p_up": 0.2})
    market.live([(first, outcome_of(first)), (second, outcome_of(second, direction="DOWN"))])

    breaks = facts(market).record.breaks

    assert breaks.day.tolist() == [date(2025, 1, 6), date(2025, 1, 7)]
    assert breaks.p_up.tolist() == [0.7, 0.2]
    assert breaks.baseline_p_up.tolist() == [0.55, 0.6]
    assert breaks.up.tolist() == [True, False]
    assert correct(breaks).tolist() == [True, True]


def test_predictions_without_a_break_and_open_ones_take_part_in_the_day_s_stakes(
    market: LiveMarket,
) -> None:
    broke, without, still_open = answers({}, {"p_up": 0.3}, {"p_up": 0.4})
    none = outcome_of(without, direction="NONE", outcome=None, r_net=None)
    market.live([(broke, outcome_of(broke)), (without, none), (still_open, None)])

    rows = facts(market).record.rows

    assert rows.p_up.tolist() == [broke.p_up, 0.3, 0.4]
    assert rows.broke.tolist() == [True, False, False]
    assert rows.up.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "became"),
    [
        ({"late": True}, {}),
        ({"status": "abstained", "reason": "novel"}, {}),
        ({"recipe_hash": RECIPES["rival"].hash}, {}),
        ({"p_up": None}, {}),
        ({"baseline_p_up": None}, {}),
        ({"role": "challenger"}, {}),
        ({"role": "baseline"}, {}),
        ({"mode": "replay"}, {}),
        ({"market": "NQ"}, {}),
        ({}, {"direction": "NONE", "outcome": None, "r_net": None}),
        ({}, {"label": "edge-session"}),
        ({}, {"opening_range": "1000"}),
        ({}, None),
    ],
    ids=str,
)
def test_nothing_else_is_judged_and_no_trade_of_it_counts(
    market: LiveMarket, changes: dict[str, Any], became: dict[str, Any] | None
) -> None:
    judged, other = answers({}, changes)
    outcome = None if became is None else outcome_of(other, **became)
    market.live([(judged, outcome_of(judged)), (other, outcome)])

    record = facts(market).record

    assert record.breaks.day.tolist() == record.trade_day.tolist() == [date(2025, 1, 6)]
    assert len(record.breaks.p_up) == 1
    assert record.r_net.tolist() == [0.9]


def test_the_latest_revision_of_an_outcome_is_what_became(market: LiveMarket) -> None:
    (answer,) = answers({})
    market.live([(answer, outcome_of(answer))])
    for direction, r_net in (("DOWN", -1.1), ("UP", 0.4)):
        assert (
            market.settings.ledger().record_outcome(
                outcome_of(answer, direction=direction, r_net=r_net), NOW
            )
            == "revised"
        )
        record = facts(market).record
        assert record.breaks.up.tolist() == [direction == "UP"]
    assert record.r_net.tolist() == [0.4]


@pytest.mark.parametrize(
    ("recommendation", "direction", "taken"),
    [
        ("long", "UP", [0.5]),
        ("short", "DOWN", [0.5]),
        ("long", "DOWN", []),
        ("short", "UP", []),
        ("skip", "UP", []),
        (None, "DOWN", []),
    ],
)
def test_a_trade_counts_if_it_was_recommended_and_the_range_broke_that_way(
    market: LiveMarket, recommendation: str | None, direction: str, taken: list[float]
) -> None:
    (answer,) = answers({"recommendation": recommendation})
    market.live([(answer, outcome_of(answer, direction=direction, r_net=0.5))])

    record = facts(market).record

    assert len(record.breaks.up) == 1
    assert record.r_net.tolist() == taken
    assert record.trade_day.tolist() == [date(2025, 1, 6)] * len(taken)


def test_after_a_restart_only_later_decisions_count(market: LiveMarket) -> None:
    rows = answers({}, {}, {})
    market.live((answer, outcome_of(answer)) for answer in rows)

    record = facts(market, counted_from=rows[1].decision_time).record

    assert (record.begun, record.slots, len(record.rows.up), len(record.r_net)) == (
        rows[2].decision_time,
        1,
        1,
        1,
    )


def test_slots_count_in_order_of_decision_though_missed_ones_are_recorded_later(
    market: LiveMarket,
) -> None:
    rows = answers(*[{"made_at": START + 5 * DAY}] * 3)  # one clock, no answer behind another
    market.live((answer, outcome_of(answer)) for answer in (rows[2], rows[0], rows[1]))

    record = facts(market, counted_from=START - DAY).record

    assert record.begun == rows[0].decision_time
    assert record.slots == 3
    assert record.breaks.day.tolist() == [row.trading_day for row in rows]
