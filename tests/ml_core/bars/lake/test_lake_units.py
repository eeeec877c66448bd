"""A market file that no longer fits its bars is refused; nothing is rounded silently."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.lake_units import UnitsChangedError
from ml_core.market.market import Market
from tests.ml_core.bars.lake.test_lake import NOW, bar, batch
from tests.ml_core.builders import mgc


def with_units(**units: str) -> Market:
    changed = {name: Decimal(value) for name, value in units.items()}
    return mgc().model_copy(update={"instrument": mgc().instrument.model_copy(update=changed)})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.ingest([batch([bar(0), bar(1, 2000.5)])], mgc(), NOW)
    return lake


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ({"tick_size": "1.0"}, r"instrument\.tick_size = 0\.10, and the market file says 1\.0"),
        ({"tick_size": "0.05"}, r"market file says 0\.05"),
        (
            {"volume_step": "0.001"},
            r"instrument\.volume_step = 1, and the market file says 0\.001",
        ),
    ],
)
def test_another_unit_is_refused_where_bars_are_read_and_taken_in(
    lake: Lake, units: dict[str, str], words: str
) -> None:
    changed = with_units(**units)

    with pytest.raises(UnitsChangedError, match=words):
        lake.read(changed)
    with pytest.raises(UnitsChangedError, match=words):
        lake.ingest([batch([bar(2)])], changed, NOW)

    assert lake.count("MGC") == 2


def test_the_same_unit_in_other_figures_is_the_same(lake: Lake) -> None:
    assert len(lake.read(with_units(tick_size="0.1")).minute) == 2


def test_a_lake_without_a_recorded_unit_is_bound_to_that_of_its_bars(
    lake: Lake, tmp_path: Path
) -> None:
    (tmp_path / "MGC" / "units.json").unlink()

    with pytest.raises(UnitsChangedError, match="a finer one"):
        lake.ingest([batch([bar(2)])], with_units(tick_size="1.0"), NOW)

    lake.ingest([batch([bar(2)])], mgc(), NOW)
    assert (tmp_path / "MGC" / "units.json").exists()
