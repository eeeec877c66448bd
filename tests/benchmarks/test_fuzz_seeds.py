"""Faults found by fuzzing stay fixed: an input is read, or refused in a line naming its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import seeds
from benchmarks.fuzz.targets import (
    TARGETS,
    NoGoodEndError,
    ending_well,
    fills_of,
    news_of,
    try_one,
)
from ml_core.errors import InputError

_DIGITS, _DEEP = b"9" * 5_000, b"[" * 2_000
_TOML = ("market", "recipe", "strategy", "sources", "channels")
_ROW = b'"ts":"2024-01-16T14:00Z","open":1,"high":1,"low":1,"close":1,"volume":1'
_TEXT = _ROW.replace(b":1", b':"1"')
_AT = b'"at":"2024-01-16T14:01:00+00:00","layout":"generic"'

_PARQUET = seeds.parquet(compression="none", use_dictionary=False)
_PARQUET_OF_CONTRACTS = seeds.parquet("contract", compression="none", use_dictionary=False)

FAULTY_INPUTS: tuple[tuple[str, bytes], ...] = (
    # Python itself refuses a number with so many digits, or so many brackets
    *((name, b"a = " + _DIGITS) for name in _TOML),
    *((name, b"a = " + _DEEP) for name in _TOML),
    # a key of many parts, which no parser refuses, and which cannot be shown
    *((name, b"a" + b".a" * 2_000 + b" = 1") for name in _TOML),
    *((name, b"[a" + b".a" * 500 + b"]\nb = 1") for name in _TOML),
    # the message contained the file's content and was as long as the file
    *((name, b"a" * 20_000 + b" = 1") for name in ("market", "recipe", "strategy")),
    # a regular expression that Python itself refuses
    ("market", seeds.toml_files("markets")[0].replace(b"{1,2}", b"{99999999999}")),
    ("channels", b'[[channels]]\nname = "a"\nkind = "other"\nsince = 2024-01-01T00:00:00Z\n'),
    ("channels", b'[[channels]]\nname = "a"\nkind = "slack"\nsince = 2024-01-01\n'),
    ("pushed", _DEEP),
    ("pushed", b'{"contract":"\\ud800",' + _ROW + b"}"),
    ("pushed", b'{"\\ud800":1,' + _ROW + b"}"),
    ("pushed", b"ts,open,high,low,close,volume\n2024-01-16T14:00Z,1,1,1,1\r,1\n"),
    ("spool", b"{" + _AT + b',"cells":{"ts":"\\ud800"}}\n'),
    ("spool", b"{" + _AT + b',"cells":' + _DEEP + b"}\n"),
    # content that the server never writes to its own file
    ("spool", b"{" + _AT + b',"cells":{"ts":"2024-01-16T14:00Z","open":true}}\n'),
    ("spool", b"{" + _AT + b',"cells":["ts"]}\n'),
    ("spool", b"{" + _AT.replace(b'"generic"', b"[]") + b',"cells":{' + _TEXT + b"}}\n"),
    # bytes that are not UTF-8: in a column's name, in its text
    ("parquet", _PARQUET.replace(b"symbol", b"\xefymbol")),
    ("parquet", _PARQUET_OF_CONTRACTS.replace(b"MGC", b"\xefGC")),
    # a table in separate parts is valid TOML, but tomlkit has no body for it
    ("sources", b'[mgc]\nkind = "csv"\npaths = ["a"]\n[x]\n[mgc.options]\nzone = "UTC"\n'),
    # what should be one table is a list of tables, a number, text
    *(
        ("sources", text)
        for text in (
            b'[[mgc]]\nkind = "csv"\npaths = ["a"]\n',
            b"mgc = 1\n",
            b'mgc = "csv"\n',
            b'[mgc]\nkind = "csv"\noptions = "UTC"\n',
            b'[mgc]\nkind = "csv"\noptions = [1]\n',
            b'[mgc]\nkind = "csv"\ncolumns = [1]\n',
            b"[mgc]\nkind = [1]\n",
        )
    ),
    *(("channels", text) for text in (b"channels = [1]\n", b"[channels]\nname = 1\n", b"a = 1\n")),
    # a member whose name is empty, since a NUL ends it
    *(("zip", seeds.zipped(name).replace(b"bars", b"\0ars")) for name in ("bars", "bars.csv")),
    # invalid days and months, and a time with too many digits, in a LEAN zip
    ("lean", seeds.lean("20242116_mgc_minute_trade_202402.csv")),
    ("lean", seeds.lean("20240116_mgc_minute_trade_202413.csv")),
    ("lean", seeds.lean(rows=_DIGITS + b",1,1,1,1,1\n0,1,1,1,1,1\n")),
    # the last moments of the year 9999, which are after it in UTC
    ("news", b"\0time,name,importance,known_since\n9999-12-31T23:59:30-04:00,CPI,high,2025-06-01"),
    ("parameters", b"\0as_of=" + _DEEP),
    ("parameters", b"\0from_day=" + _DIGITS),
)


@pytest.mark.parametrize(
    ("name", "content"),
    FAULTY_INPUTS,
    ids=[f"{name}-{number}" for number, (name, _) in enumerate(FAULTY_INPUTS)],
)
def test_an_input_found_by_fuzzing_is_read_or_refused_cleanly(
    tmp_path: Path, name: str, content: bytes
) -> None:
    try_one(name, content, tmp_path / "files")


@pytest.mark.parametrize("name", list(TARGETS))
def test_a_campaign_begins_from_sound_inputs(tmp_path: Path, name: str) -> None:
    for content in TARGETS[name].seeds()[:2]:
        try_one(name, content, tmp_path / "files")


def test_executions_and_news_of_a_campaign_are_taken_whole(tmp_path: Path) -> None:
    for content in TARGETS["fills"].seeds():
        file = fills_of(content, tmp_path / "a.csv")
        assert (len(file.fills), len(file.set_aside)) == (3, 0), content[:60]
    assert [len(news_of(content, tmp_path)) for content in TARGETS["news"].seeds()] == [1, 1, 1]


def test_a_long_message_keeps_its_remedy() -> None:
    words = str(InputError("what a file holds, " * 1_000 + "correct it"))
    assert len(words) < 3_000
    assert words.startswith("what a file holds")
    assert words.endswith("correct it")


@pytest.mark.parametrize("error", [ValueError("a.toml is odd"), InputError("nothing is named")])
def test_an_error_that_is_no_refusal_is_reported(error: Exception) -> None:
    with pytest.raises(NoGoodEndError), ending_well("a.toml"):
        raise error
    with ending_well("a.toml"):
        raise InputError("a.toml is odd: mend it")
