"""Entry, stop and target of each kind of trade, and the effect of an exact touch."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ml_core.features.history import read_history
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, LOSS, NOT_RESOLVED, UNKNOWN, UP, WIN, Labels
from tests.ml_core.builders import Row, bars_of, flat_day, mgc, minute

DAY = "2024-01-16"
NINE = minute(DAY, "09:00")
SLOT = 6
"""The 09:00 range of the second day."""
HIGH, LOW = 20010, 20000
WINDOW: list[Row] = [(NINE, 20005, HIGH, LOW, 20005, 5)]
BREAKS: dict[int, Row] = {
    UP: (NINE + 8, 20008, 20012, 20008, 20012, 5),
    DOWN: (NINE + 8, 20002, 20002, 19997, 19997, 5),
}

TRADES = [
    # side, spec, entry, stop, target, gross R of a win
    (UP, {}, 20012, 20000, 20024, 1.0),
    (UP, {"rr": 1.5}, 20012, 20000, 20030, 1.5),
    (UP, {"rr": 3}, 20012, 20000, 20048, 3.0),
    (UP, {"stop": "half"}, 20012, 20005, 20019, 1.0),
    (UP, {"stop": "half", "rr": 1.5}, 20012, 20005, 20023, 11 / 7),
    (UP, {"stop": "half", "rr": 2}, 20012, 20005, 20026, 2.0),
    (UP, {"anchor": "edge"}, 20012, 20000, 20020, 8 / 12),
    (UP, {"anchor": "edge", "stop": "half", "rr": 1.5}, 20012, 20005, 20018, 6 / 7),
    (DOWN, {}, 19997, 20010, 19984, 1.0),
    (DOWN, {"rr": 1.5}, 19997, 20010, 19977, 20 / 13),
    (DOWN, {"rr": 3}, 19997, 20010, 19958, 3.0),
    (DOWN, {"stop": "half"}, 19997, 20005, 19989, 1.0),
    (DOWN, {"stop": "half", "rr": 1.5}, 19997, 20005, 19985, 1.5),
    (DOWN, {"stop": "half", "rr": 2}, 19997, 20005, 19981, 2.0),
    (DOWN, {"anchor": "edge"}, 19997, 20010, 19990, 7 / 13),
    (DOWN, {"anchor": "edge", "stop": "half", "rr": 1.5}, 19997, 20005, 19992, 5 / 8),
]

every_trade = pytest.mark.parametrize(
    ("side", "changes", "entry", "stop", "target", "gross"),
    TRADES,
    ids=[f"{'up' if row[0] == UP else 'down'} {row[1]}" for row in TRADES],
)


def _labels(side: int, changes: dict[str, Any], later: tuple[int, int] | None = None) -> Labels:
    """Label the trade, with an optional later bar from a low to a high, closing at the entry."""
    market = mgc()
    schedule = build_schedule(market, date(2024, 1, 15), date(2024, 1, 16))
    rows = [flat_day("2024-01-15"), *WINDOW, BREAKS[side]]
    if later is not None:
        close = BREAKS[side][4]
        rows.append((NINE + 20, close, later[1], later[0], close, 5))
    spec = LabelSpec.model_validate(changes)
    return read_history(bars_of(rows), market, spec, schedule).labels


@pytest.mark.parametrize(
    ("close", "direction"),
    [(HIGH, UNKNOWN), (HIGH + 1, UP), (LOW, UNKNOWN), (LOW - 1, DOWN)],
)
def test_a_close_on_an_edge_is_inside_and_a_tick_beyond_is_a_break(
    close: int, direction: int
) -> None:
    wide = (NINE + 8, 20005, HIGH + 3, LOW - 3, close, 5)
    schedule = build_schedule(mgc(), date(2024, 1, 15), date(2024, 1, 16))

    labels = read_history(
        bars_of([flat_day("2024-01-15"), *WINDOW, wide]), mgc(), LabelSpec(), schedule
    ).labels

    assert labels.direction[SLOT] == direction


def test_the_very_next_minute_can_end_a_trade() -> None:
    schedule = build_schedule(mgc(), date(2024, 1, 15), date(2024, 1, 16))
    next_bar = (NINE + 9, 20012, 20024, 20012, 20020, 5)
    later = (NINE + 10, 20020, 20020, 20000, 20000, 5)
    bars = bars_of([flat_day("2024-01-15"), *WINDOW, BREAKS[UP], next_bar, later])

    labels = read_history(bars, mgc(), LabelSpec(), schedule).labels

    assert (labels.outcome[SLOT], labels.resolved_minute[SLOT]) == (WIN, NINE + 10)


@every_trade
def test_entry_stop_and_target_are_whole_ticks_from_the_anchor(
    side: int, changes: dict[str, Any], entry: int, stop: int, target: int, gross: float
) -> None:
    labels = _labels(side, changes)

    assert labels.direction[SLOT] == side
    assert labels.break_minute[SLOT] == NINE + 9
    assert (labels.entry[SLOT], labels.stop[SLOT], labels.target[SLOT]) == (entry, stop, target)
    assert labels.risk[SLOT] == abs(entry - stop)
    assert labels.outcome[SLOT] == UNKNOWN
    assert labels.resolved_minute[SLOT] == NOT_RESOLVED
    assert gross > 0


@every_trade
@pytest.mark.parametrize("touched", ["target", "stop", "both", "neither"])
def test_a_level_is_reached_by_its_very_tick_and_not_by_the_one_before(
    side: int,
    changes: dict[str, Any],
    entry: int,
    stop: int,
    target: int,
    gross: float,
    touched: str,
) -> None:
    # Arrange: a bar that reaches both levels to the tick, or stays one tick away from one
    near_stop = stop if touched in {"stop", "both"} else stop + side
    near_target = target if touched in {"target", "both"} else target - side
    bar = (min(near_stop, near_target), max(near_stop, near_target))

    # Act
    labels = _labels(side, changes, bar)

    # Assert
    expected = {
        "target": (WIN, target, gross),
        "stop": (LOSS, stop, -1.0),
        "both": (LOSS, stop, -1.0),
        "neither": (UNKNOWN, 0, None),
    }[touched]
    settled = labels.outcome[SLOT] != UNKNOWN
    result = float(labels.r_gross[SLOT]) if settled else None
    assert (labels.outcome[SLOT], labels.exit[SLOT]) == expected[:2]
    assert result == pytest.approx(expected[2])
    assert labels.resolved_minute[SLOT] == (NINE + 21 if settled else NOT_RESOLVED)
    cost = labels.r_gross[SLOT] - labels.r_net[SLOT]
    assert cost == pytest.approx(
        4.48 / abs(entry - stop) if settled else float("nan"), nan_ok=True
    )
