"""A market whose rows a test writes, in its own home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.live_market import DAY, START, LiveMarket


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose champion was made just before the first day, without any prediction."""
    home = tmp_path_factory.mktemp("new") / "home"
    market = LiveMarket(home)
    market.version("corridor", START - 3 * DAY)
    market.champion("skilled", START - 2 * DAY)
    market.study(START - DAY)
    market.close()
    return home


@pytest.fixture
def market(new_home: Path, tmp_path: Path) -> Iterator[LiveMarket]:
    home = tmp_path / "home"
    shutil.copytree(new_home, home)
    market = LiveMarket(home)
    yield market
    market.close()
