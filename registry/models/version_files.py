"""The folder of a model version: published in one step, hashed, checked against its hashes."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
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
    incoming = folder.parent / f"{_INCOMING}{folder.name}-{secrets.token_hex(4)}"
    incoming.mkdir(parents=True)
    try:
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
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def sweep(root: Path, now: datetime, older_than: timedelta) -> int:
    """Remove half-written folders below a root that killed runs left; return how many.

    Younger ones may still be written by another process, and stay.
    """
    removed = 0
    for folder in root.glob(f"*/*/{_INCOMING}*"):
        if now.timestamp() - folder.stat().st_mtime > older_than.total_seconds():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


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
