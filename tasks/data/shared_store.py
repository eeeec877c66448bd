"""The store as a whole: compare it with this machine's home, push and pull, verify it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import registry
from ml_core.errors import InputError
from ml_core.files import sha256_of
from registry.bars.shared_lake import SharedLake
from registry.models.stored_versions import StoredVersions
from registry.models.versions import VersionRecord
from registry.object_store import ORPHANED_AFTER, ObjectStore, StoreObjectError, object_key
from registry.studies.evaluations import EvaluationRecord
from tasks.settings import Settings

_FOLDERS = ("lake", "models", "studies")


class NoStoreError(InputError):
    """Error for a command about the store where none is named."""

    template = (
        "ORBCAST_STORE is not set, so bars, versions and studies are in the home only; set it to "
        "a URL like s3://bucket/prefix on every machine that shares them (docs/store.md)"
    )


class OtherRecordError(InputError):
    """Error for a record that may not be the one that a store belongs to."""

    store: str
    fault: str
    template = (
        "the record of this database {fault}, in the store {store}, so that what it does not name "
        "may be in use: check ORBCAST_DATABASE_URL and ORBCAST_STORE; if both are right, repair "
        "the store with `orbcast store push` first"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBars:
    """A market's bars: whether this machine's copy is of the state in force."""

    market: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """What the record names, and what of it is on this machine.

    Attributes
    ----------
    store
        URL without credentials.
    bars
        The markets whose bars are in the store.
    versions, versions_here, studies, studies_here
        Numbers of registered versions and of studies on record, and of those whose files are here.
    """

    store: str
    bars: tuple[MarketBars, ...]
    versions: int
    versions_here: int
    studies: int
    studies_here: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object that the record names, and the place of its file in the home."""

    name: str
    digest: str
    path: Path


class SharedStore:
    """The store that an installation shares with other machines.

    Raises
    ------
    NoStoreError
        None is named.
    """

    def __init__(self, settings: Settings) -> None:
        store = settings.object_store()
        if store is None:
            raise NoStoreError
        self.store: ObjectStore = store
        self._settings, self._lake = settings, settings.lake()
        self._shared = SharedLake(settings.database(), store, self._lake.root)
        self._stored = StoredVersions(store, settings.models_dir)

    def status(self) -> StoreStatus:
        """Compare the record with this machine's home."""
        versions, studies = self._versions(), self._studies()
        return StoreStatus(
            store=self.store.shown_url,
            bars=tuple(
                MarketBars(market=symbol, current=self._shared.is_current(symbol))
                for symbol in self._shared.symbols()
            ),
            versions=len(versions),
            versions_here=sum(record.path.exists() for record in versions),
            studies=len(studies),
            studies_here=sum(
                all((self._settings.home / name).exists() for name in study.files)
                for study in studies
            ),
        )

    def push(self, on_object: Callable[[str], None], *, replace: bool = False) -> int:
        """Put what the store lacks of this home there; return how many objects.

        Every object is read back, and one that is damaged is replaced.

        Parameters
        ----------
        on_object
            Called with the name of each object before it is checked.
        replace
            Whether the bars here replace those in the store, whatever they are.

        Raises
        ------
        UnsharedBarsError
            The home has other bars than the store.
        StoreUnreachableError
            The store does not answer or refuses; another push goes on.
        """
        root = self._lake.root
        here = [folder.name for folder in root.iterdir()] if root.is_dir() else []
        before = {name for symbol in here for name in self._shared.objects(symbol)}
        for symbol in sorted(here):
            self._lake.share(symbol, replace=replace)
        after = {name for symbol in here for name in self._shared.objects(symbol)}
        count = len(after - before)
        for wanted in self.objects([]):
            on_object(wanted.name)
            if not wanted.path.is_file() or sha256_of(wanted.path) != wanted.digest:
                continue  # another machine has it
            try:
                self.store.read(wanted.name, wanted.digest)
            except StoreObjectError:
                self.store.remove(wanted.name, wanted.digest)
                self.store.put(wanted.name, wanted.path, wanted.digest)
                count += 1
        return count

    def pull(self, on_object: Callable[[str], None]) -> None:
        """Fetch everything that the record names and this home lacks.

        Raises
        ------
        UnsharedBarsError
            The home has other bars than the store.
        StoreObjectError
            An object is missing or damaged.
        StoreUnreachableError
            The store does not answer or refuses; another pull goes on.
        """
        for symbol in self._shared.symbols():
            on_object(f"bars of {symbol}")
            self._lake.share(symbol)
        for record in self._versions():
            on_object(record.version)
            record.fetch_files()
        for study in self._studies():
            on_object(f"study {study.recipe}")
            for name, digest in study.files.items():
                self.store.fetch_missing(name, digest, self._settings.home / name)

    def objects(self, unlisted: list[StoreObjectError]) -> Iterator[StoredFile]:
        """Yield what the record names; a version whose list of hashes is gone is noted.

        Parameters
        ----------
        unlisted
            Receives an error for each such version.
        """
        home = self._settings.home
        for symbol in self._shared.symbols():
            for name, digest in self._shared.objects(symbol).items():
                yield StoredFile(name, digest, home / name.rpartition("/")[0])
        for record in self._versions():
            try:
                objects = self._stored.objects(record)
            except StoreObjectError as error:
                unlisted.append(error)
                continue
            for name, digest in objects.items():
                yield StoredFile(name, digest, home / name)
        for study in self._studies():
            for name, digest in study.files.items():
                yield StoredFile(name, digest, home / name)

    def orphans(self, at: datetime) -> tuple[str, ...]:
        """Return the keys of old objects that nothing in the record names.

        A writer that was killed leaves such objects. Datasets are not among them: the workers of
        studies remove those.

        Parameters
        ----------
        at
            Aware time, now.

        Raises
        ------
        OtherRecordError
            The record names nothing, or an object that is not there: it may not be that of this
            store, so that nothing can be said about what it does not name.
        StoreObjectError
            A version's list of hashes is missing from the store.
        """
        # listed first: what is stored and named meanwhile is in the record when that is read
        stored = {
            key: written
            for folder in _FOLDERS
            for key, written in self.store.objects(folder).items()
        }
        unlisted: list[StoreObjectError] = []
        named = {object_key(wanted.name, wanted.digest) for wanted in self.objects(unlisted)}
        if unlisted:
            raise unlisted[0]
        missing = sorted(named - stored.keys())
        if missing or not named:
            fault = f"names {missing[0]}, which is not there" if missing else "names nothing in it"
            raise OtherRecordError(self.store.shown_url, fault)
        return tuple(
            sorted(
                key
                for key, written in stored.items()
                if key not in named and written is not None and at - written >= ORPHANED_AFTER
            )
        )

    def prune(self, at: datetime) -> tuple[str, ...]:
        """Remove the orphans; return their keys. See :meth:`orphans`."""
        return tuple(
            key
            for key in self.orphans(at)
            # looked at again: a writer may have stored the same content anew
            if self.store.remove_older(key, at - ORPHANED_AFTER)
        )

    def faults(self) -> Iterator[str]:
        """Yield what is missing from the store or damaged in it, of all that the record names."""
        unlisted: list[StoreObjectError] = []
        for wanted in self.objects(unlisted):
            try:
                self.store.read(wanted.name, wanted.digest)
            except StoreObjectError as error:
                yield str(error)
        yield from map(str, unlisted)

    def _versions(self) -> tuple[VersionRecord, ...]:
        return self._settings.models().versions()

    def _studies(self) -> tuple[EvaluationRecord, ...]:
        return registry.studies.evaluations.evaluations(self._settings.database())
