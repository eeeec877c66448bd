"""One definition, two uses: the live row equals the batch row, bit for bit."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.learning.datasets.assemble import (
    Assembly,
    NoBarsError,
    NoSlotError,
    assemble,
    assemble_live,
)
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import bars_of, flat_day, mgc, walk

FIRST, LAST = date(2023, 10, 2), date(2024, 1, 31)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return walk(FIRST, LAST, seed=3, contracts=("MGCG4", "MGCJ4", "MGCM4"))


@pytest.fixture(scope="module")
def batch(bars: Bars) -> Assembly:
    return assemble(bars, mgc(), LabelSpec(), first=FIRST, last=LAST)


def test_the_catalogue_has_60_features_or_more_without_duplicates() -> None:
    assert len(CATALOGUE) >= 60
    assert len(set(CATALOGUE.names())) == len(CATALOGUE)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_live_row_equals_the_batch_row_bit_for_bit(
    bars: Bars, batch: Assembly, data: st.DataObject
) -> None:
    # Arrange: any decision, and any amount of bars beyond what it needs
    dataset = batch.dataset
    row = data.draw(st.integers(0, len(dataset) - 1))
    t0 = int(dataset.decision_minute[row])
    spare = data.draw(st.integers(0, 20 * 1440))
    after = data.draw(st.integers(0, 3 * 1440))

    # Act
    live = assemble_live(
        bars.between(t0 - 42 * 1440 - spare, t0 + after),
        mgc(),
        LabelSpec(),
        trading_day=dataset.trading_day[row].item(),
        opening_range=str(dataset.opening_range[row]),
    )

    # Assert
    expected = dataset.features[row]
    np.testing.assert_array_equal(np.isnan(live.features[0]), np.isnan(expected))
    finite = ~np.isnan(expected)
    assert (live.features[0][finite].view(np.int64) == expected[finite].view(np.int64)).all()
    for name in ("close_position", "size_ticks", "sigma_ticks"):
        np.testing.assert_array_equal(getattr(live, name)[0], getattr(dataset, name)[row])


def test_features_are_finite_or_missing_and_most_are_there(batch: Assembly) -> None:
    settled = batch.dataset.trading_day >= np.datetime64("2023-12-01")
    features = batch.dataset.features[settled]

    assert not np.isinf(features).any()
    assert np.isnan(features).mean() < 0.05


def test_a_roll_leaves_no_jump_in_what_crosses_it(batch: Assembly) -> None:
    rolled = np.flatnonzero(batch.tape.rolled())

    assert len(rolled) >= 2
    # contracts stand 200 ticks apart; a day's true range without that jump is far smaller
    after = np.isin(batch.dataset.trading_day, batch.tape.schedule.days[rolled + 1])
    ratio = batch.dataset.column("last_true_range")[after]
    assert np.nanmax(ratio) < 2.5


def test_every_slot_is_in_the_table_with_its_reason(bars: Bars) -> None:
    # a few days before the first bar, when no contract could be chosen
    early = assemble(bars, mgc(), LabelSpec(), first=date(2023, 9, 27), last=date(2023, 10, 13))

    table = slot_table(early)

    assert table.num_rows == len(early.reported) == 13 * 6
    excluded = table["exclusion"].to_pylist()
    assert excluded.count(None) == len(early.dataset)
    assert set(excluded) >= {"no_contract", None}
    entry, stop = table["entry"].to_numpy(), table["stop"].to_numpy()
    risk = np.abs(entry - stop)
    assert np.nanmin(risk) >= 0.1 - 1e-9


def test_a_row_tells_where_price_closed_in_its_range_and_what_its_trade_was(
    bars: Bars, batch: Assembly
) -> None:
    data = batch.dataset
    for row in range(0, len(data), 9):
        t0 = int(data.decision_minute[row])
        window = bars.between(t0 - 5, t0)
        places = []
        for code in np.unique(window.contract):
            own = window.contract == code
            low, high = window.low[own].min(), window.high[own].max()
            if high - low == data.size_ticks[row]:
                places.append((window.close[own][-1] - low) / (high - low))
        assert data.close_position[row] in places

        broke = abs(data.direction[row]) == 1
        entry, risk, target = data.entry_ticks[row], data.risk_ticks[row], data.target_ticks[row]
        assert np.isfinite([entry, risk, target]).all() == broke
        assert (data.outcome[row] in {-1, 0, 1}) == broke
        if broke:
            # entered at the close of a bar of the contract itself, whatever rolled since
            day = bars.between(t0, t0 + 1440)
            assert entry in day.close
            assert target == risk > 0


def test_slots_are_counted_by_why_they_are_excluded_and_the_others_are_not(bars: Bars) -> None:
    early = assemble(bars, mgc(), LabelSpec(), first=date(2023, 9, 27), last=date(2023, 10, 13))

    excluded = [why for why in slot_table(early)["exclusion"].to_pylist() if why is not None]
    counts = early.exclusions()
    assert counts == {why: excluded.count(why) for why in set(excluded)}
    assert sum(counts.values()) + len(early.dataset) == len(early.reported)
    assert early.reported[0] == len(early.ranges.day) - len(early.reported)


def test_a_period_begins_with_its_first_day_and_a_range_that_has_not_broken_has_no_trade(
    bars: Bars, batch: Assembly
) -> None:
    first = date(2023, 12, 4)
    t0 = int(batch.dataset.decision_minute[-1])

    data = assemble(bars, mgc(), LabelSpec(), first=first, last=LAST, as_of_minute=t0).dataset

    assert data.trading_day.min() == np.datetime64(first)
    assert data.decision_minute[-1] == t0
    assert abs(data.direction[-1]) != 1
    assert data.outcome[-1] not in {-1, 0, 1}
    assert np.isnan([data.entry_ticks[-1], data.risk_ticks[-1], data.target_ticks[-1]]).all()


def test_an_outcome_not_settled_by_the_horizon_is_open(bars: Bars) -> None:
    horizon = int(bars.minute[len(bars) // 2])

    cut = assemble(bars, mgc(), LabelSpec(), first=FIRST, last=LAST, as_of_minute=horizon)

    assert (cut.dataset.decision_minute <= horizon).all()
    open_rows = cut.dataset.resolved_minute > horizon
    assert np.isnan(cut.dataset.r_net[open_rows]).all()


@pytest.mark.parametrize(
    ("day", "why"),
    [(date(2023, 12, 25), "holiday"), (date(2024, 2, 1), "no_bars")],
    ids=["christmas", "after the data"],
)
def test_a_slot_that_cannot_be_decided_states_the_reason(bars: Bars, day: date, why: str) -> None:
    with pytest.raises(NoSlotError) as caught:
        assemble_live(bars, mgc(), LabelSpec(), trading_day=day, opening_range="0900")

    assert caught.value.why == why


def test_a_period_without_bars_is_refused_with_the_remedy() -> None:
    with pytest.raises(NoBarsError, match="orbcast ingest --market mgc"):
        assemble(
            bars_of([flat_day("2024-01-15")]),
            mgc(),
            LabelSpec(),
            first=date(2022, 1, 3),
            last=date(2022, 1, 31),
        )
