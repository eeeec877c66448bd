"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# pytest-xdist gives its workers a width; a test that wants one says so
os.environ.pop("COLUMNS", None)

pytest_plugins = ["tests.trained_market"]

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Folder of licensed MGC bars and the outside reference; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"licensed market data is not at {SHARED_DATA}: see docs/real-data.md")
    return SHARED_DATA
