"""What the reader of each page starts with: a home, own files, a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.docs.bars_of_a_vendor import write_dbn
from tests.docs.following import Reader
from tests.docs.page import steps_in
from tests.docs.receiver import receiver
from tests.registry.conftest import started_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A reader, and the materials to start with."""

    demo: Path
    reader: Reader
    text: str
    closing: ExitStack

    @property
    def folder(self) -> Path:
        return self.reader.terminal.folder

    @property
    def environment(self) -> dict[str, str]:
        return self.reader.terminal.environment


def usual(given: Beginning) -> None:
    """Start with the demo's home, in both places that pages mention."""
    shutil.copytree(given.demo / "served", given.folder / "var")
    if "var/demo" in given.text:
        shutil.copytree(given.demo / "served", given.folder / "var" / "demo")


def with_a_prefect_of_the_other_home(given: Beginning) -> None:
    """Start with a Prefect database where the page makes a home: a new one takes seconds."""
    usual(given)
    shutil.copytree(given.demo / "served" / "prefect", given.folder / "var" / "null" / "prefect")


def with_bars_of_their_own(given: Beginning) -> None:
    """Start without a home, with a database of one series and a vendor's files."""
    trader = given.demo / "var" / "demo" / "trader.duckdb"
    with duckdb.connect(str(given.folder / "bars.duckdb")) as mine:
        mine.execute(f"ATTACH '{trader}' AS trader (READ_ONLY)")
        mine.execute("""
            CREATE TABLE bars_1m AS
            SELECT * EXCLUDE (contract) FROM trader.bars_1m
            QUALIFY row_number() OVER (PARTITION BY ts_utc ORDER BY volume DESC, contract) = 1""")
    write_dbn(given.folder / "dbn" / "bars.dbn", trader)
    write_es_file(given)


def write_es_file(given: Beginning) -> None:
    """Write a vendor's file of E-mini S&P bars: one series, in New York time."""
    terminal = given.reader.terminal
    commands = (
        "orbcast --home elsewhere market new es --commission 2.10 --slippage 1",
        "orbcast --home elsewhere simulate --market es --days 500 --out elsewhere/es.duckdb",
    )
    for command in commands:
        done = terminal.run(command)
        assert done.status == 0, done.printed
    with duckdb.connect(str(given.folder / "elsewhere" / "es.duckdb")) as simulated:
        simulated.execute(
            """
            COPY (
                SELECT strftime(timezone('America/New_York', timezone('UTC', ts_utc)),
                                '%Y-%m-%d %H:%M:%S') AS ts, open, high, low, close, volume
                FROM bars_1m
                QUALIFY row_number() OVER (
                    PARTITION BY ts_utc ORDER BY volume DESC, contract) = 1
                ORDER BY ts_utc
            ) TO $path (HEADER)
            """,
            {"path": str(given.folder / "es.csv")},
        )


def with_an_older_system(given: Beginning) -> None:
    """Start with the page's own sample of an older system, and bars to train on."""
    usual(given)
    steps = [step for step in steps_in(given.text, "") if step.title == "make_old.py"]
    assert steps, "the page has no sample of an older system any more"
    (given.folder / "make_old.py").write_text(steps[0].text, encoding="utf-8")
    assert given.reader.terminal.run("python make_old.py").status == 0


def with_something_that_waits(given: Beginning) -> None:
    """Start with the baseline as champion, and a challenger that may be approved."""
    shutil.copytree(
        given.demo / "var" / "demo",
        given.folder / "var",
        ignore=shutil.ignore_patterns("trader*"),
    )
    terminal = given.reader.terminal

    def first() -> str:
        result = terminal.run('orbcast approve --json | grep -o \'"run": *"[0-9a-f]*\' | head -1')
        return result.printed.rpartition('"')[2].strip()

    given.reader.values["run"] = first


def with_a_prefect_server(given: Beginning) -> None:
    """Start with a Prefect server that somebody else runs."""
    usual(given)
    terminal = given.reader.terminal
    terminal.environment["PREFECT_HOME"] = str(given.folder / "var" / "prefect")  # not a new one
    served = given.reader.serve(terminal, "prefect server start --port {up}")
    assert served is not None
    done = terminal.start(*served)
    assert done.status == 0, done.printed
    api = f"http://127.0.0.1:{given.reader.values['up']()}/api"
    terminal.environment["PREFECT_API_URL"] = api


def with_channels(given: Beginning) -> None:
    """Start with addresses of channels, one of which accepts what it is sent."""
    usual(given)
    port = given.closing.enter_context(receiver())
    given.environment.update(
        SLACK_URL="https://hooks.slack.com/services/T00/B00/none",
        PAGER_URL=f"http://127.0.0.1:{port}/",
        HTTPS_PROXY=f"http://127.0.0.1:{port}/",  # it refuses, so nothing leaves this machine
        NO_PROXY="127.0.0.1",
    )
    given.reader.terminal.typed["add email"] = (
        "mailtos://u:p@127.0.0.1:1?from=u@e.com&to=v@e.com\n"
    )


def with_a_postgresql_server(given: Beginning) -> None:
    """Start with an administrator's shell on a server, and with bars but no record."""
    for part in ("lake", "prefect"):
        shutil.copytree(given.demo / "served" / part, given.folder / "var" / part)
    url, programs = given.closing.enter_context(started_server("postgres", on_network=True))
    given.environment.update(
        PATH=f"{programs}:{given.environment['PATH']}",
        PGHOST=str(url.query["host"]),
        PGPORT=str(url.query["port"]),
        PGUSER="postgres",
        PGDATABASE="postgres",
    )


BEGINNINGS: Mapping[str, Callable[[Beginning], None]] = {
    "approval.md": with_something_that_waits,
    "bring-your-own-data.md": with_bars_of_their_own,
    "deploy.md": with_a_prefect_server,
    "import-legacy.md": with_an_older_system,
    "notifications.md": with_channels,
    "postgresql.md": with_a_postgresql_server,
    "quick-start.md": with_a_prefect_of_the_other_home,
    "real-data.md": with_bars_of_their_own,
}
"""Pages that do not start with :func:`usual`."""
