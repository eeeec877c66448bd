"""`make test-dates` itself: the clock that a run gets, and the report of its result."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import set_clocks
from tests.set_clocks import CLOCKS, environment, run

MACHINE = datetime(2026, 12, 24, 11, 59, 30, tzinfo=UTC)
(CHRISTMAS,) = [clock for clock in CLOCKS if clock.name == "christmas"]


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_clocks, "LOGS", tmp_path)


def test_a_clock_is_so_far_ahead_or_behind_for_every_process() -> None:
    given = environment(CHRISTMAS, ["/a/waits.so", "/b/libfaketime.so"], MACHINE)
    assert given["FAKETIME"] == "+86430.000"
    assert given["TZ"] == "UTC"
    assert given["LD_PRELOAD"].startswith("/a/waits.so:/b/libfaketime.so")
    later = datetime(2027, 12, 25, 12, 0, tzinfo=UTC)
    assert environment(CHRISTMAS, [], later)["FAKETIME"] == "-31536000.000"


@pytest.mark.parametrize(
    ("printed", "status", "line"),
    [
        ("2 passed, 1 skipped in 3.10s", 0, "2 passed, 1 skipped in 3.10s"),
        ("FAILED tests/a.py::b\n1 failed, 2 passed in 3.10s (0:00:03)", 1, "1 failed, 2 passed"),
        ("it broke", 4, "no result, exit status 4"),
    ],
    ids=["green", "red", "crashed"],
)
def test_a_line_has_the_counts_and_below_it_what_failed(
    printed: str, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"print({printed!r}); raise SystemExit({status})"
    assert run(CHRISTMAS, [sys.executable, "-c", code], []) == (status == 0)
    first, *faults = capsys.readouterr().out.splitlines()
    assert first.startswith("christmas  Fri 2026-12-25 12:00 UTC")
    assert line in first
    assert faults == (["  FAILED tests/a.py::b"] if "FAILED" in printed else [])


def test_without_libfaketime_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(set_clocks, "library", lambda: None)
    monkeypatch.setattr("sys.argv", ["set_clocks", "pytest"])
    assert set_clocks.main() == 2
    assert "apt-get install faketime gcc libc6-dev" in capsys.readouterr().err
