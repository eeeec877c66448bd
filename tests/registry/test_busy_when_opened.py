"""A database that another process has locked while it is opened."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from registry import database
from registry.database import open_database
from registry.errors import BusyDatabaseError


def test_a_busy_database_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'orbcast.sqlite'}"
    open_database(url).close()
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 100)
    with contextlib.closing(
        sqlite3.connect(tmp_path / "orbcast.sqlite", isolation_level=None)
    ) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyDatabaseError, match="try again"):
            open_database(url)
    open_database(url).close()
