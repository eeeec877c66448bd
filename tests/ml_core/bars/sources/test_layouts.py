"""Layouts of text files: each is read as its vendor means it; doubt leads to a question."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.sources.text.csv import read_csv
from ml_core.bars.sources.text.layouts import LAYOUTS, LEAN

AT = datetime(2024, 1, 15, 23, 0, tzinfo=UTC)
EXPECTED = [
    ("MGC", AT, 2055.0, 2055.9, 2054.8, 2055.5, 12.0),
    ("MGC", AT.replace(minute=1), 2055.5, 2056.0, 2055.2, 2055.8, 7.0),
]
FIELDS = ("open", "high", "low", "close", "volume")
NAN = float("nan")
FIRST, SECOND = "2055.0,2055.9,2054.8,2055.5", "2055.5,2056.0,2055.2,2055.8"


class Sample(NamedTuple):
    """Two bars in a layout, its required options, and whether its first line identifies it."""

    text: str
    options: dict[str, Any]
    is_shown: bool


SAMPLES: dict[str, Sample] = {
    "histdata": Sample(
        (
        "20240115 180000;2055.0;2055.9;2054.8;2055.5;12\n"
        "20240115 180100;2055.5;2056.0;2055.2;2055.8;7\n"
        ),
        {},
        is_shown=False,
    ),
    "ninjatrader": Sample(
        (
        "20240115 230100;2055.0;2055.9;2054.8;2055.5;12\n"
        "20240115 230200;2055.5;2056.0;2055.2;2055.8;7\n"
        ),
        {},
        is_shown=False,
    ),
    "metatrader": Sample(
        (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2024.01.16\t01:00:00\t2055.0\t2055.9\t2054.8\t2055.5\t12\t0\t5\n"
        "2024.01.16\t01:01:00\t2055.5\t2056.0\t2055.2\t2055.8\t7\t0\t5\n"
        ),
        {"zone": "Europe/Athens"},
        is_shown=True,
    ),
    "metatrader4": Sample(
        (
        f"2024.01.16,01:00,{FIRST},12\n2024.01.16,01:01,{SECOND},7\n"
        ),
        {"zone": "Europe/Athens"},
        is_shown=True,
    ),
    "tradestation": Sample(
        (
        '"Date","Time","Open","High","Low","Close","Up","Down"\n'
        f"01/15/2024,17:01,{FIRST},5,7\n01/15/2024,17:02,{SECOND},7,0\n"
        ),
        {"zone": "America/Chicago"},
        is_shown=True,
    ),
    "sierra": Sample(
        (
        "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume\n"
        "2024/1/15, 23:00:00, 2055.0, 2055.9, 2054.8, 2055.5, 12, 3, 6, 6\n"
        "2024/1/15, 23:01:00, 2055.5, 2056.0, 2055.2, 2055.8, 7, 2, 3, 4\n"
        ),
        {"zone": "UTC"},
        is_shown=True,
    ),
    "kibot": Sample(
        (
        f"01/15/2024,18:00,{FIRST},12\n01/15/2024,18:01,{SECOND},7\n"
        ),
        {},
        is_shown=False,
    ),
    "firstrate": Sample(
        (
        f"2024-01-15 18:00:00,{FIRST},12\n2024-01-15 18:01:00,{SECOND},7\n"
        ),
        {},
        is_shown=False,
    ),
    "dukascopy": Sample(
        (
        "Gmt time,Open,High,Low,Close,Volume\n"
        f"15.01.2024 23:00:00.000,{FIRST},12\n15.01.2024 23:01:00.000,{SECOND},7\n"
        ),
        {},
        is_shown=True,
    ),
    "dukascopy-local": Sample(
        (
        "Local time,Open,High,Low,Close,Volume\n"
        f"16.01.2024 08:00:00.000 GMT+0900,{FIRST},12\n"
        f"16.01.2024 08:01:00.000 GMT+0900,{SECOND},7\n"
        ),
        {},
        is_shown=True,
    ),
    "binance": Sample(
        (
        f"1705359600000,{FIRST},12,1705359659999,1,2,3,4,0\n"
        f"1705359660000,{SECOND},7,1705359719999,1,2,3,4,0\n"
        ),
        {},
        is_shown=True,
    ),
    "massive": Sample(
        (
        "ticker,volume,open,close,high,low,window_start,transactions\n"
        "MGC,12,2055.0,2055.5,2055.9,2054.8,1705359600000000000,4\n"
        "MGC,7,2055.5,2055.8,2056.0,2055.2,1705359660000000000,3\n"
        ),
        {},
        is_shown=True,
    ),
    "multicharts": Sample(
        (
        '"Date","Time","Open","High","Low","Close","TotalVolume"\n'
        f"2024/1/15,17:01:00,{FIRST},12\n2024/1/15,17:02:00,{SECOND},7\n"
        ),
        {"zone": "America/Chicago"},
        is_shown=True,
    ),
    "barchart": Sample(
        (
        "Time,Open,High,Low,Latest,Change,%Change,Volume\n"
        f'"2024-01-15 17:00",{FIRST},0.5,"+0.02%",12\n'
        f'"2024-01-15 17:01",{SECOND},0.3,"+0.01%",7\n'
        ),
        {"zone": "America/Chicago"},
        is_shown=True,
    ),
    "databento": Sample(
        (
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
        "1705359600000000000,33,1,42,2055000000000,2055900000000,2054800000000,2055500000000,"
        "12,MGC\n"
        "1705359660000000000,33,1,42,2055500000000,2056000000000,2055200000000,2055800000000,"
        "7,MGC\n"
        ),
        {},
        is_shown=True,
    ),
    "alpaca": Sample(
        (
        "symbol,timestamp,open,high,low,close,volume,trade_count,vwap\n"
        f"MGC,2024-01-15 23:00:00+00:00,{FIRST},12,4,2055.1\n"
        f"MGC,2024-01-15 23:01:00+00:00,{SECOND},7,3,2055.6\n"
        ),
        {},
        is_shown=True,
    ),
    "yfinance": Sample(
        (
        "Price,Close,High,Low,Open,Volume\n"
        "Ticker,MGC=F,MGC=F,MGC=F,MGC=F,MGC=F\n"
        "Datetime,,,,,\n"
        "2024-01-15 23:00:00+00:00,2055.5,2055.9,2054.8,2055.0,12\n"
        "2024-01-15 23:01:00+00:00,2055.8,2056.0,2055.2,2055.5,7\n"
        ),
        {},
        is_shown=True,
    ),
    "tradingview": Sample(
        (
        "time,open,high,low,close,Volume\n"
        f"1705359600,{FIRST},12\n1705359660,{SECOND},7\n"
        ),
        {},
        is_shown=True,
    ),
    "ibkr": Sample(
        (
        ",date,open,high,low,close,volume,average,barCount\n"
        f"0,2024-01-15 18:00:00-05:00,{FIRST},12,2055.1,4\n"
        f"1,2024-01-15 18:01:00-05:00,{SECOND},7,2055.6,3\n"
        ),
        {},
        is_shown=True,
    ),
    "headerless": Sample(
        (
        f"2024-01-15 23:00+00:00,{FIRST},12\n2024-01-15 23:01+00:00,{SECOND},7\n"
        ),
        {},
        is_shown=True,
    ),
    "generic": Sample(
        (
        "timestamp,open,high,low,close,volume\n"
        f"2024-01-16T09:00:00+10:00,{FIRST},12\n2024-01-16T09:01:00+10:00,{SECOND},7\n"
        ),
        {},
        is_shown=True,
    ),
}  # fmt: skip

OTHERS = {
    "TradingView, ISO": (
        "time,open,high,low,close,Volume\n"
        f"2024-01-15T23:00:00Z,{FIRST},12\n2024-01-15T23:01:00Z,{SECOND},7\n"
    ),
    "Interactive Brokers, as its interface writes times": (
        "date,open,high,low,close,volume,average,barCount\n"
        f"20240115  18:00:00 US/Eastern,{FIRST},12,2055.1,4\n"
        f"20240115  18:01:00 US/Eastern,{SECOND},7,2055.6,3\n"
    ),
    "yfinance, one ticker": (
        "Datetime,Open,High,Low,Close,Adj Close,Volume\n"
        f"2024-01-15 18:00:00-05:00,{FIRST},2055.5,12\n"
        f"2024-01-15 18:01:00-05:00,{SECOND},2055.8,7\n"
    ),
    "Barchart, Last": (
        "Time,Open,High,Low,Last,Change,%Chg,Volume\n"
        f"2024-01-15 23:00Z,{FIRST},0.5,+0.02%,12\n2024-01-15 23:01Z,{SECOND},0.3,+0.01%,7\n"
    ),
    "Databento, in decimals": (
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
        f"2024-01-15T23:00:00.000000000Z,33,1,42,{FIRST},12,MGC\n"
        f"2024-01-15T23:01:00.000000000Z,33,1,42,{SECOND},7,MGC\n"
    ),
    "Dukascopy, as its site exports now": (
        "Etc/UTC,Open,High,Low,Close,Volume\n"
        f"2024.01.15 23:00:00+00:00,{FIRST},12\n2024.01.15 23:01:00+00:00,{SECOND},7\n"
    ),
    "Binance, with a header": (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,ignore\n"
        f"1705359600000,{FIRST},12,1705359659999,1,2,0\n"
        f"1705359660000,{SECOND},7,1705359719999,1,2,0\n"
    ),
}  # fmt: skip
"""Other forms of layouts, and files that need no layout."""


def test_tradestation_s_whole_volume_is_read_as_its_parts_are(tmp_path: Path) -> None:
    text = (
        '"Date","Time","Open","High","Low","Close","Vol","OI"\n'
        f"01/15/2024,17:01,{FIRST},12,0\n01/15/2024,17:02,{SECOND},7,0\n"
    )
    for layout in ("auto", "tradestation"):
        batches = read(tmp_path / "bars.txt", text, layout=layout, zone="America/Chicago")
        assert rows(batches) == EXPECTED


def rows(batches: list[RawBatch]) -> list[tuple[object, ...]]:
    return [
        tuple(row[key] for key in ("contract", "ts", "open", "high", "low", "close", "volume"))
        for batch in batches
        for row in batch.table.to_pylist()
    ]


def read(path: Path, text: str, **options: Any) -> list[RawBatch]:
    path.write_text(text, encoding="utf-8")
    return list(read_csv([str(path)], "MGC", **options))


def test_every_layout_has_a_sample() -> None:
    assert set(SAMPLES) == set(LAYOUTS) - {LEAN}  # recognised by its path: test_lean.py


@pytest.mark.parametrize("layout", sorted(SAMPLES))
def test_a_layout_is_read_as_its_vendor_defines_it(tmp_path: Path, layout: str) -> None:
    text, options, is_shown = SAMPLES[layout]

    assert rows(read(tmp_path / "bars.csv", text, layout=layout, **options)) == EXPECTED
    if is_shown:
        assert rows(read(tmp_path / "bars.csv", text, **options)) == EXPECTED
    if options:  # what the layout does not define is requested, not guessed
        with pytest.raises(SourceError, match="give --zone"):
            read(tmp_path / "bars.csv", text, layout=layout)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_file_that_identifies_itself_needs_no_layout(tmp_path: Path, name: str) -> None:
    assert rows(read(tmp_path / "bars.csv", OTHERS[name])) == EXPECTED


@pytest.mark.parametrize(
    ("layout", "other"),
    [("histdata", "ninjatrader"), ("firstrate", "headerless"), ("kibot", "headerless")],
)
def test_a_first_line_that_may_mean_two_things_is_a_question(
    tmp_path: Path, layout: str, other: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path / "bars.csv", SAMPLES[layout].text)

    for name in (layout, other):
        assert LAYOUTS[name].meaning() in caught.value.fault
        assert f"--layout {name}" in caught.value.remedy


def test_no_question_is_asked_of_what_the_caller_named(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    text = SAMPLES["ninjatrader"].text

    assert rows(read(path, text, zone="UTC", stamp="close")) == EXPECTED
    with pytest.raises(SourceError, match="--layout histdata"):
        read(path, text, zone="UTC")
    assert rows(read(path, SAMPLES["firstrate"].text, zone="America/New_York")) == EXPECTED


def test_options_override_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    text = SAMPLES["ninjatrader"].text.replace("20240115 23", "20240115 18")
    text = text.replace("01:00;", "00:00;")

    batches = rows(read(path, text, layout="ninjatrader", zone="Etc/GMT+5", stamp="close"))

    assert batches == EXPECTED
    own = SAMPLES["tradestation"].text.replace("Up", "Vol")
    columns = {"volume": "Down"}
    volumes = [
        row[-1]
        for row in rows(
            read(path, own, layout="tradestation", zone="America/Chicago", columns=columns)
        )
    ]
    assert volumes == [7.0, 0.0]


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        (f"d;t;open;high;low;close;volume\n20240115;2300;{FIRST};12\n", "generic"),
        (f"20240115;2300;{FIRST};12\n", "headerless"),
    ],
)
def test_date_and_time_may_stand_apart_under_any_name(
    tmp_path: Path, text: str, layout: str
) -> None:
    by_number = {name: str(number) for number, name in enumerate(("date", "time", *FIELDS))}
    columns = by_number if layout == "headerless" else {"date": "d", "time": "t"}

    batches = read(
        tmp_path / "a.csv", text.replace(",", ";"), layout=layout, columns=columns, zone="UTC"
    )

    assert rows(batches) == EXPECTED[:1]


def test_a_layout_without_a_header_refuses_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"begins with a header.*--layout generic"):
        read(tmp_path / "bars.csv", SAMPLES["generic"].text, layout="histdata")


def test_a_first_line_of_figures_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    lines = f"16.01.2024 01:00;{FIRST};12\n16.01.2024 01:01;{SECOND};7\n".replace(",", ";")

    with pytest.raises(SourceError, match=r"'16.01.2024 01:00' is a date.*--time-format"):
        read(path, lines)
    batches = read(path, lines, time_format="%d.%m.%Y %H:%M", zone="Europe/Athens")
    assert rows(batches) == EXPECTED
    with pytest.raises(SourceError, match=r"begins with '20240116,0100,.*no header.*--layout"):
        read(path, f"20240116,0100,{FIRST},12\n")


stamps = st.lists(
    st.integers(0, 2_000_000).map(lambda minute: AT.timestamp() + 60 * minute),
    min_size=1,
    max_size=10,
    unique=True,
)


@settings(max_examples=20)
@given(stamps)
def test_a_file_of_close_stamps_is_the_file_of_open_stamps(
    tmp_path_factory: pytest.TempPathFactory, opens: list[float]
) -> None:
    def text(shift: int) -> str:
        lines = [f"{int(stamp) + shift},{FIRST},12" for stamp in opens]
        return "\n".join(["ts,open,high,low,close,volume", *lines])

    path = tmp_path_factory.mktemp("stamps") / "bars.csv"

    opened, closed = read(path, text(0)), read(path, text(60), stamp="close")

    assert opened[0].table.equals(closed[0].table)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packing", ["none", "gz", "zip"])
@pytest.mark.parametrize("layout", ["generic", "binance"])
def test_a_file_is_read_whatever_its_encoding_and_packing(
    tmp_path: Path, encoding: str, packing: str, layout: str
) -> None:
    content = SAMPLES[layout].text.encode(encoding)
    path = tmp_path / {"none": "bars.csv", "gz": "bars.csv.gz", "zip": "bars.zip"}[packing]
    if packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("DAT_M1_2024.csv", content)
            archive.writestr("DAT_M1_2024.txt", "a report of gaps")
    else:
        path.write_bytes(gzip.compress(content) if packing == "gz" else content)

    for named in (path, tmp_path):
        assert rows(list(read_csv([str(named)], "MGC"))) == EXPECTED


def test_a_path_is_a_name_and_never_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "bars1.csv").write_text("ts,open\n")

    assert rows(read(tmp_path / "bars[1].csv", SAMPLES["generic"].text)) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv.gz", b"no gzip", "cannot be read as text"),
        ("a.csv.gz", gzip.compress(b"ts,open" * 99)[:-9], "cannot be read as text"),
        ("a.csv.gz", gzip.compress(b"ts,open")[:-8] + bytes(8), "CRC check failed"),
        ("a.zip", b"not a zip", "cannot be read as text"),
        ("a.csv", "ts,open".encode("utf-16")[:-1], "cannot be read as text"),
    ],
    ids=["no gzip", "cut gzip", "altered gzip", "not a zip", "cut UTF-16"],
)
def test_a_damaged_file_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceError, match=message):
        list(read_csv([str(path)], "MGC"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"holds 0 files"),
        (["a.csv", "b.csv"], r"holds 2 files \(a.csv, b.csv\).*unpack it"),
        (["a.exe"], r"holds 1 files \(a.exe\)"),
    ],
)
def test_an_archive_without_one_file_of_bars_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    path = tmp_path / "bars.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")

    with pytest.raises(SourceError, match=message):
        list(read_csv([str(path)], "MGC"))


@pytest.mark.parametrize(
    ("prices", "wanted"),
    [
        (["2055,5", "2.060,5"], [2055.5, 2060.5]),
        (["2055.5", "2,060.5"], [2055.5, 2060.5]),
        (["2055.5", "21,250"], [2055.5, 21250.0]),
        (["1,234,567", "21,250"], [1234567.0, 21250.0]),
        (["1.234.567", "21.250"], [1234567.0, 21250.0]),
        (["2.063", "2.064"], [2.063, 2.064]),
        (["2055.5", "2060,5"], [2055.5, NAN]),
        (["2055.5", "2,06,5"], [2055.5, NAN]),
        (["-37.63", "+1.5"], [-37.63, 1.5]),
    ],
)
def test_a_number_is_read_where_its_marks_can_mean_one_thing(
    tmp_path: Path, prices: list[str], wanted: list[float]
) -> None:
    lines = [f"2024-01-15 23:0{row}Z;{price};1;1;1;1" for row, price in enumerate(prices)]

    (batch,) = read(tmp_path / "a.csv", "\n".join(["ts;open;high;low;close;volume", *lines]))

    assert batch.table["open"].to_pylist() == pytest.approx(wanted, nan_ok=True)


BAR = "2024-01-15 23:00Z,1,1,1,1,5"


@pytest.mark.parametrize(
    "line",
    [
        "9" * 1_000_000 + ",1,1,1,1,5",
        "2024-01-15 23:01Z," + "9" * 1_000_000 + ",1,1,1,5",
        "," * 1_000_000,
        "2024-01-15 23:01Z,1,1,1,1,5" + " " * 1_000_000,
    ],
    ids=["time", "price", "columns", "spaces"],
)
def test_a_line_too_long_for_a_bar_is_set_aside_with_its_number(tmp_path: Path, line: str) -> None:
    text = "\n".join(["ts,open,high,low,close,volume", BAR, line, BAR.replace("00Z", "02Z")])

    (batch,) = read(tmp_path / "a.csv", text)

    assert batch.table["fault"].to_pylist() == [None, "not_a_time", None]
    assert batch.table["source_line"].to_pylist() == [2, 3, 4]


def test_a_file_without_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="begins with a line of more than 10,000 characters"):
        read(tmp_path / "a.csv", BAR * 1_000)


def test_a_line_is_long_wherever_a_piece_of_the_file_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.bars.sources.text.text_file._CHUNK", 64)
    monkeypatch.setattr("ml_core.bars.sources.text.text_file.LONGEST_LINE", 100)
    for length in (99, 100, 101):
        line = "2024-01-15 23:01Z,1,1,1,1,".ljust(length, "5")
        text = f"ts,open,high,low,close,volume\n{BAR}\n{line}\n{BAR}\n"

        (batch,) = read(tmp_path / "a.csv", text)

        assert batch.table["fault"].to_pylist()[1] == ("not_a_time" if length > 100 else None)
