"""Zips of LEAN's data folder: the path gives the meaning of the content."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.sources.text.csv import read_csv

OPEN = 9 * 3600 * 1000 + 30 * 60 * 1000
"""09:30 in milliseconds since midnight."""

FIELDS = ("ts", "open", "high", "low", "close", "volume")


def lean_zip(root: Path, path: str, members: dict[str, str]) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file


def read(path: Path, symbol: str, **options: Any) -> list[RawBatch]:
    return list(read_csv([str(path)], symbol, **options))


def rows(batch: RawBatch, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in fields) for row in batch.table.to_pylist()]


def shares(root: Path, day: str = "20240702", kind: str = "equity/usa") -> Path:
    text = f"{OPEN},5431200,5432500,5431100,5432000,120034\n"
    text += f"{OPEN + 60000},5432000,5432000,5430000,5430050,900\n"
    name = f"{kind}/minute/spy/{day}_trade.zip"
    return lean_zip(root, name, {f"{day}_spy_minute_trade.csv": text})


@pytest.mark.parametrize("layout", ["auto", "lean"])
def test_shares_are_of_new_york_and_in_ten_thousandths(tmp_path: Path, layout: str) -> None:
    (batch,) = read(shares(tmp_path), "SPY", layout=layout)

    at = datetime(2024, 7, 2, 13, 30, tzinfo=UTC)  # in summer New York is four hours behind
    assert rows(batch, *FIELDS) == [
        (at, 543.12, 543.25, 543.11, 543.2, 120034.0),
        (at.replace(minute=31), 543.2, 543.2, 543.0, 543.005, 900.0),
    ]
    assert set(batch.table["contract"].to_pylist()) == {"SPY"}
    assert batch.zone == "America/New_York"


def test_a_winter_day_is_read_at_its_own_offset(tmp_path: Path) -> None:
    (batch,) = read(shares(tmp_path, "20240103"), "SPY")

    assert batch.table["ts"][0].as_py() == datetime(2024, 1, 3, 14, 30, tzinfo=UTC)


def test_each_file_in_a_zip_of_futures_is_a_contract_as_its_exchange_names_it(
    tmp_path: Path,
) -> None:
    path = lean_zip(
        tmp_path,
        "future/comex/minute/mgc/20240102_trade.zip",
        {
            "20240102_mgc_minute_trade_202402_20240227.csv": (
                "60000,2063.1,2063.4,2063.0,2063.2,12\n120000,2063.2,2063.5,2063.2,2063.4,7\n"
            ),
            "20240102_mgc_minute_trade_202412.csv": "0,2100,2100,2100,2100,1\n",
            "20240102_mgc_minute_trade_202406.csv": "",
        },
    )

    (batch,) = read(path, "MGC")

    midnight = datetime(2024, 1, 2, tzinfo=UTC)
    assert rows(batch, "contract", "source_line", *FIELDS) == [
        ("MGCZ4", 1, midnight, 2100.0, 2100.0, 2100.0, 2100.0, 1.0),
        ("MGCG4", 1, midnight.replace(minute=1), 2063.1, 2063.4, 2063.0, 2063.2, 12.0),
        ("MGCG4", 2, midnight.replace(minute=2), 2063.2, 2063.5, 2063.2, 2063.4, 7.0),
    ]


def test_coins_keep_their_prices_and_are_in_utc(tmp_path: Path) -> None:
    path = lean_zip(
        tmp_path,
        "crypto/coinbase/minute/btcusd/20240102_trade.zip",
        {"20240102_btcusd_minute_trade.csv": "0,44187.14,44190,44150.5,44160,3.25\n"},
    )

    with pytest.raises(SourceError, match=r"no rows of BTC: .* BTCUSD.*--column symbol="):
        read(path, "BTC")
    (batch,) = read(path, "BTC", columns={"symbol": ""})
    assert rows(batch, "contract", *FIELDS) == [
        ("BTC", datetime(2024, 1, 2, tzinfo=UTC), 44187.14, 44190.0, 44150.5, 44160.0, 3.25)
    ]


def test_a_zone_that_lean_keeps_for_each_market_must_be_named(tmp_path: Path) -> None:
    path = lean_zip(
        tmp_path,
        "future/eurex/minute/fdax/20240102_trade.zip",
        {"20240102_fdax_minute_trade_202403.csv": f"{OPEN},16800,16805,16790,16800,5\n"},
    )

    with pytest.raises(SourceError, match=r"times without a zone.*give --zone"):
        read(path, "FDAX")
    (batch,) = read(path, "FDAX", zone="Europe/Berlin")
    assert rows(batch, "ts", "contract") == [(datetime(2024, 1, 2, 8, 30, tzinfo=UTC), "FDAXH4")]


def test_a_folder_is_read_by_its_trades_and_omissions_are_reported(tmp_path: Path) -> None:
    path = shares(tmp_path)
    quotes = path.with_name("20240702_quote.zip")
    quotes.write_bytes(path.read_bytes())
    lines: list[str] = []

    batches = read(path.parent, "SPY", tell=lines.append)

    assert [batch.name for batch in batches] == [path.name]
    assert lines == [
        f"{path.parent}: zips of quotes or open interest are left out (1); trades are read"
    ]
    for named in ([quotes], [path, quotes]):
        with pytest.raises(SourceError, match=r"quotes, which are of bid and ask"):
            list(read_csv([str(file) for file in named], "SPY"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("equity/usa/minute/spy/20240702_quote.zip", "quotes, which are of bid and ask"),
        ("forex/oanda/minute/eurusd/20240702_quote.zip", "quotes.*--no-volume"),
        ("future/cme/minute/es/20240702_openinterest.zip", "open interest, not bars"),
        ("equity/usa/second/spy/20240702_trade.zip", "step 'second', not minutes"),
        ("equity/usa/tick/spy/20240702_trade.zip", "step 'tick', not minutes"),
        ("equity/usa/hour/spy.zip", "bars of an hour, not minutes"),
        ("future/cme/daily/es_trade.zip", "bars of a day, not minutes"),
        ("option/usa/minute/spy/20240702_trade.zip", "options, of which Orbcast reads none"),
        ("downloads/20240702_trade.zip", "not lie in LEAN's data folder.*another --layout"),
        ("equity/usa/minute/spy/20240732_trade.zip", "named after 20240732, which is not a day"),
        ("csv/20240702_spy_minute_trade.csv", "out of a zip of LEAN.*name the zip where LEAN"),
    ],
)
def test_what_is_no_day_of_trades_in_its_place_is_refused_with_the_reason(
    tmp_path: Path, path: str, message: str
) -> None:
    file = lean_zip(tmp_path, path, {"20240702_spy_minute_trade.csv": "0,1,1,1,1,1\n"})

    with pytest.raises(SourceError, match=message):
        read(file, "SPY")


@pytest.mark.parametrize(
    ("member", "text", "message"),
    [
        (
            "20240703_spy_minute_trade.csv",
            "0,1,1,1,1,1\n",
            "not a file of minutes of spy on 2024-07-02",
        ),
        ("20240702_qqq_minute_trade.csv", "0,1,1,1,1,1\n", "not a file of minutes of spy"),
        ("20240702_spy_second_trade.csv", "0,1,1,1,1,1\n", "not a file of minutes of spy"),
        ("20240702_spy_minute_trade_202409.csv", "0,1,1,1,1,1\n", "not a file of minutes of spy"),
        ("20240702_spy_minute_trade.csv", "0,1,1,1,1,1,2,2,2,2,1\n", "has 11 columns"),
        ("20240702_spy_minute_trade.csv", "", "holds no rows"),
    ],
)
def test_a_zip_with_other_content_than_its_name_states_is_refused(
    tmp_path: Path, member: str, text: str, message: str
) -> None:
    path = lean_zip(tmp_path, "equity/usa/minute/spy/20240702_trade.zip", {member: text})

    with pytest.raises(SourceError, match=message):
        read(path, "SPY")


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = shares(tmp_path)
    path.write_bytes(path.read_bytes()[:40])

    with pytest.raises(SourceError, match=r"cannot be read as text"):
        read(path, "SPY")


def test_a_bad_row_is_one_bad_row_with_its_line(tmp_path: Path) -> None:
    lines = [
        f"{OPEN},1,1,1,1,1",
        "noon,1,1,1,1,1",
        "86400000,1,1,1,1,1",
        "cut,1",
        f"{OPEN},,1,1,1,1",
    ]
    path = lean_zip(
        tmp_path,
        "equity/usa/minute/spy/20240702_trade.zip",
        {"20240702_spy_minute_trade.csv": "\n".join(lines)},
    )

    (batch,) = read(path, "SPY")

    assert rows(batch, "source_line", "fault")[1:4] == [
        (2, "not_a_time"),
        (3, "not_a_time"),
        (4, "not_a_time"),
    ]
    assert [value == value for value in batch.table["open"].to_pylist()] == [  # noqa: PLR0124 - NaN
        True,
        True,
        True,
        False,
        False,
    ]


def test_another_place_is_another_content(tmp_path: Path) -> None:
    here, there = shares(tmp_path), shares(tmp_path, kind="crypto/gdax")
    there.write_bytes(here.read_bytes())

    (first,), (second,) = read(here, "SPY"), read(there, "SPY")

    assert first.content_hash != second.content_hash
    assert second.table["open"].to_pylist()[0] == 5431200.0


def test_the_layout_is_for_zips_of_lean_alone(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("0,1,1,1,1,1\n", encoding="utf-8")

    with pytest.raises(SourceError, match=r"not lie in LEAN's data folder"):
        read(path, "SPY", layout="lean")
    zipped = lean_zip(tmp_path, "a.zip", {"a.csv": "ts,open,high,low,close,volume\n"})
    with pytest.raises(SourceError, match=r"not lie in LEAN's data folder"):
        read(zipped, "SPY", layout="lean")
