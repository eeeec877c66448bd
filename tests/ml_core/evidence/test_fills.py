"""How realistic assumed fills are, on hand-made bars."""

from __future__ import annotations

from datetime import date

import pytest

from ml_core.evidence.fills import FillRealism, fill_realism
from ml_core.json_form import from_json
from ml_core.json_values import json_values
from ml_core.learning.datasets.assemble import assemble
from ml_core.ranges.label_spec import LabelSpec
from monitoring.pages.document import Document, Section
from monitoring.pages.fill_table import fill_blocks, fill_facts
from tests.ml_core.builders import Row, bars_of, flat_day, mgc, minute

NINE = minute("2024-01-16", "09:00")
WINDOW: list[Row] = [(NINE + at, 20005, 20010, 20000, 20005, 5) for at in range(5)]
BREAK: Row = (NINE + 5, 20010, 20013, 20009, 20012, 5)
"""Entry 20012, stop 20000, target 20024."""

LATER: list[Row] = [(NINE + 60, 20005, 20006, 19999, 20000, 5), flat_day("2024-01-17")]


def measured(*rows: Row, spec: LabelSpec | None = None) -> FillRealism:
    bars = bars_of([flat_day("2024-01-15"), *WINDOW, BREAK, *rows, *LATER])
    first, last = date(2024, 1, 15), date(2024, 1, 16)
    return fill_realism(
        assemble(bars, mgc(), spec or LabelSpec(), first=first, last=last, features=())
    )


@pytest.mark.parametrize("rule", ["touch", "through"])
def test_a_win_by_an_exact_touch_is_reported_with_the_cost_of_trading_through(
    rule: str,
) -> None:
    exact = measured(
        (NINE + 6, 20013, 20024, 20012, 20020, 5), spec=LabelSpec.model_validate({"target": rule})
    )

    assert (exact.trades, exact.wins, exact.win_share) == (1, 1, 1.0)
    assert exact.exact_touches == 1.0
    # a price beyond the target never came, and the stop did: +1 R became -1 R
    assert exact.win_share_through == 0.0
    assert exact.through_costs_r.estimate == 2.0
    assert (exact.first_day, exact.last_day) == ("2024-01-16", "2024-01-16")


def test_a_target_that_a_price_went_beyond_costs_nothing_either_way() -> None:
    beyond = measured((NINE + 6, 20013, 20025, 20012, 20020, 5))

    assert (beyond.exact_touches, beyond.win_share_through) == (0.0, 1.0)
    assert beyond.through_costs_r.estimate == 0.0


@pytest.mark.parametrize(("opened", "ticks"), [(20015, 3.0), (20012, 0.0), (20009, -3.0)])
def test_the_entry_is_compared_with_the_next_bar_s_open_against_the_trade(
    opened: int, ticks: float
) -> None:
    fills = measured((NINE + 6, opened, 20025, 20008, 20020, 5))

    assert fills.entries == 1
    assert fills.entry_ticks.estimate == ticks
    assert fills.entry_r.estimate == pytest.approx(ticks / 12)


def test_below_the_range_worse_is_lower() -> None:
    down: Row = (NINE + 5, 20000, 20001, 19997, 19998, 5)
    bars = bars_of(
        [flat_day("2024-01-15"), *WINDOW, down, (NINE + 6, 19996, 19999, 19980, 19985, 5), *LATER]
    )
    fills = fill_realism(
        assemble(
            bars,
            mgc(),
            LabelSpec(),
            first=date(2024, 1, 15),
            last=date(2024, 1, 16),
            features=(),
        )
    )

    assert fills.entry_ticks.estimate == 2.0


def test_figures_have_a_json_form_and_words_and_none_where_no_trade_ended() -> None:
    fills = measured((NINE + 6, 20013, 20024, 20012, 20020, 5))
    none = measured_without_a_break()

    assert from_json(FillRealism, json_values(fills)).win_share == fills.win_share
    words = fill_facts(fills)
    assert "of 1 wins" in words["exact touches"]
    assert "1.00 ticks worse" in words["entry"]
    assert (none.trades, fill_facts(none)) == (0, {})
    for given in (None, none, fills):
        assert Document(
            title="t",
            names=("t",),
            verdict="v",
            lines=(),
            finding=(),
            sections=(Section("s", fill_blocks(given)),),
        )


def measured_without_a_break() -> FillRealism:
    bars = bars_of([flat_day("2024-01-15"), *WINDOW, flat_day("2024-01-17")])
    first, last = date(2024, 1, 15), date(2024, 1, 16)
    return fill_realism(assemble(bars, mgc(), LabelSpec(), first=first, last=last, features=()))
