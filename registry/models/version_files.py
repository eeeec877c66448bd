"""The folder of a model version: published in one step, hashed, checked against its hashes."""

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
    """Write a version beside its folder, sync it, and give the folder its name in one step.

    Parameters
    ----------
    folder
        Where the version is to be.
    write
        Writes the files, SHA256SUMS last, into the empty folder it is given.

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
            return  # another process published the same version first; its files are checked next
        sync(folder.parent)


def sweep(model: Path) -> int:
    """Remove the half-written folders that killed processes left of a model; return how many.

    Those that are being written are held by the processes that write them, and stay.
    """
    return sum(_removed(left) for left in model.glob(f"{_INCOMING}*"))


@contextmanager
def _incoming(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside one, held by this process and gone afterwards."""
    held = None
    while held is None:  # a sweep may have come between making it and holding it
        path = folder.parent / f"{_INCOMING}{folder.name}-{secrets.token_hex(4)}"
        path.mkdir(parents=True)
        held = _hold(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def _hold(path: Path) -> int | None:
    """Hold a folder while this process lives; None where another one does, or it is gone."""
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
    """Remove a half-written folder that no process holds; return whether it did."""
    held = _hold(left)
    if held is None:
        return False
    shutil.rmtree(left, ignore_errors=True)
    os.close(held)
    return True


def sums_hash_of(folder: Path) -> str:
    """Return the SHA-256, hex, of a version's list of hashes."""
    with reading(folder, SUMS) as path:
        return hashlib.sha256(path.read_bytes()).hexdigest()


def name_faults_of(folder: Path, recipe_hash: str) -> tuple[str, ...]:
    """Name what a version's files say of its name and recipe that its row does not.

    Parameters
    ----------
    folder
        The version's folder, which has its name; whole, as :func:`faults_of` finds.
    recipe_hash
        What the row of the version says.
    """
    try:
        name, recipe = name_of(folder), recipe_of(folder).hash
    except BundleCorruptError as error:
        return (f"its name cannot be worked out: {error.file} {error.fault}",)
    faults = []
    if name != folder.name:
        faults.append(f"its files give it the name {name}")
    if recipe != recipe_hash:
        faults.append("its row names another recipe than its files")
    return tuple(faults)


def faults_of(folder: Path, sums_hash: str = "", market_hash: str = "") -> tuple[str, ...]:
    """Name what is wrong with a version's files; empty when they are what was registered.

    Parameters
    ----------
    folder
        The version's folder.
    sums_hash, market_hash
        What the row of the version says; "" is held against nothing.
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
