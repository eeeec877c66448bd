"""Layouts of text files: each is read as its vendor means it; doubt leads to a question."""

from __future__ import annotations

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
