"""The demo, run once for all pages, and readers who start on a copy of its home."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from filelock import FileLock
from prefect.settings import PREFECT_API_URL

from tests.docs.beginnings import BEGINNINGS, Beginning, usual
from tests.docs.data_blocks import CHECKS
from tests.docs.following import PageExceptions, Reader
from tests.docs.forked_commands import forked_commands
from tests.docs.servers import Servers
from tests.docs.tables import DRAWN, EXCUSED, MEANWHILE, ON_A_SERVER, REWRITTEN, STATUSES
from tests.docs.terminal import copy_project, link_project, terminal_in
from tests.trained_market import give_prefect_database

NOW = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
"""The time at which pages are read: after the demo's last bar, on a day without trading."""

PAGE_EXCEPTIONS = PageExceptions(
    excused=EXCUSED, drawn=DRAWN, statuses=STATUSES, rewritten=REWRITTEN, meanwhile=MEANWHILE
)

_SHORTER = """\
#!{python}
from datetime import date
from deployments import demo
from deployments.cli.app import main

demo.FIRST, demo.REPLAYED_DAYS = date(2024, 10, 1), 3
if __name__ == "__main__":  # processes of the demo read this file again
    main()
"""
"""`orbcast`, with a demo of fifteen months and three replayed days: a fifth of the work."""


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """Yield the folder, with a short path, of an `orbcast` that need not import anything."""
    with (
        TemporaryDirectory(prefix="orbcast-") as folder,
        forked_commands(Path(folder)) as folder_of_programs,
    ):
        yield folder_of_programs


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, prefect_database: Path) -> Path:
    """Return the folder in which one of the workers ran `make demo` for all of them."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "demo"
    with FileLock(shared / "demo.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            give_prefect_database(prefect_database, folder / "var" / "demo")
            _run_demo(folder)
            (folder / "done").touch()
    return folder


def _run_demo(folder: Path) -> None:
    (folder / "clock").write_text(str((NOW - datetime.now(UTC)).total_seconds()))
    copy_project(folder)
    shorter = folder / "shorter" / "orbcast"
    shorter.parent.mkdir()
    shorter.write_text(_SHORTER.format(python=sys.executable))
    shorter.chmod(shorter.stat().st_mode | stat.S_IXUSR)
    terminal = terminal_in(folder, folder / "clock")
    # one fold takes less than the imports of its process; test_walk_forward.py has processes
    terminal.environment["ORBCAST_TASK_RUNNER"] = "threads"
    done = terminal.run(f"make demo BIN={shorter.parent} > demo.log 2>&1")
    log = (folder / "demo.log").read_text("utf-8")
    assert done.status == 0, log[-4000:]
    assert "Warning" not in log, log
    # with so few bars the rule keeps the baseline; on the whole demo the model serves
    shutil.copytree(folder / "var" / "demo", folder / "served", ignore=_not_the_source)
    served = terminal.run(
        'orbcast --home served models promote challenger --override --reason "as in the demo"'
    )
    assert served.status == 0, served.printed


def _not_the_source(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith("trader")}


@pytest.fixture
def reader_of(
    demo: Path, programs: Path, tmp_path: Path, prefect_server: None
) -> Iterator[Callable[[Path], Reader]]:
    """Yield a function that makes readers, each at the start of a page."""
    del prefect_server
    with ExitStack() as closing:

        def begin(page: Path) -> Reader:
            folder = tmp_path / page.stem
            folder.mkdir()
            link_project(demo, folder)
            servers = Servers()
            reader = Reader(
                terminal=terminal_in(folder, demo / "clock", programs),
                exceptions=PAGE_EXCEPTIONS,
                serve=servers,
                checks=CHECKS,
                values={"up": lambda: str(servers.up)},
            )
            text = page.read_text(encoding="utf-8")
            # processes would import everything for a study of few folds; the demo uses them
            reader.terminal.environment["ORBCAST_TASK_RUNNER"] = "threads"
            if page.name in ON_A_SERVER:
                # each flow would start its own server, which takes longer than the flow itself
                api = PREFECT_API_URL.value()
                reader.terminal.environment["PREFECT_API_URL"] = str(api)
            BEGINNINGS.get(page.name, usual)(
                Beginning(demo=demo, reader=reader, text=text, closing=closing)
            )
            return reader

        yield begin
