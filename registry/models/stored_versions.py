"""The files of model versions in a store, which every machine fetches at the first use."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ml_core.learning.version_folder import SUMS, hashes_of, listed_in
from registry.models.version_files import publish
from registry.models.versions import VersionRecord
from registry.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class StoredVersions:
    """The versions in a store, and the folder below which a machine has them.

    Attributes
    ----------
    store, root
        The store, and the folder; a version's files have the same place below both.
    """

    store: ObjectStore
    root: Path

    def push(self, folder: Path, sums_hash: str) -> int:
        """Store a version's files, its list of hashes last; return how many were not there.

        Raises
        ------
        StoreUnreachableError
            The store does not answer or refuses.
        BundleCorruptError
            The list of hashes cannot be read.
        """
        files = self._names(folder, {**listed_in(folder), SUMS: sums_hash})
        return sum(
            self.store.put(name, folder / name.rpartition("/")[2], digest)
            for name, digest in files.items()
        )

    def fetch(self, record: VersionRecord) -> None:
        """Fetch a version's files; the folder appears whole, and verified.

        Raises
        ------
        StoreObjectError
            A file is missing or damaged in the store.
        StoreUnreachableError
            The store does not answer or refuses.
        """
        objects = self.objects(record)
        sums = self._sums(record)

        def write(incoming: Path) -> None:
            for name, digest in objects.items():
                file = incoming / name.rpartition("/")[2]
                if file.name == SUMS:
                    file.write_bytes(sums)
                else:
                    self.store.fetch(name, digest, file)

        publish(record.path, write)

    def objects(self, record: VersionRecord) -> dict[str, str]:
        """Return the name and content hash of each object of a version.

        A name is the file's path below the home.

        Raises
        ------
        StoreObjectError, StoreUnreachableError
            The list of hashes is not here, and cannot be read from the store.
        """
        listed = {**hashes_of(self._sums(record).decode()), SUMS: record.sums_hash}
        return self._names(record.path, listed)

    def _sums(self, record: VersionRecord) -> bytes:
        """Return a version's list of hashes, from the store if it is not here as registered."""
        with suppress(OSError):
            sums = (record.path / SUMS).read_bytes()
            if hashlib.sha256(sums).hexdigest() == record.sums_hash:
                return sums
        (name,) = self._names(record.path, {SUMS: record.sums_hash})
        return self.store.read(name, record.sums_hash)

    def _names(self, folder: Path, files: dict[str, str]) -> dict[str, str]:
        place = folder.relative_to(self.root).as_posix()
        return {f"models/{place}/{file}": digest for file, digest in files.items()}
