"""Market files: what is accepted, and how the rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.market.market import MarketFileError, UnknownRangeError, load_market
from tests.ml_core.builders import MARKETS, mgc, nq

GOOD = (MARKETS / "mgc.toml").read_text(encoding="utf-8")


def test_micro_gold_costs_4_48_ticks_a_round_trip() -> None:
    assert mgc().instrument.round_trip_cost_ticks == pytest.approx(4.48)


def test_a_second_market_differs_in_zone_tick_and_ranges() -> None:
    market = nq()

    assert market.zone == "US/Eastern"
    assert float(market.instrument.tick_size) == 0.25
    assert [spec.minutes for spec in market.ranges] == [5, 15]


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ('zone = "Australia/Brisbane"', 'zone = "Brisbane"', "zone", "IANA zone name"),
        ('zone = "Australia/Brisbane"', 'zone = "Australia"', "zone", "IANA zone name"),
        ('zone = "Australia/Brisbane"', 'zone = "../Brisbane"', "zone", "IANA zone name"),
        ('zone = "Australia/Brisbane"', 'zone = "right/Asia/Tokyo"', "zone", "IANA zone name"),
        ('tick_size = "0.10"', 'tick_size = "-1"', "instrument.tick_size", "greater than 0"),
        ('calendar = "CMEGlobex_Gold"', 'calendar = "X"', "calendar", "get_calendar_names"),
        ('roll = "previous_day_volume"', 'roll = "never"', "roll", "previous_day_volume"),
        ('session = "ny_cash"', 'session = "tokyo"', "file", "use one of"),
        ('name = "1000"', 'name = "0900"', "file", "named twice: 0900"),
        ("minutes = 5", "minutes = 500", "ranges.0.minutes", "less than or equal to 240"),
        ('symbol = "MGC"', 'symbl = "MGC"', "symbl", "did you mean symbol?"),
        ("tick_value = ", "tick_valu = ", "instrument.tick_valu", "did you mean tick_value?"),
        ('session = "ny_cash"', 'sesion = "ny_cash"', "ranges.5.sesion", "did you mean session?"),
        ('roll = "prev', 'zzz = 1\nroll = "prev', "zzz", "is no field here; remove it"),
        ('start = "10:00"', 'start = "10:00:30"', "ranges.1.start", "whole minutes"),
        ("MGC[FGHJKMNQUVXZ]", "MGC[", "contract_pattern", "regular expression"),
    ],
)
def test_a_wrong_file_is_refused_with_key_and_remedy(
    tmp_path: Path, old: str, new: str, key: str, remedy: str
) -> None:
    # Arrange
    path = tmp_path / "wrong.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")

    # Act
    with pytest.raises(MarketFileError) as caught:
        load_market(path)

    # Assert
    assert key in [fault[0] for fault in caught.value.faults]
    assert str(path) in str(caught.value)
    assert remedy in str(caught.value)


def test_a_missing_file_and_broken_toml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match="does not exist"):
        load_market(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("symbol = ", encoding="utf-8")
    with pytest.raises(MarketFileError, match="is not TOML"):
        load_market(broken)


def test_an_unknown_range_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownRangeError, match="'0900'"):
        mgc().range_index("0901")
