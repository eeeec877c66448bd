"""A price such as 21,250 may be twenty-one or twenty-one thousand: no guess is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.text.csv import read_csv

HEADER = "ts;open;high;low;close;volume\n"
UNSURE = HEADER + "2024-01-15 23:00Z;21,250;21,275;21,225;21,250;12\n"


def opens(path: Path, text: str, decimal: str | None = None) -> list[float]:
    path.write_text(text, encoding="utf-8")
    (batch,) = read_csv([str(path)], "MGC", decimal=decimal)  # type: ignore[arg-type]
    values: list[float] = batch.table["open"].to_pylist()
    return values


def test_a_file_of_nothing_else_is_refused_with_the_option_that_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"

    with pytest.raises(
        SourceError, match=r"column open: '21,250' may be.*--decimal , or --decimal"
    ):
        opens(path, UNSURE)

    assert opens(path, UNSURE, ",") == [21.25]
    assert opens(path, UNSURE, ".") == [21250.0]


def test_the_option_overrides_what_the_numbers_suggest(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    pointed = UNSURE.replace(",", ".")

    assert opens(path, pointed) == [21.25]
    assert opens(path, pointed, ",") == [21250.0]


@pytest.mark.parametrize("value", ["21,5", "1.021,250", "21,250.5"])
def test_one_number_that_is_sure_decides_for_all(tmp_path: Path, value: str) -> None:
    text = UNSURE + f"2024-01-15 23:01Z;{value};{value};{value};{value};7\n"

    expected = 21250.0 if value == "21,250.5" else 21.25
    assert opens(tmp_path / "bars.csv", text)[0] == expected


@pytest.mark.parametrize("price", ["21.25", "21.250"])
def test_an_odd_volume_among_pointed_prices_is_no_question(tmp_path: Path, price: str) -> None:
    text = HEADER + f"2024-01-15 23:00Z;{price};{price};{price};{price};1,200\n"

    assert opens(tmp_path / "bars.csv", text) == [21.25]
