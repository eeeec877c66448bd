"""The lake in a store, shared by several machines: each has a copy, the database says of what.

A change is published like a commit: its files are uploaded under keys of their own, then one unit
of work checks that nobody else published since the copy was fetched, and names the new files. A
writer that is killed before that leaves objects that nothing names, and its copy is fetched anew
before the next change. Of two writers at once one is refused, and starts again from what the other
published.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from sqlalchemy import delete, select

from ml_core.bars.lake.shared_bars import LakeMovedError
from ml_core.errors import InputError
from ml_core.files import TEMPORARY, sha256_of, written_atomically
from ml_core.json_values import parse_json
from registry.database import Database
from registry.object_store import ObjectStore, StoreObjectError, StoreUnreachableError
from registry.tables.bars import LakeFile, LakeState

_STATE = ".store.json"
_BATCHES = "batches/"
_ATTEMPTS = 5

_Identity = tuple[int, int, int]


class UnsharedBarsError(InputError):
    """Error for a home with bars that are neither the store's nor were fetched from it."""

    symbol: str
    folder: str
    store: str
    template = (
        "{folder} has bars of {symbol} that were not fetched from the store {store}, which has "
        "others: move that folder away to use the store's bars, or put these in their place with "
        "`orbcast store push --replace`"
    )


@dataclass(frozen=True, slots=True)
class _Copied:
    """A file of the copy: its content, and how to see that it was not changed since."""

    digest: str
    identity: _Identity


@dataclass(frozen=True, slots=True)
class _Copy:
    """What a machine's copy was when it was last equal to a state in the store."""

    store: str
    number: int = 0
    files: dict[str, _Copied] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file in the store: its content, and the change that put it there."""

    digest: str
    change: str


class SharedLake:
    """The bars of every market in a store, and their copy in a lake's folder.

    Parameters
    ----------
    database
        The database that names the files in force.
    store
        The store.
    root
        Folder of the lake.
    """

    def __init__(self, database: Database, store: ObjectStore, root: Path) -> None:
        self._database, self._store, self._root = database, store, root

    def is_current(self, symbol: str) -> bool:
        """Return whether the copy is of the state in force."""
        return self.number(symbol) == self._copy(symbol).number

    def number(self, symbol: str) -> int:
        """Return the number of the state in force; 0 without one."""
        query = select(LakeState.number).where(LakeState.market == symbol)
        with self._database.reading() as session:
            return session.scalars(query).first() or 0

    def fetch(self, symbol: str) -> None:
        """Make the copy what the store has.

        Changes here that were not published stay, to be published with the next one. If another
        machine published meanwhile they are undone, and the source has to be read again.

        Raises
        ------
        UnsharedBarsError
            The folder has bars that never were in this store.
        StoreObjectError, StoreUnreachableError
            A file cannot be fetched; the next fetch goes on with it.
        """
        for attempt in range(_ATTEMPTS):
            number, stored = self._state(symbol)
            if not number or self._only_ahead(symbol, number, stored):
                return
            try:
                self._download(symbol, number, stored)
            except StoreObjectError:
                # a change that was published meanwhile removes what it replaces
                if attempt == _ATTEMPTS - 1 or self.number(symbol) == number:
                    raise
            else:
                return

    def publish(self, symbol: str, *, replace: bool = False) -> None:
        """Make the state in force what the copy is.

        Parameters
        ----------
        replace
            Whether a state that was not fetched is replaced.

        Raises
        ------
        LakeMovedError
            Another state is in force than the one fetched.
        StoreUnreachableError
            The store does not answer or refuses; the next publishing goes on.
        """
        copy, change = self._copy(symbol), secrets.token_hex(8)
        number, stored = self._state(symbol)
        if number != copy.number and not replace:
            raise LakeMovedError(symbol)
        here = self._here(symbol, copy)
        changed = {
            path: file.digest
            for path, file in here.items()
            if path not in stored or stored[path].digest != file.digest
        }
        gone = stored.keys() - here.keys()
        if changed or gone:
            for path, digest in changed.items():
                file = self._root / symbol / path
                self._store.put(_name(symbol, path, change), file, digest)
            number = self._commit(symbol, number, changed, gone, change)
        self._note(symbol, _Copy(self._store.shown_url, number, here))
        for path in {*changed, *gone} & stored.keys():
            with suppress(StoreUnreachableError):  # then it stays, and nothing names it
                self._store.remove(_name(symbol, path, stored[path].change), stored[path].digest)

    def symbols(self) -> tuple[str, ...]:
        """Return the markets whose bars are in the store."""
        with self._database.reading() as session:
            return tuple(session.scalars(select(LakeState.market).order_by(LakeState.market)))

    def objects(self, symbol: str) -> dict[str, str]:
        """Return the name and content hash of each object in force.

        Without its last part, which names the change, a name is the file's path below the home.
        """
        _, stored = self._state(symbol)
        return {
            _name(symbol, path, file.change): file.digest for path, file in sorted(stored.items())
        }

    def _state(self, symbol: str) -> tuple[int, dict[str, _Stored]]:
        """Return the number of the state in force, and its files by path."""
        number = select(LakeState.number).where(LakeState.market == symbol)
        files = select(LakeFile).where(LakeFile.market == symbol)
        with self._database.reading() as session:
            return session.scalars(number).first() or 0, {
                row.path: _Stored(row.digest, row.change) for row in session.scalars(files)
            }

    def _commit(
        self, symbol: str, number: int, changed: dict[str, str], gone: set[str], change: str
    ) -> int:
        """Name the files of a new state, if the given one is still in force; return its number."""
        of_market = LakeFile.market == symbol
        with self._database.session() as session:
            state = session.get(LakeState, symbol)
            if (0 if state is None else state.number) != number:
                raise LakeMovedError(symbol)
            if state is None:
                session.add(LakeState(market=symbol, number=number + 1))
            else:
                state.number = number + 1
            rows = {row.path: row for row in session.scalars(select(LakeFile).where(of_market))}
            for path, digest in changed.items():
                if path in rows:
                    rows[path].digest, rows[path].change = digest, change
                else:
                    session.add(LakeFile(market=symbol, path=path, digest=digest, change=change))
            for path in gone:
                session.execute(delete(LakeFile).where(of_market, LakeFile.path == path))
        return number + 1

    def _only_ahead(self, symbol: str, number: int, stored: dict[str, _Stored]) -> bool:
        """Return whether the copy has changes of its own, of the state in force.

        If nothing but files are missing, they were lost.
        """
        copy = self._copy(symbol)
        return copy.number == number and any(
            path not in stored or stored[path].digest != file.digest
            for path, file in self._here(symbol, copy).items()
        )

    def _download(self, symbol: str, number: int, stored: dict[str, _Stored]) -> None:
        folder, copy = self._root / symbol, self._copy(symbol)
        here = self._here(symbol, copy)
        if not copy.number and any(
            path not in stored or stored[path].digest != file.digest for path, file in here.items()
        ):
            raise UnsharedBarsError(symbol, str(folder), self._store.shown_url)
        # records last: a batch with a record is complete
        for path in sorted(stored, key=lambda path: (path.startswith(_BATCHES), path)):
            file = stored[path]
            if path not in here or here[path].digest != file.digest:
                self._store.fetch(_name(symbol, path, file.change), file.digest, folder / path)
        for path in here.keys() - stored.keys():
            (folder / path).unlink(missing_ok=True)
        self._note(symbol, _Copy(self._store.shown_url, number, self._here(symbol, copy)))

    def _here(self, symbol: str, copy: _Copy) -> dict[str, _Copied]:
        """Return the files of a symbol's folder, reading those that were changed since."""
        here = {}
        for path in _files(self._root / symbol):
            name, identity = path.relative_to(self._root / symbol).as_posix(), _identity(path)
            copied = copy.files.get(name)
            same = copied is not None and copied.identity == identity
            here[name] = copied if copied and same else _Copied(sha256_of(path), identity)
        return here

    def _copy(self, symbol: str) -> _Copy:
        path, store = self._root / symbol / _STATE, self._store.shown_url
        try:
            copy = _read_copy(path, _identity(path))
        except (FileNotFoundError, ValueError):
            return _Copy(store)
        # a copy of another store is no copy of this one
        return copy if copy.store == store else _Copy(store)

    def _note(self, symbol: str, copy: _Copy) -> None:
        files = {name: (file.digest, file.identity) for name, file in copy.files.items()}
        values = {"store": copy.store, "number": copy.number, "files": files}
        with written_atomically(self._root / symbol / _STATE) as temporary:
            temporary.write_text(json.dumps(values), encoding="utf-8")


@lru_cache(maxsize=8)
def _read_copy(path: Path, identity: _Identity) -> _Copy:
    """Read the note of a copy, which has another ``identity`` once it is written anew."""
    del identity
    values = parse_json(path.read_text("utf-8"))
    files = {
        name: _Copied(digest, tuple(identity))
        for name, (digest, identity) in values["files"].items()
    }
    return _Copy(values["store"], values["number"], files)


def _identity(path: Path) -> _Identity:
    """Return what changes if a file is replaced or written to."""
    stat = path.stat()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a symbol's lake, without locks and files being written."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith((".", TEMPORARY)):
            yield path


def _name(symbol: str, path: str, change: str) -> str:
    return f"lake/{symbol}/{path}/{change}"
