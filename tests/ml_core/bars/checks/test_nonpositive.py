"""Prices of zero and below, where a market file allows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ml_core.bars.arrays import Bars
from ml_core.bars.checks.bad_rows import NOT_POSITIVE, BatchRefusedError
from ml_core.bars.lake.lake import Lake
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, from_minute, to_minute
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.bars.lake.test_lake import Row, batch
from tests.ml_core.builders import mgc, walk

NOW = datetime(2020, 6, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2020, 4, 20)


def crude(*, allowed: bool) -> Market:
    """Crude oil with a range that forms while the May contract falls through zero."""
    return Market.model_validate(
        {
            "symbol": "CL",
            "name": "Crude Oil (NYMEX)",
            "zone": "America/New_York",
            "day_start": "18:00",
            "day_start_on_previous_date": True,
            "calendar": "CMEGlobex_Crude",
            "contract_pattern": r"CL[FGHJKMNQUVXZ]\d",
            "instrument": {
                "tick_size": "0.01",
                "tick_value": 10.0,
                "commission_per_side": 2.0,
                "slippage_ticks_per_side": 1,
                "allow_nonpositive_prices": allowed,
            },
            "sessions": [{"name": "day", "start": "09:00", "end": "16:00"}],
            "ranges": [{"name": "1405", "start": "14:05", "minutes": 5, "session": "day"}],
        }
    )


def at(clock: str) -> int:
    return to_minute(datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=NEW_YORK))


def bars_of_april_2020() -> list[Row]:
    """Return quiet days at 20.00, then 20 April: 10.00 at nine, below zero at 14:08, -37.63."""
    market = crude(allowed=True)
    schedule = build_schedule(market, DAY - timedelta(days=14), DAY)
    quiet = [
        ("CLK0", minute, 20.0, 20.01, 19.99, 20.0, 10.0)
        for begin, end in zip(schedule.exchange_open, schedule.exchange_close, strict=True)
        for minute in range(int(begin), int(end))
        if minute < at("09:00")
    ]
    fall = [
        ("CLK0", minute, 10.0, 10.0, 9.99, 10.0, 10.0)
        for minute in range(at("09:00"), at("14:05"))
    ]
    ranged = [
        ("CLK0", at("14:05") + number, *prices, 100.0)
        for number, prices in enumerate(
            [
                (0.10, 0.25, 0.05, 0.10),
                (0.10, 0.10, 0.01, 0.05),
                (0.05, 0.05, 0.00, 0.00),
                (0.00, 0.00, -1.50, -1.00),
                (-1.00, -0.50, -1.20, -0.90),
            ]
        )
    ]
    after = [
        ("CLK0", at("14:10"), -0.90, -0.80, -5.00, -5.00, 100.0),
        ("CLK0", at("14:11"), -5.00, -4.00, -10.24, -10.00, 100.0),
        ("CLK0", at("14:12"), -10.00, -9.00, -10.25, -10.20, 100.0),
        ("CLK0", at("14:28"), -36.00, -35.00, -40.32, -37.63, 100.0),
        ("CLK0", at("15:59"), -37.63, -37.63, -37.63, -37.63, 100.0),
    ]
    return [*quiet, *fall, *ranged, *after]


def test_the_fall_of_april_2020_goes_from_the_source_to_the_slot_table(tmp_path: Path) -> None:
    market, lake = crude(allowed=True), Lake(tmp_path)
    (record,) = lake.ingest([batch(bars_of_april_2020(), "april")], market, NOW)
    assert record.quarantined == {}

    assembly = assemble(lake.read(market), market, LabelSpec(), first=DAY, last=DAY)

    (slot,) = slot_table(assembly).to_pylist()
    assert (slot["high"], slot["low"], slot["close"]) == (0.25, -1.5, -0.9)
    assert (slot["break_direction"], slot["entry"]) == ("DOWN", -5.0)
    assert (slot["stop"], slot["target"]) == (0.25, -10.25)
    assert (slot["outcome"], slot["exit"], slot["r_gross"]) == ("WIN", -10.25, 1.0)
    assert slot["resolved_at"] == from_minute(at("14:13"))
    assert slot["r_net"] == pytest.approx(1.0 - 2 * (2.0 + 10.0) / 10.0 / 525)
    features = assembly.dataset.features
    assert not np.isinf(features).any()
    assert np.isfinite(features).any()


def test_elsewhere_such_bars_are_rejected_and_imported_once_they_are_allowed(
    tmp_path: Path,
) -> None:
    lake, rows = Lake(tmp_path), bars_of_april_2020()
    (before,) = lake.ingest([batch(rows, "april")], crude(allowed=False), NOW)
    (again,) = lake.ingest([batch(rows, "april")], crude(allowed=False), NOW)
    (after,) = lake.ingest([batch(rows, "april")], crude(allowed=True), NOW)
    (once_more,) = lake.ingest([batch(rows, "april")], crude(allowed=True), NOW)

    not_positive = sum(row[4] <= 0 for row in rows)
    assert before.quarantined == {NOT_POSITIVE: not_positive} == {NOT_POSITIVE: 8}
    assert again.status == "already"
    assert (after.added, after.quarantined) == (not_positive, {})
    assert once_more.status == "already"
    assert lake.count("CL") == len(rows)


def test_a_series_adjusted_below_zero_is_refused_saying_why_and_what_to_do(tmp_path: Path) -> None:
    rows: list[Row] = [
        (name, minute, opened - 30, high - 30, low - 30, close - 30, volume)
        for name, minute, opened, high, low, close, volume in bars_of_april_2020()
    ]
    with pytest.raises(BatchRefusedError, match="adjusted for rolls") as refused:
        Lake(tmp_path).ingest([batch(rows)], crude(allowed=False), NOW)
    assert "instrument.allow_nonpositive_prices = true" in str(refused.value)


OF_PRICE = (
    "range_size_basis_points",
    "atr14_basis_points",
    "atr20_basis_points",
    "sigma_basis_points",
)


@pytest.mark.parametrize("down", [20_000, 20_100, 60_000], ids=["around 0", "both", "below 0"])
def test_labels_and_features_are_of_distances_so_a_level_below_zero_changes_none(
    down: int,
) -> None:
    market, first, last = mgc(), date(2024, 3, 4), date(2024, 4, 26)
    bars = walk(date(2024, 1, 29), last, contracts=("MGCG4", "MGCJ4"))
    for column in (bars.open, bars.high, bars.low, bars.close):
        assert column.min() > 0

    here = assemble(bars, market, LabelSpec(), first=first, last=last).dataset
    there = assemble(lowered(bars, down), market, LabelSpec(), first=first, last=last).dataset

    assert len(here) > 100
    relative = [here.feature_names.index(name) for name in OF_PRICE]
    np.testing.assert_array_equal(
        np.delete(here.features, relative, axis=1), np.delete(there.features, relative, axis=1)
    )
    # features relative to the price have no meaning at zero and below
    share = there.features[:, relative]
    assert (np.isnan(share) | (share > 0)).all()
    assert np.isnan(share).all() == (down == 60_000)
    np.testing.assert_array_equal(here.r_net, there.r_net)
    np.testing.assert_array_equal(here.outcome, there.outcome)
    np.testing.assert_array_equal(here.entry_ticks - down, there.entry_ticks)
    assert not np.isinf(there.features).any()


def lowered(bars: Bars, down: int) -> Bars:
    names = ("open", "high", "low", "close")
    return replace(bars, **{name: getattr(bars, name) - np.int32(down) for name in names})
