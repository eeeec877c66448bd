"""Text files in any encoding and packing are read; damaged ones and lines too long are named."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.text.csv import read_csv
from tests.ml_core.bars.sources.test_layouts import EXPECTED, NAN, SAMPLES, read, rows


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
