"""Atomic file writes, and hashes of files."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

TEMPORARY = ".tmp-"
"""Prefix of files being written: an old file with it was left by a killed process."""


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``, renamed to it if the block succeeds.

    The content is on disk before the name is, and the name before this returns; so a crash leaves
    the old file or the new one, never part of one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "note.txt"
    ...     with written_atomically(target) as temporary:
    ...         _ = temporary.write_text("whole")
    ...     target.read_text()
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}"
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_older(newest: Path, kept: timedelta) -> None:
    """Remove the files of its kind beside the one just written, if older by more than ``kept``.

    Both ages are by the clock of the disk, which may differ from that of this machine.
    """
    oldest = newest.stat().st_mtime - kept.total_seconds()
    for path in newest.parent.glob(f"*{newest.suffix}"):
        with suppress(FileNotFoundError):  # another process may remove it too
            if path.stat().st_mtime < oldest:
                path.unlink()


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means a full disk, which is not an error of the file read."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_code(root: Path) -> str:
    """Return the SHA-256 of a package's Python files, by name and content, hex.

    Parameters
    ----------
    root
        The package's ``__init__.py``, whose folder is read, or a module's own file.
    """
    files = sorted(root.parent.rglob("*.py")) if root.name == "__init__.py" else [root]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root.parent)} {sha256_of(path)}\n".encode())
    return digest.hexdigest()
