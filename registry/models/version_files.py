"""The folder of a model version: published in one step and verified by hashes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_core.files import sync
from ml_core.learning.version_folder import (
    SUMS,
    BundleCorruptError,
    damage,
    market_hash_of,
    name_of,
    reading,
    recipe_of,
)

_INCOMING = ".incoming-"


def publish(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a version to a temporary folder, sync it, and rename the folder in one step.

    Parameters
    ----------
    folder
        Final folder of the version.
    write
        Writes the files, SHA256SUMS last, into the empty folder that it receives.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    with _incoming(folder) as incoming:
        write(incoming)
        for path in incoming.iterdir():
            sync(path)
        sync(incoming)
        try:
            incoming.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            return  # another process published this version first; its files are checked next
        sync(folder.parent)


def sweep(model: Path) -> int:
    """Remove a model's half-written folders left by killed processes; return their number.

    Folders that are still being written are locked by their processes, and are kept.
    """
    return sum(_removed(left) for left in model.glob(f"{_INCOMING}*"))


@contextmanager
def _incoming(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside another, locked by this process and removed afterwards."""
    held = None
    while held is None:  # a sweep may have removed it before it was locked
        path = folder.parent / f"{_INCOMING}{folder.name}-{secrets.token_hex(4)}"
        path.mkdir(parents=True)
        held = _hold(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def _hold(path: Path) -> int | None:
    """Lock a folder while this process lives; None if another process has it, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            return descriptor
    os.close(descriptor)
    return None


def _removed(left: Path) -> bool:
    """Remove a half-written folder unless a process has it locked; return whether it did."""
    held = _hold(left)
    if held is None:
        return False
    shutil.rmtree(left, ignore_errors=True)
    os.close(held)
    return True


def sums_hash_of(folder: Path) -> str:
    """Return the SHA-256, as hex, of a version's list of hashes."""
    with reading(folder, SUMS) as path:
        return hashlib.sha256(path.read_bytes()).hexdigest()


def name_faults_of(folder: Path, recipe_hash: str) -> tuple[str, ...]:
    """Return where a version's files contradict its row about its name and recipe.

    Parameters
    ----------
    folder
        The version's folder, named after it, in which :func:`faults_of` found no fault.
    recipe_hash
        The recipe hash in the version's row.
    """
    try:
        name, recipe = name_of(folder), recipe_of(folder).hash
    except BundleCorruptError as error:
        return (f"its name cannot be computed: {error.file} {error.fault}",)
    faults = []
    if name != folder.name:
        faults.append(f"its files give it the name {name}")
    if recipe != recipe_hash:
        faults.append("its row names another recipe than its files")
    return tuple(faults)


def faults_of(folder: Path, sums_hash: str = "", market_hash: str = "") -> tuple[str, ...]:
    """Return the faults of a version's files; empty if they are those that were registered.

    Parameters
    ----------
    folder
        The version's folder.
    sums_hash, market_hash
        The hashes in the version's row; "" is not compared.
    """
    if not os.path.lexists(folder):
        return (f"{folder} is missing",)
    faults = damage(folder)
    try:
        if sums_hash and sums_hash_of(folder) != sums_hash:
            faults = [f"{SUMS} is not the one registered", *faults]
        named = market_hash_of(folder) if not faults and market_hash else ""
    except BundleCorruptError as error:
        return tuple(faults) or (f"{error.file} {error.fault}",)
    if named not in {"", market_hash}:
        faults = ["its row names another market definition than its files"]
    return tuple(faults)
