"""Which files are read, which worker runs which tests, and in which order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ONE_BY_ONE = {"tests/docs/test_pages_run.py", "tests/flows/test_every_command.py"}
"""Long files whose tests share only what is made once for all workers."""

ALL_SLOW = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip a file without a requested test: each worker would import it again."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    text = collection_path.read_text("utf-8")
    unwanted = {"slow": "mark.slow" not in text, "not slow": ALL_SLOW.search(text) is not None}
    return unwanted.get(config.getoption("markexpr")) or None


class _ByFileOrTest(LoadFileScheduling):
    """Distribute whole files, whose tests share servers and homes, but those above by test."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return nodeid if file in ONE_BY_ONE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFileOrTest | None:
    return _ByFileOrTest(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests: started last, one would keep a single worker busy.

    One file then trains the home that many copy; until that is done, the other workers take files
    that need no home. Files that copy the home take longer than others. Light files, which are
    many, come last, so that the workers end at about the same time.
    """
    files = list(dict.fromkeys(item.path for item in items))
    copying = dict.fromkeys(item.path for item in items if _needs_trained_home(item))
    trains = next(iter(copying), None)
    without = [file for file in files if file not in copying]
    meanwhile = set(without[: len(without) // 4])

    def part(file: Path) -> int:
        if file == trains:
            return 0
        return 1 if file in meanwhile else 2 if file in copying else 3

    items.sort(key=lambda item: (-_seconds_allowed(item), part(item.path)))


def _needs_trained_home(item: pytest.Item) -> bool:
    return "untouched_home" in getattr(item, "fixturenames", ())


def _seconds_allowed(item: pytest.Item) -> float:
    """Return the time limit of a test; zero for tests with the usual limit."""
    limit = item.get_closest_marker("timeout")
    return float(limit.args[0]) if limit else 0.0
