"""Each gate of the rollout at its limit: just passed, just not passed, and its words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.market_events import Stage
from monitoring.gate import Gate
from monitoring.rollout.facts import Check, Facts, LiveRecord
from monitoring.rollout.gates import EARNED, correct, gates
from monitoring.rollout.stage import Position, RolloutPolicy
from monitoring.sequential_monitors import JudgedRows
from tests.ml_core.evidence.slow_wealth import challenger_wealth, rows_of, share_wealth

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LAST = np.datetime64("2025-06-30")


def record(
    up: Any, p: Any = 0.75, corridor: Any = 0.5, day: Any = None, **changed: Any
) -> LiveRecord:
    """Return one breakout a day up to the last day, and as many trades of 1/3 R or of 0 R."""
    happened = np.array(up, bool)
    count = len(happened)
    day = LAST - np.arange(count)[::-1] if day is None else day
    values = {
        "begun": NOW - 120 * DAY,
        "slots": 1000,
        "unanswered": 0,
        "rows": JudgedRows(
            p_up=np.broadcast_to(np.array(p, np.float64), count),
            baseline_p_up=np.broadcast_to(np.array(corridor, np.float64), count),
            broke=np.ones(count, bool),
            up=happened,
            day=day,
        ),
        "trade_day": day,
        "r_net": np.where(np.arange(count) % 3 == 0, 1.0, 0.0),
    }
    return LiveRecord(**{**values, **changed})


CHECK = Check(at=NOW - DAY, judged=True, clean=True, words="nothing found")
GOOD = Facts(
    version="v1",
    recipe_hash="recipe",
    kind="residual",
    fallback=None,
    record=record(np.arange(900) % 4 != 0),
    drift=CHECK,
    parity=CHECK,
    breaker="closed",
    record_faults=(),
)
ADVISORY = Position(stage="advisory", since=NOW - 40 * DAY, recipe_hash="recipe")


def gate(name: str, facts: Facts = GOOD, position: Position = ADVISORY) -> Gate:
    (match,) = (
        candidate for candidate in gates(facts, position, "hybrid", NOW) if candidate.name == name
    )
    return match


def record_gate(name: str, **changed: Any) -> Gate:
    return gate(name, replace(GOOD, record=replace(GOOD.record, **changed)))


def failed(facts: Facts, position: Position = ADVISORY, to: Stage = "hybrid") -> list[str]:
    return [entry.name for entry in gates(facts, position, to, NOW) if not entry.passed]


@pytest.mark.parametrize(
    ("target", "count"),
    [("off", 0), ("shadow", 0), ("advisory", 10), ("hybrid", 13), ("auto", 13)],
)
def test_every_gate_of_a_step_is_checked_and_good_facts_pass_them(
    target: Stage, count: int
) -> None:
    checked = gates(GOOD, ADVISORY, target, NOW)
    assert len({entry.name for entry in checked}) == len(checked) == count
    assert [
        (entry.name, entry.change) for entry in checked if not entry.passed or entry.change
    ] == []


@pytest.mark.parametrize(
    ("changed", "name", "change"),
    [
        ({"version": None}, "model", "a champion"),
        ({"fallback": "champion expired"}, "model", "the champion serving again"),
        ({"fallback": ""}, "model", "the champion serving again"),
        ({"kind": "baseline"}, "model", "a champion with skill above the baseline"),
        ({"drift": None}, "drift", "a drift check that ran"),
        ({"parity": None}, "parity", "a parity check that ran"),
        ({"drift": replace(CHECK, judged=False)}, "drift", "enough rows to judge by"),
        ({"parity": replace(CHECK, judged=False)}, "parity", "enough rows to judge by"),
        ({"drift": replace(CHECK, clean=False)}, "drift", "a clean drift check"),
        ({"parity": replace(CHECK, clean=False)}, "parity", "a clean parity check"),
        ({"record_faults": None}, "record whole", "`orbcast verify`"),
        ({"record_faults": ("row 7",)}, "record whole", "`orbcast verify` without fault"),
        ({"breaker": "open"}, "breaker", "the breaker closed"),
        ({"breaker": "half_open"}, "breaker", "the breaker closed"),
        (
            {"recipe_hash": "other"},
            "same recipe",
            "that recipe, or the ladder from shadow for this one",
        ),
    ],
)
def test_each_fact_alone_prevents_a_step_and_names_a_sufficient_change(
    changed: dict[str, Any], name: str, change: str
) -> None:
    facts = replace(GOOD, **changed)
    assert failed(facts) == [name]
    assert gate(name, facts).change == change


@pytest.mark.parametrize("name", ["drift", "parity"])
def test_a_check_is_running_for_four_days(name: str) -> None:
    old = replace(CHECK, at=NOW - 4 * DAY)
    assert gate(name, replace(GOOD, **{name: old})).passed
    stopped = gate(name, replace(GOOD, **{name: replace(old, at=old.at - SECOND)}))
    assert (stopped.passed, stopped.change) == (False, f"a {name} check within 4 days")


@pytest.mark.parametrize(
    ("begun", "change"),
    [
        (NOW - 90 * DAY, ""),
        (NOW - 90 * DAY + SECOND, "1 more day"),
        (NOW - 30 * DAY, "60 more days"),
        (NOW + 3 * DAY, "90 more days"),
        (None, "90 more days"),
    ],
)
def test_ninety_calendar_days_of_live_record_are_needed(
    begun: datetime | None, change: str
) -> None:
    result = record_gate("live days", begun=begun)
    assert (result.passed, result.change) == (not change, change)


@pytest.mark.parametrize(
    ("unanswered", "slots", "change"),
    [
        (0, 1, ""),
        (5, 100, ""),
        (50, 1000, ""),
        (51, 1000, "20 more slots predicted in time"),
        (6, 100, "20 more slots predicted in time"),
        (1, 19, "1 more slot predicted in time"),
        (3, 59, "1 more slot predicted in time"),
        (0, 0, "1 more slot predicted in time"),
    ],
)
def test_one_slot_in_twenty_may_lack_a_prediction(
    unanswered: int, slots: int, change: str
) -> None:
    result = record_gate("predictions in time", unanswered=unanswered, slots=slots)
    assert (result.passed, result.change) == (not change, change)
    assert result.words.endswith("at most 5%")


def test_a_share_that_divides_into_no_whole_number_asks_for_one_slot_more() -> None:
    facts = replace(GOOD, record=replace(GOOD.record, unanswered=1, slots=30))
    results = gates(facts, ADVISORY, "advisory", NOW, RolloutPolicy(most_unanswered=0.03))
    assert (
        results[2].change == "4 more slots predicted in time"
    )  # 1 of 34 is below 3 %, of 33 above


@pytest.mark.parametrize(
    ("trades", "change"),
    [(617, ""), (616, "1 more trade"), (62, "555 more trades"), (0, "617 more trades")],
)
def test_the_trades_needed_are_those_that_separate_fifty_five_per_cent_from_a_coin(
    trades: int, change: str
) -> None:
    result = gate("trades", replace(GOOD, record=record(np.arange(trades) % 2 == 0)))
    assert (result.passed, result.change) == (not change, change)


def test_the_trades_are_compared_with_a_coin() -> None:
    result = gate("trades", replace(GOOD, record=record(np.arange(62) < 40)))
    # 40 of 62; the interval is Clopper and Pearson's, the coin's chance the design's own figure
    assert result.words == (
        "62 breaks judged, 617 needed; 64.5% right (51.3% to 76.3%), a coin would pass 55% "
        "with a chance of 18.7%"
    )


def days_to_twenty(wealth: list[float]) -> int:
    """Return the number of days until an e-value of 20, which must be reached in small steps."""
    first = next(index for index, e_value in enumerate(wealth) if e_value >= 20)
    assert 18.2 < wealth[first - 1] < 20
    return first + 1


def test_accuracy_above_fifty_five_per_cent_is_shown_by_an_e_value_of_twenty() -> None:
    right = np.diff(np.arange(701) * 61 // 100) > 0  # 61 of a hundred, evenly spread
    enough = days_to_twenty(share_wealth(right.tolist(), list(range(700)), 0.55))
    before, after = (
        gate("sustained accuracy", replace(GOOD, record=record(right[:days])))
        for days in (enough - 1, enough)
    )
    assert (before.passed, after.passed, after.change) == (False, True, "")
    assert "that it is above 55%, 20 needed; " in after.words


@pytest.mark.parametrize(("right", "held"), [(11, False), (12, True)])
def test_more_than_fifty_five_per_cent_of_the_last_thirty_days_must_be_right(
    right: int, held: bool
) -> None:
    # 20 breaks of the latest days; those of the 31st day back and before no longer count
    latest = np.arange(20) < right
    day = np.concatenate([LAST - 31 - np.arange(900)[::-1], LAST - 30 + np.arange(20)])
    for wrong_before in (False, True):
        up = np.concatenate([np.full(900, True), latest])
        up[895:900] = not wrong_before
        result = gate("sustained accuracy", replace(GOOD, record=record(up, day=day)))
        assert f"{right / 20:.1%} of 20 in the last 30 days" in result.words
        assert result.passed == held
        assert result.change == ("" if held else "more than 55% right in the last 30 days")


def test_without_a_break_of_late_accuracy_is_not_sustained() -> None:
    old = record(np.full(900, True), day=LAST - 40 - np.arange(900)[::-1])
    result = gate("sustained accuracy", replace(GOOD, record=old))
    assert (result.passed, "; 0.0% of 0 in the last" in result.words) == (False, True)


def slightly_better(days: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return as much UP as DOWN, and a model slightly better than an even corridor."""
    up = np.arange(days) % 2 == 0
    return up, np.where(up, 0.52, 0.48)


def test_skill_above_the_corridor_is_shown_by_an_e_value_of_twenty() -> None:
    up, p = slightly_better(200)
    wealth = challenger_wealth(rows_of(p, np.full(200, 0.5), up, np.arange(200)))
    enough = days_to_twenty(wealth)
    before, after = (
        gate("skill above the corridor", replace(GOOD, record=record(up[:days], p[:days])))
        for days in (enough - 1, enough)
    )
    assert (before.passed, after.passed, after.change) == (False, True, "")


def test_without_a_break_nothing_is_shown() -> None:
    missing = ["trades", "sustained accuracy", "skill above the corridor", "net R"]
    assert failed(replace(GOOD, record=record([]))) == missing


@pytest.mark.parametrize("rows", [1, 20])
def test_the_number_of_further_trades_is_extrapolated_from_the_evidence_so_far(rows: int) -> None:
    up, p = slightly_better(rows)
    wealth = challenger_wealth(rows_of(p, np.full(rows, 0.5), up, np.arange(rows)))[-1]
    # for each row as much as so far: wealth ** (all / rows) = 20
    more = int(np.ceil(rows * np.log(20) / np.log(wealth))) - rows
    result = gate("skill above the corridor", replace(GOOD, record=record(up, p)))
    assert result.change == f"about {more} more trades, if it goes on as so far"
    assert 20 < more < 200


def test_an_e_value_just_as_high_as_the_limit_is_enough() -> None:
    # one day proves nothing: its e-values are 1
    facts = replace(GOOD, record=record([True], 0.5))
    for alpha, passed in ((1.0, True), (0.99, False)):
        results = gates(facts, ADVISORY, "advisory", NOW, RolloutPolicy(alpha=alpha))
        assert [entry.passed for entry in results[4:6]] == [passed, passed]


def test_the_corridor_s_share_is_shown_beside_the_model_s() -> None:
    # an even corridor predicts UP, as three of four were
    text = gate("skill above the corridor").words
    assert text.endswith("20 needed; 75.0% right, the corridor 75.0%")


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_evidence_that_did_not_grow_promises_no_number_of_trades(p: float) -> None:
    facts = replace(GOOD, record=record(np.arange(20) % 2 == 0, p))
    assert gate("skill above the corridor", facts).change == "nothing shown so far"


@pytest.mark.parametrize(
    ("position", "change"),
    [
        (replace(ADVISORY, since=NOW - 30 * DAY), ""),
        (replace(ADVISORY, since=NOW - 30 * DAY + SECOND), "1 more day"),
        (replace(ADVISORY, stage="hybrid", since=NOW - 12 * DAY), "18 more days"),
        (replace(ADVISORY, since=NOW + DAY), "30 more days"),
        (replace(ADVISORY, since=None), "30 more days"),
        (replace(ADVISORY, stage="shadow"), "30 more days"),
        (replace(ADVISORY, stage="off"), "30 more days"),
    ],
)
def test_thirty_days_at_a_stage_are_needed_before_the_next(
    position: Position, change: str
) -> None:
    result = gate("days at this stage", position=position)
    assert (result.passed, result.change) == (not change, change)


R = [([0.5, 0.25] * 40, True), ([0.0] * 80, False), ([-0.5, -0.25] * 40, False), ([], False)]


@pytest.mark.parametrize(("r", "passed"), R)
def test_the_net_r_of_the_trades_taken_must_lie_above_nought(r: list[float], passed: bool) -> None:
    day = LAST - np.arange(len(r))[::-1]
    result = record_gate("net R", r_net=np.array(r), trade_day=day)
    assert result.passed == passed
    assert bool(result.change) != passed


def test_a_probability_of_a_half_predicts_up() -> None:
    assert correct(record([True, False], 0.5).rows).tolist() == [True, False]
    assert correct(record([True, False], 0.4999).rows).tolist() == [False, True]


def test_the_gates_that_take_a_record_are_among_the_gates() -> None:
    assert {entry.name for entry in gates(GOOD, ADVISORY, "auto", NOW)} | {"approval"} >= EARNED
