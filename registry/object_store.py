"""A store of objects at a URL, such as a bucket: immutable files, named by path and content.

An object's key is ``<prefix>/<path>/<SHA-256>``, the path that of the file below the home. So the
same file is the same object, writers at the same time cannot get in each other's way, and what is
read is verified by its name. Which objects are in force is for the database to say: it is written
after they are there.

S3 and Google Cloud Storage are reached by pyarrow, any other protocol of fsspec by the package
that implements it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ml_core.errors import InputError, OperatorError, TransientError
from ml_core.files import written_atomically
from ml_core.on_demand import library
from ml_core.secrets import masked

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

arrow_fs = library("pyarrow.fs")
fsspec = library("fsspec")

ORPHANED_AFTER = timedelta(days=7)
"""Age from which an object that nothing names was left by a killed writer."""

_WRITTEN_AGAIN = ORPHANED_AFTER / 2
_BY_PYARROW = ("s3", "gs", "gcs", "file")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


class StoreUrlError(InputError):
    """Error for a store's URL that cannot be used."""

    url: str
    fault: str
    template = (
        "ORBCAST_STORE={url} cannot be used ({fault}); write one like s3://bucket/prefix, "
        "gs://bucket/prefix or file:///folder"
    )


class StoreUnreachableError(TransientError):
    """Error for a store that did not do what it was asked to."""

    url: str
    fault: str
    template = (
        "the store {url} cannot be used now ({fault}); try again, and if it stays so, check that "
        "it runs, its credentials in this process's environment, and their permissions"
    )


class StoreObjectError(OperatorError):
    """Error for an object that is missing from the store or damaged in it."""

    url: str
    key: str
    fault: str
    template = (
        "the object {key} of the store {url} {fault}; `orbcast store push` on a machine whose "
        "home has the file puts it there anew"
    )


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A store at a URL; it is reached at the first use.

    Attributes
    ----------
    url
        Its URL, which may hold credentials and is not shown.
    """

    url: str = field(repr=False)

    @property
    def shown_url(self) -> str:
        """The URL without credentials and options."""
        without_options = masked(self.url).partition("?")[0]
        return without_options if _SCHEME.match(without_options) else "(not shown)"

    def put(self, name: str, path: Path, digest: str) -> bool:
        """Store a file unless it is there; return whether it was stored.

        One that was stored days ago is written again, so that a prune does not take it for one
        that a killed writer left.

        Parameters
        ----------
        name
            Its path below the home, with ``/``.
        path
            The file.
        digest
            SHA-256 of its content, hex.

        Raises
        ------
        StoreUnreachableError
            The store does not answer or refuses, or the file was changed meanwhile.
        """
        key, content = object_key(name, digest), path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreUnreachableError(self.shown_url, f"{path} was changed meanwhile")
        with self._reached() as (system, prefix):
            stored = _stored(system, f"{prefix}/{key}")
            there = stored is not None and stored.size == len(content)
            written = stored.mtime if stored is not None else None
            if not there or (written and datetime.now(UTC) - written > _WRITTEN_AGAIN):
                _write(system, f"{prefix}/{key}", content)
        return not there

    def read(self, name: str, digest: str) -> bytes:
        """Return the content of an object, verified.

        Raises
        ------
        StoreObjectError
            It is missing or damaged.
        StoreUnreachableError
            The store does not answer or refuses.
        """
        key = object_key(name, digest)
        with self._reached() as (system, prefix):
            try:
                with system.open_input_file(f"{prefix}/{key}") as file:
                    content: bytes = file.read()
            except FileNotFoundError:
                raise StoreObjectError(self.shown_url, key, "is missing") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreObjectError(self.shown_url, key, "is damaged")
        return content

    def fetch(self, name: str, digest: str, path: Path) -> None:
        """Write an object's content to a file, verified and in one step.

        Raises
        ------
        StoreObjectError
            It is missing or damaged.
        StoreUnreachableError
            The store does not answer or refuses.
        """
        content = self.read(name, digest)
        with written_atomically(path) as temporary:
            temporary.write_bytes(content)

    def fetch_missing(self, name: str, digest: str, path: Path) -> None:
        """Fetch an object as :meth:`fetch` does, unless there is a file already."""
        if not path.exists():
            self.fetch(name, digest, path)

    def remove(self, name: str, digest: str) -> None:
        """Remove an object, if it is there.

        Raises
        ------
        StoreUnreachableError
            The store does not answer or refuses.
        """
        with self._reached() as (system, prefix), suppress(FileNotFoundError):
            system.delete_file(f"{prefix}/{object_key(name, digest)}")

    def remove_older(self, key: str, before: datetime) -> bool:
        """Remove an object that was last written before an aware time; return whether it was.

        Raises
        ------
        StoreUnreachableError
            The store does not answer or refuses.
        """
        with self._reached() as (system, prefix):
            stored = _stored(system, f"{prefix}/{key}")
            if stored is None or not stored.mtime or stored.mtime >= before:
                return False
            system.delete_file(f"{prefix}/{key}")
            return True

    def objects(self, name: str) -> dict[str, datetime | None]:
        """Return the keys below a path, and when each object was written, aware.

        Raises
        ------
        StoreUnreachableError
            The store does not answer or refuses.
        """
        with self._reached() as (system, prefix):
            below = arrow_fs.FileSelector(f"{prefix}/{name}", allow_not_found=True, recursive=True)
            return {
                info.path.removeprefix(f"{prefix}/"): info.mtime
                for info in system.get_file_info(below)
                if info.type == arrow_fs.FileType.File
            }

    @contextmanager
    def _reached(self) -> Iterator[tuple[FileSystem, str]]:
        """Yield the file system and the prefix in it; name the store in every error."""
        system, prefix = _opened(self.url, self.shown_url)
        try:
            yield system, prefix
        except (StoreObjectError, StoreUnreachableError):
            raise
        except Exception as error:  # noqa: BLE001 - each file system has errors of its own
            # without its cause, which may quote credentials
            raise StoreUnreachableError(self.shown_url, _words(error)) from None


def object_key(name: str, digest: str) -> str:
    """Return the key of an object: its path in the store, and the hash of its content."""
    return f"{name}/{digest}"


def _stored(system: FileSystem, key: str) -> FileInfo | None:
    (info,) = system.get_file_info([key])
    return info if info.type == arrow_fs.FileType.File else None


def _write(system: FileSystem, key: str, content: bytes) -> None:
    """Write an object whole; a file system of files gets it in one step."""
    if system.type_name == "local":
        with written_atomically(Path(key)) as temporary:
            temporary.write_bytes(content)
        return
    if not system.type_name.startswith(("s3", "gcs")):
        system.create_dir(key.rpartition("/")[0], recursive=True)
    with system.open_output_stream(key) as stream:
        stream.write(content)


@lru_cache(maxsize=4)
def _opened(url: str, shown_url: str) -> tuple[FileSystem, str]:
    match = _SCHEME.match(url)
    if not match:
        raise StoreUrlError(shown_url, "it has no protocol")
    try:
        if match[1] in _BY_PYARROW:
            system, prefix = arrow_fs.FileSystem.from_uri(url)
        else:
            other, prefix = fsspec.core.url_to_fs(url)
            system = arrow_fs.PyFileSystem(arrow_fs.FSSpecHandler(other))
    except OSError as error:  # the region of a bucket is asked for
        raise StoreUnreachableError(shown_url, _words(error)) from None
    except Exception as error:  # noqa: BLE001 - likewise
        raise StoreUrlError(shown_url, _words(error)) from None
    prefix = prefix.rstrip("/")
    if not prefix.strip("/"):
        raise StoreUrlError(shown_url, "it names no folder or bucket")
    return system, prefix


def _words(error: Exception) -> str:
    """Return an error's first line, without secrets."""
    return masked((str(error).splitlines() or [""])[0] or type(error).__name__)
