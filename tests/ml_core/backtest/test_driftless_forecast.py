"""The driftless baseline of one range's trade: the closed form, without later data."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from ml_core.backtest.driftless_forecast import driftless_forecast
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.rules import Rules
from tests.ml_core.backtest.test_driftless_rule import by_single_ticks, rules_of
from tests.ml_core.builders import mgc

DAY = date(2024, 2, 1)


def known_assembly(until: int | None = None) -> tuple[Assembly, int]:
    """Return the assembly known by a minute, and the position of the day's 11:00 range."""
    assembly = assemble(
        by_single_ticks(),
        mgc(),
        LabelSpec(),
        first=DAY,
        last=DAY,
        features=(),
        as_of_minute=until,
    )
    return assembly, int(assembly.reported[2])


def test_with_a_stop_and_a_target_alone_it_is_the_first_passage() -> None:
    assembly, position = known_assembly()
    rules = rules_of({"stop": {"ticks": 4}, "rr": 2.0, "scan_end": "next_day_start"})
    made = driftless_forecast(assembly, rules, position, None)
    assert made is not None
    assert 12 < made.days <= 20
    assert made.entered > 0.95
    # 4 ticks from the stop and 8 from the target: 1/3, less the cost of 4.48 ticks of 4
    count = made.days * 40
    assert made.above_zero == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / count))
    assert made.net_r == pytest.approx(-4.48 / 4, abs=4 * np.sqrt(2 / count))
    assert made.words.startswith("a price without drift enters it in ")


@pytest.mark.parametrize(
    "trade", [{}, {"entry": "stop_order", "stop": {"atr": 0.1}, "rr": "none"}]
)
def test_what_comes_after_the_close_does_not_move_it(trade: dict[str, object]) -> None:
    whole, position = known_assembly()
    early, same = known_assembly(int(whole.ranges.decision[position]))
    assert same == position
    rules = rules_of(trade)
    made = driftless_forecast(whole, rules, position, 50.0)
    assert made is not None
    assert made == driftless_forecast(early, rules, position, 50.0)


def test_it_returns_nothing_where_it_has_no_basis() -> None:
    assembly, position = known_assembly()
    assert driftless_forecast(assembly, rules_of({"stop": {"atr": 0.1}}), position, None) is None
    first = int(np.flatnonzero(assembly.ranges.usable)[2])
    assert driftless_forecast(assembly, rules_of({}), first, None) is None  # no earlier days
    never = Rules.model_validate({"name": "never", "trade": {"last_entry": "09:00"}})
    assert driftless_forecast(assembly, never, position, None) is None
