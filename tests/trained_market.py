"""One Prefect server per worker, and a small simulated market in a home that is copied.

Every test run loads this file. Only code that needs Prefect imports it, as the import takes five
seconds. Whatever takes long to make is made once for all workers of a run.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import Engine

from tests.waiting import AT_MOST_SECONDS

FIRST, LAST = date(2024, 1, 2), date(2024, 11, 29)

_SERVER = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "ORBCAST_PREFECT_IS_TEMPORARY": "yes",
    # the steps of a run are written down together, within a second, instead of each by itself
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

_MAKE_TABLES = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def copy_database(path: Path, to: Path) -> None:
    """Copy a SQLite database that others may have open, by SQLite's own consistent backup."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def copy_home(home: Path, folder: Path) -> None:
    """Copy a home whose database may be open."""
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns("orbcast.sqlite*"))
    copy_database(home / "orbcast.sqlite", folder / "orbcast.sqlite")


def made_once(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a file or folder of the run, made by the first worker that needs it."""
    with FileLock(f"{path}.lock"):
        if not path.exists():
            make(path.with_name(f"half-made-{path.name}"))
            path.with_name(f"half-made-{path.name}").rename(path)
    return path


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this run of the tests, the same for all its workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def migrated_file(run_folder: Path) -> Path:
    """Return a SQLite file with the current schema, to be copied."""

    def migrate(path: Path) -> None:
        from registry.database import open_database  # noqa: PLC0415

        open_database(f"sqlite:///{path}").close()

    return made_once(run_folder / "migrated.sqlite", migrate)


@pytest.fixture(autouse=True)
def new_databases_are_copies(migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a new SQLite database by a copy: its migrations take a fifth of a second."""
    from registry import database  # noqa: PLC0415

    migrate = database.bring_up_to_date

    def copy_or_migrate(engine: Engine, name: str) -> bool:
        file = engine.url.database
        if engine.dialect.name != "sqlite" or not file or Path(file).exists():
            return migrate(engine, name)
        whole = Path(f"{file}-whole-{threading.get_ident()}")
        try:
            shutil.copyfile(migrated_file, whole)
            os.link(whole, file)  # unless another has just made it
        except OSError:  # its folder cannot be written to, for one
            return migrate(engine, name)
        finally:
            whole.unlink(missing_ok=True)
        return True

    monkeypatch.setattr(database, "bring_up_to_date", copy_or_migrate)


@pytest.fixture(scope="session")
def prefect_database() -> Path:
    """Return a fresh Prefect database, to be copied.

    A server that must create its tables takes twice as long to start. The file is kept for later
    runs of the tests beside the Prefect that made it.
    """

    def make(path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="orbcast-prefect-") as folder:
            subprocess.run(
                [sys.executable, "-c", _MAKE_TABLES],
                env={
                    **{name: value for name, value in os.environ.items() if "PREFECT" not in name},
                    "PREFECT_HOME": folder,
                    "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{path}",
                },
                check=True,
            )

    return made_once(Path(sys.prefix) / f"new-prefect-{version('prefect')}.db", make)


def give_prefect_database(prefect_database: Path, home: Path) -> None:
    """Copy the tables of Prefect into a home, as if a server had run there before."""
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    shutil.copy(prefect_database, home / "prefect" / "prefect.db")


@pytest.fixture(scope="session")
def prefect_server(prefect_database: Path) -> Iterator[None]:
    """Run Prefect's own test server, without the heartbeats that slow each flow by a second."""
    from prefect.settings import (  # noqa: PLC0415
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )
    from prefect.testing import utilities  # noqa: PLC0415

    folder = tempfile.mkdtemp(prefix="orbcast-prefect-")  # the harness removes it
    shutil.copy(prefect_database, Path(folder) / "prefect-test.db")  # as the harness names it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: folder)
        for name, value in _SERVER.items():
            patch.setenv(name, value)  # the server is another process
        with (
            utilities.prefect_test_harness(server_startup_timeout=int(AT_MOST_SECONDS)),
            temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        ):
            yield


@pytest.fixture(scope="session")
def simulated_database(run_folder: Path) -> Path:
    """Return eleven months of a simulated MGC with a planted edge, as a trader's DuckDB."""

    def simulate(path: Path) -> None:
        from deployments.simulated import write_database  # noqa: PLC0415
        from tasks.settings import Settings  # noqa: PLC0415

        write_database(path, Settings().market("mgc"), FIRST, LAST, 0.05, 3)

    return made_once(run_folder / "trader.duckdb", simulate)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ORBCAST_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def untouched_home(
    run_folder: Path,
    simulated_database: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Path:
    """Return a home, to be copied, right after its import and training."""

    def train(folder: Path) -> None:
        request.getfixturevalue("prefect_server")  # by the one worker that trains
        from flows.nightly_retrain import nightly_retrain  # noqa: PLC0415
        from tasks.data.sources import SourceSpec  # noqa: PLC0415
        from tasks.data.standing_sources import remember_source  # noqa: PLC0415
        from tasks.settings import current_settings  # noqa: PLC0415

        home = tmp_path_factory.mktemp("training") / "home"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ORBCAST_HOME", str(home))
            spec = SourceSpec(
                kind="duckdb", paths=(str(simulated_database),), columns={"contract": "contract"}
            )
            remember_source(current_settings().sources_file, "mgc", spec)
            nightly_retrain("mgc")
            copy_home(home, folder)

    return made_once(run_folder / "trained", train)


@pytest.fixture(scope="module")
def trained_home(untouched_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a test file's own trained home; its tests only add to it."""
    return shutil.copytree(untouched_home, tmp_path_factory.mktemp("trained") / "home")


@pytest.fixture
def trained(trained_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the test file's trained home, set as the current home."""
    monkeypatch.setenv("ORBCAST_HOME", str(trained_home))
    return trained_home


@pytest.fixture
def own(untouched_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a test's own trained home, which it may change and damage."""
    folder = shutil.copytree(untouched_home, tmp_path / "own")
    monkeypatch.setenv("ORBCAST_HOME", str(folder))
    return folder
