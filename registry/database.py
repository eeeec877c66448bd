"""Open the database: SQLite by default, PostgreSQL by its URL; always at a known schema."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import DatabaseError as SqlDatabaseError
from sqlalchemy.orm import Session

from ml_core.secrets import masked
from registry.chains.beginnings import note_beginnings
from registry.chains.chain import LATEST_NOTE, new_heads
from registry.chains.chain_checkpoints import CheckpointFile
from registry.errors import BusyDatabaseError, DatabaseError
from registry.schema import bring_up_to_date, require_this_schema

BUSY_MILLISECONDS = 10_000
"""How long a unit of work waits for the previous one to end."""

_LIKE_THIS = "set ORBCAST_DATABASE_URL to one like sqlite:///var/orbcast.sqlite"
_ONE_AT_A_TIME = 0x6F726263617374  # "orbcast" in hex: the number of its advisory lock
_READING = "orbcast_reading"
_READ_ONLY = "attempt to write a readonly database"
_NO_ROOM = ("database or disk is full", "disk I/O error", "No space left on device")
_BUSY = ("database is locked", "database table is locked", "lock timeout", "deadlock detected")


class Database:
    """An open SQL database.

    Parameters
    ----------
    engine
        SQLAlchemy's engine; :func:`open_database` and :func:`open_read_only` make one.
    read_only
        Whether every unit of work only reads: it blocks no writer, and cannot write.
    checkpoints
        File outside the database where the ends of its chains are noted; None notes nothing.
    """

    def __init__(
        self, engine: Engine, *, read_only: bool = False, checkpoints: Path | None = None
    ) -> None:
        self.checkpoints = CheckpointFile(checkpoints) if checkpoints is not None else None
        self._reader = _for_reading(engine)
        self.engine = self._reader if read_only else engine
        # when dropped, close the connections; not at exit: a forked child has its parent's
        weakref.finalize(self, engine.dispose).atexit = False

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a unit of work: all of it is committed at the end, or nothing.

        Only one runs at a time, by the write lock on SQLite and by an advisory lock on PostgreSQL,
        so that what it reads stays true until it is committed.

        Raises
        ------
        BusyDatabaseError
            The previous one did not end in time, or the connection to the server was lost.
        DatabaseError
            The database is read-only here, or its disk is full.
        """
        with self._begun(self.engine) as session:
            if self.checkpoints is not None:
                session.info[LATEST_NOTE] = self.checkpoints.latest
            yield session
        if self.checkpoints is not None:
            for head in new_heads(session):
                self.checkpoints.note(head)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that reads one state of the database and blocks no writer.

        The database refuses a write in it.

        Raises
        ------
        BusyDatabaseError
            The connection to the server was lost.
        """
        with self._begun(self._reader) as session:
            yield session

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as error:
            if error.connection_invalidated or any(words in str(error.orig) for words in _BUSY):
                raise BusyDatabaseError(self.masked_url, str(error.orig)) from error
            if _READ_ONLY in str(error.orig):
                remedy = "make the file and its folder writable, or work on a copy of the home"
                raise DatabaseError(self.masked_url, "can only be read here", remedy) from error
            if any(words in str(error.orig) for words in _NO_ROOM):
                fault = f"could not be written ({' '.join(str(error.orig).split())})"
                remedy = "make room on its disk and try again; the unfinished change was undone"
                raise DatabaseError(self.masked_url, fault, remedy) from error
            raise

    @property
    def masked_url(self) -> str:
        """The URL without a password."""
        url = self.engine.url
        if str(url.database).startswith("file://"):  # the form of a read-only file's URL
            return f"sqlite:///{unquote(str(url.database).removeprefix('file://'))}"
        return masked(url.render_as_string(hide_password=False))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(url: str, *, migrate: bool = True, checkpoints: Path | None = None) -> Database:
    """Open a database, bringing its schema up to date if allowed.

    A SQLite file that this process may not write to, as in a backup or on a read-only disk, is
    opened read-only.

    Parameters
    ----------
    url
        SQLAlchemy URL, such as ``sqlite:///var/orbcast.sqlite``.
    migrate
        Whether an older or empty schema may be upgraded.
    checkpoints
        File outside the database where the ends of its chains are noted; None notes nothing.

    Raises
    ------
    DatabaseError
        It cannot be opened, is not a database, or its schema is newer than this Orbcast (or
        older, and ``migrate`` is off).
    BusyDatabaseError
        Another process holds its lock.
    """
    name, parsed = masked(url), _parsed(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        path = Path(str(parsed.database))
        if path.is_file() and not _may_be_written(path):
            return open_read_only(url, checkpoints=checkpoints)
        _prepare_folder(path, name)
    engine = _engine(parsed, name)
    try:
        upgraded = migrate and bring_up_to_date(engine, name)
        if not migrate:
            require_this_schema(engine, name)
    except SqlDatabaseError as error:
        engine.dispose()
        remedy = (
            "check the path, its permissions, the space left, and that it is Orbcast's own"
            if engine.dialect.name == "sqlite"
            else "check that the server runs, and the user, the password and the database's name"
        )
        reason = " ".join(str(error.orig).split())
        if error.connection_invalidated or any(words in reason for words in _BUSY):
            raise BusyDatabaseError(name, reason) from error
        raise DatabaseError(name, f"cannot be used ({reason})", remedy) from error
    except DatabaseError:
        engine.dispose()
        raise
    database = Database(engine, checkpoints=checkpoints)
    if upgraded and database.checkpoints is not None:
        with database.reading() as session:
            note_beginnings(session, database.checkpoints)
    return database


def open_read_only(url: str, *, checkpoints: Path | None = None) -> Database:
    """Open an existing database for reading only.

    The database itself refuses to write: SQLite opens its file read-only, PostgreSQL makes its
    transactions read-only.

    Parameters
    ----------
    url
        SQLAlchemy URL.
    checkpoints
        File in which the ends of its chains are noted.

    Raises
    ------
    DatabaseError
        It does not exist, cannot be opened, or its schema is not that of this Orbcast.
    """
    name, parsed = masked(url), _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(str(parsed.database))
        if not path.is_file():
            remedy = "run `orbcast demo` or `orbcast ingest`"
            raise DatabaseError(name, "does not exist yet", remedy)
        query = {"mode": "ro", "uri": "true"}
        if not _may_be_written(path) and not _has_content(path.with_name(f"{path.name}-wal")):
            query["immutable"] = "1"  # otherwise SQLite creates files beside it
        uri = parsed.set(database=path.resolve().as_uri(), query=query)
        engine = create_engine(uri)
        _be_patient(engine)
    else:
        engine = _engine(parsed, name)
    database = Database(engine, read_only=True, checkpoints=checkpoints)
    try:
        require_this_schema(database.engine, name)
    except SqlDatabaseError as error:
        engine.dispose()
        reason = " ".join(str(error.orig).split())
        remedy = "check the path or the server, the permissions, and that it is Orbcast's own"
        raise DatabaseError(name, f"cannot be read ({reason})", remedy) from error
    except DatabaseError:
        engine.dispose()
        raise
    return database


def _may_be_written(path: Path) -> bool:
    """Return whether a SQLite file can be written to; SQLite also creates files beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _parsed(url: str) -> URL:
    """Parse a URL; refuse an unescaped password, which would be read as part of the host."""
    rest = url.partition("://")[2]
    if not rest:
        raise DatabaseError("(not shown)", "is not a database URL", _LIKE_THIS)
    if not rest.startswith("/") and rest.partition("?")[0].count("@") > 1:
        fault = "has an @ in its password that is not escaped"
        raise DatabaseError(masked(url), fault, "write %40 for it in ORBCAST_DATABASE_URL")
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        remedy = f"{_LIKE_THIS}; in a password write %2F for /, %3F for ?, %23 for #"
        raise DatabaseError(
            masked(url), "is not a database URL", remedy
        ) from None  # quotes the URL


def _engine(url: URL, name: str) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url)
            _be_strict(engine)
            return engine
        # test each connection first: the server may have been restarted between two runs
        engine = create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        remedy = 'for PostgreSQL install "orbcast[postgres]" and write postgresql://...'
        raise DatabaseError(name, f"has no driver here ({error})", remedy) from error
    if engine.dialect.name == "postgresql":
        _take_turns(engine)
    return engine


def _for_reading(engine: Engine) -> Engine:
    if engine.dialect.name == "postgresql":
        # one state throughout, as with SQLite's WAL
        engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    return engine.execution_options(**{_READING: True})


def _take_turns(engine: Engine) -> None:
    """Make PostgreSQL work like SQLite: one unit of work at a time, and a limited wait."""

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_MILLISECONDS}")
        if not connection.get_execution_options().get(_READING):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")


def _prepare_folder(path: Path, name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "make the folder writable or set ORBCAST_HOME elsewhere"
        raise DatabaseError(name, f"its folder cannot be made ({error})", remedy) from error


def _be_strict(engine: Engine) -> None:
    """Set up SQLite for writing: WAL, foreign keys, a busy timeout, real transactions."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below, not the driver's
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_MILLISECONDS}",  # first: the next may have to wait
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    _take_transactions(engine)


def _be_patient(engine: Engine) -> None:
    """Set up SQLite for reading only."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        cursor.close()

    _take_transactions(engine)


def _take_transactions(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        reading = connection.get_execution_options().get(_READING)
        # set each time: readers and writers share the pool's connections
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
        # taken at the start, a write lock cannot fail half-way through a unit of work
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
