"""One Prefect server for the session, and a small simulated market in a home of its own.

Every run of the tests loads this file: Prefect, five seconds of it, is imported by those that
need it only.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

FIRST, LAST = date(2024, 1, 2), date(2024, 11, 29)


UNTOUCHED = "untouched"


def _copy_home(home: Path, folder: Path) -> None:
    """Copy a home whose database is open: SQLite gives a whole copy of itself."""
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns("orbcast.sqlite*"))
    source = sqlite3.connect(home / "orbcast.sqlite")
    copy = sqlite3.connect(folder / "orbcast.sqlite")
    source.backup(copy)
    copy.close()
    source.close()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Prefect's own test server, without the heartbeats that slow each flow by a second."""
    from prefect.settings import (  # noqa: PLC0415
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"  # the server is another process
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture(scope="session")
def simulated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven months of a simulated MGC with a planted edge, as a trader's DuckDB."""
    from deployments.simulated import write_database  # noqa: PLC0415
    from tasks.settings import Settings  # noqa: PLC0415

    path = tmp_path_factory.mktemp("trader") / "trader.duckdb"
    write_database(path, Settings().market("mgc"), FIRST, LAST, 0.05, 3)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ORBCAST_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def trained_home(
    prefect_server: None, simulated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A home whose source is remembered, refreshed and trained on; tests only add to it."""
    del prefect_server
    from flows.nightly_retrain import nightly_retrain  # noqa: PLC0415
    from tasks.settings import settings  # noqa: PLC0415
    from tasks.sources import SourceSpec, remember_source  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("trained") / "home"
    before = os.environ.get("ORBCAST_HOME")
    os.environ["ORBCAST_HOME"] = str(folder)
    try:
        spec = SourceSpec(
            kind="duckdb", paths=(str(simulated_database),), columns={"contract": "contract"}
        )
        remember_source(settings().sources_file, "mgc", spec)
        nightly_retrain("mgc")
        _copy_home(folder, folder.parent / UNTOUCHED)
        yield folder
    finally:
        if before is None:
            del os.environ["ORBCAST_HOME"]
        else:
            os.environ["ORBCAST_HOME"] = before


@pytest.fixture
def trained(trained_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trained home, made the present one."""
    monkeypatch.setenv("ORBCAST_HOME", str(trained_home))
    return trained_home


@pytest.fixture
def own(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home as it was right after training, to be written to and damaged."""
    folder = tmp_path / "own"
    shutil.copytree(trained_home.parent / UNTOUCHED, folder)
    monkeypatch.setenv("ORBCAST_HOME", str(folder))
    return folder
