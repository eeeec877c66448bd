"""Which worker runs which tests, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

PAGES = "tests/docs/test_pages_run.py"


class _ByFileOrPage(LoadFileScheduling):
    """Hand out whole files, whose tests share servers and homes; and the pages one by one."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return nodeid if file == PAGES else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFileOrPage | None:
    return _ByFileOrPage(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what may take longest: begun at the end, it would keep a single worker busy."""
    items.sort(key=_seconds_allowed, reverse=True)


def _seconds_allowed(item: pytest.Item) -> float:
    """Return the time limit of a test; zero for those that keep to the usual one."""
    limit = item.get_closest_marker("timeout")
    return float(limit.args[0]) if limit else 0.0
