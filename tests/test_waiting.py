"""No test depends on the machine's speed: all waits use `tests/waiting.py`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.waiting import AT_MOST_SECONDS, wait_until

LIMIT = re.compile(
    r"monotonic\(\) \+ [\d.]|timeout=\d|\.(?:wait|join|communicate)\(\d|time\.sleep\(\d{2,3}\)"
)
"""A test's own limit, or a process that should keep running but may end by itself."""

RETRIED_REQUEST = "urlopen("
"""A line with this repeats a request whose reply is late."""


def limits(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if RETRIED_REQUEST not in line]
    return [line for line in lines if LIMIT.search(line) and "sleep(600)" not in line]


@pytest.mark.parametrize(
    "line",
    [
        "deadline = time.monotonic() + 20.0",
        "process.wait(10)",
        "watcher.communicate(timeout=20)",
        '[sys.executable, "-c", "import time; time.sleep(60)"]',
    ],
)
def test_a_limit_of_a_test_s_own_is_seen(line: str) -> None:
    assert limits(line) == [line]


def test_no_test_has_a_limit_of_its_own() -> None:
    files = set((PROJECT / "tests").rglob("*.py")) - {Path(__file__)}
    seen = {str(path.relative_to(PROJECT)): limits(path.read_text("utf-8")) for path in files}
    assert {name: lines for name, lines in seen.items() if lines} == {}


def test_pytest_ends_no_test_before_its_wait_has_ended(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > AT_MOST_SECONDS


def test_a_condition_that_holds_late_is_waited_for() -> None:
    answers = iter([False, False, True])
    wait_until(lambda: next(answers))
    assert list(answers) == []


def test_a_condition_that_never_holds_fails_with_the_given_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.waiting.AT_MOST_SECONDS", 0.0)
    with pytest.raises(AssertionError, match="the log"):
        wait_until(lambda: False, lambda: "the log")
