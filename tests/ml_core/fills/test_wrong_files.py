"""An unusable file is refused in one line that names file, place, field and remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_core.bars.contract import SourceError
from ml_core.errors import InputError
from ml_core.fills.read import FillsReading, read_fills
from ml_core.fills.table import FillsFileError
from ml_core.market.market import Market, load_market
from tests.conftest import PROJECT

AT = datetime(2025, 6, 20, tzinfo=UTC)
HEADER = "time,side,quantity,price,contract,commission,fill_id\n"
GOOD = "2025-06-19T00:12:00Z,buy,1,3386.4,MGCQ5,1.24,f1\n"


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market(PROJECT / "deployments/markets/mgc.toml")


REFUSED = {
    "empty": ("", {}, "no header of executions"),
    "other columns": ("a,b,c\n1,2,3\n", {}, "--columns time="),
    "no row": (HEADER, {}, "a header and no row"),
    "no price": ("time,side,quantity\n2025-06-19T00:12:00Z,buy,1\n", {}, "--columns price="),
    "no such column": (HEADER + GOOD, {"columns": {"price": "Px"}}, "'Px' for price; name one of"),
    "no such field": (HEADER + GOOD, {"columns": {"cost": "price"}}, "map one of time"),
    "no such platform": (HEADER + GOOD, {"platform": "quicken"}, "use one of ninjatrader"),
    "no zone": (
        HEADER + GOOD + "2025-06-19 00:13:00,buy,1,3386.4,MGCQ5,1.24,f2\n",
        {},
        "line 3: time '2025-06-19 00:13:00' has no zone; give --zone",
    ),
    "bad zone": (HEADER + GOOD, {"zone": "Mars/Base"}, "there is no zone 'Mars/Base'"),
    "day or month": (
        HEADER + "06/07/2025 10:12:00,buy,1,3386.4,MGCQ5,1.24,f1\n",
        {"zone": "UTC"},
        "line 2: time '06/07/2025 10:12:00' may be read two ways",
    ),
    "day or month, both shown": (
        HEADER
        + "".join(
            f"{day}/2025 10:12:00,buy,1,3386.4,MGCQ5,1.24,f{day}\n"
            for day in ("06/07", "23/05", "05/23")
        ),
        {"zone": "UTC"},
        "'06/07/2025 10:12:00' may be read two ways, and other lines prove both",
    ),
    "a column twice": (
        HEADER.replace("commission", "price") + GOOD,
        {},
        "has 2 columns named 'price' (price): 4, 6; rename all but the right one",
    ),
    "an open quotation mark": (
        HEADER + GOOD + GOOD.replace("buy", '"buy') + GOOD,
        {},
        "row 3: a quotation mark is not closed; close or delete it",
    ),
    "thousands or fraction": (
        HEADER.replace(",", ";") + "2025-06-19T00:12:00Z;buy;1;3,386;MGCQ5;1;f1\n",
        {},
        "price '3,386' may be a number of thousands or a fraction; give the decimal",
    ),
    "another instrument": (
        HEADER + GOOD.replace("MGCQ5", "ESU5"),
        {},
        "no execution of MGC: its rows are of ESU5; name this market's file, or give --instrument",
    ),
    "a format that is none": (HEADER + GOOD, {"time_format": "%H %Z"}, "short names of zones"),
}


@pytest.mark.parametrize("fault", sorted(REFUSED))
def test_a_wrong_file_is_refused_in_one_line_with_a_remedy(
    fault: str, market: Market, tmp_path: Path
) -> None:
    text, options, words = REFUSED[fault]
    path = tmp_path / "fills.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_fills(path, market, FillsReading(**options), at=AT)
    message = str(refused.value)
    assert words in message
    assert "fills.csv" in message
    assert "\n" not in message
    assert "; " in message


def test_a_workbook_is_refused_with_what_to_save_it_as(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SourceError, match="save it as CSV"):
        read_fills(path, market, FillsReading(), at=AT)


def test_two_platforms_columns_in_one_header_are_asked_for(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "both.csv"
    header = "Instrument,Action,Quantity,Price,Time,E/X,Fill ID,B/S,Contract\n"
    path.write_text(header + "x,Buy,1,1,1,Entry,1,Buy,y\n")
    with pytest.raises(FillsFileError, match="ninjatrader or tradovate; give one"):
        read_fills(path, market, FillsReading(), at=AT)


BAD_ROWS = {
    (
        "2025-06-31T00:12:00Z,buy,1,3386.4,MGCQ5,1.24,x"
    ): "time '2025-06-31T00:12:00Z' is not a readable time",
    "19/06/2025 9:12,buy,1,3386.4,MGCQ5,1.24,x": "time '19/06/2025 9:12' is not a readable time",
    "2025-06-21T00:12:00Z,buy,1,3386.4,MGCQ5,1.24,x": "lies in the future; is the zone right?",
    "2025-06-19T00:12:00Z,hold,1,3386.4,MGCQ5,1.24,x": "side 'hold' is neither buy nor sell",
    "2025-06-19T00:12:00Z,buy,many,3386.4,MGCQ5,1.24,x": "quantity 'many' is not a number",
    "2025-06-19T00:12:00Z,buy,-1,3386.4,MGCQ5,1.24,x": "quantity '-1' is below 0, but the side is",
    (
        "2025-06-19T00:12:00Z,buy,0.5,3386.4,MGCQ5,1.24,x"
    ): "quantity '0.5' is not a whole number of 1",
    "2025-06-19T00:12:00Z,buy,1,,MGCQ5,1.24,x": "price is not a price",
    "2025-06-19T00:12:00Z,buy,1,-5,MGCQ5,1.24,x": "price '-5' is not above 0",
    "2025-06-19T00:12:00Z,buy,1,1e300,MGCQ5,1.24,x": "is too large for a price",
    (
        "2025-06-19T00:12:00Z,buy,1,3386.4,MGCQ5,free,x"
    ): "commission 'free' is not an amount of money",
    "2025-06-19T00:12:00Z,buy,1,3386.5,MGCQ5,1.24,f1": "of different executions (lines 2, 3)",
}


@pytest.mark.parametrize("row", sorted(BAD_ROWS))
def test_a_bad_row_is_set_aside_with_its_line_and_why(
    row: str, market: Market, tmp_path: Path
) -> None:
    path = tmp_path / "fills.csv"
    path.write_text(HEADER + GOOD + row + "\n" + GOOD.replace("f1", "f3"), encoding="utf-8")
    file = read_fills(path, market, FillsReading(), at=AT)
    wrong = next(rejected for rejected in file.set_aside if rejected.source_line == 3)
    assert BAD_ROWS[row] in wrong.words
    assert wrong.words.startswith("line 3: ")
    kept = {fill.execution_id for fill in file.fills}
    assert kept == ({"f3"} if "different" in BAD_ROWS[row] else {"f1", "f3"})


def test_hours_that_clocks_leave_out_or_bring_twice_are_set_aside(
    market: Market, tmp_path: Path
) -> None:
    path = tmp_path / "fills.csv"
    times = ("2025-03-09 02:30:00", "2024-11-03 01:30:00", "2025-03-10 02:30:00")
    rows = [f"{time},buy,1,3386.4,MGCQ5,1.24,{time}\n" for time in times]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    file = read_fills(path, market, FillsReading(zone="America/New_York"), at=AT)
    assert [row.reason for row in file.set_aside] == [
        "is an hour that daylight saving leaves out",
        "is an hour that daylight saving repeats",
    ]
    assert len(file.fills) == 1
