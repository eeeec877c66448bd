"""How much a packed file may hold: a few bytes can unpack to more than memory or a disk has."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ml_core.bars.contract import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ALWAYS = 256 * 1024**2
"""Bytes that any packed file may hold."""

TIMES = 100
"""How many times its own size it may hold beyond that; bars come to less than 30 times."""


def most_unpacked(path: Path) -> int:
    """Return how many bytes a packed file may hold."""
    return max(ALWAYS, TIMES * path.stat().st_size)


def refuse_size(path: Path, size: int) -> None:
    """Refuse a packed file that holds more than any file of bars of its size does.

    Raises
    ------
    SourceError
        ``size`` bytes are too many.
    """
    limit = most_unpacked(path)
    if size > limit:
        fault = f"unpacks to more than {limit / 1024**2:,.0f} MB, {TIMES} times its own size"
        raise SourceError(
            str(path), fault, "no bars do: unpack it yourself if it is what you want"
        )


class Readable(Protocol):
    """What gives bytes as they are asked for."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, ``size`` at most; none at the end."""


class BoundedReader(io.RawIOBase):
    """What a packed file unpacks to, up to the size that it may have.

    Parameters
    ----------
    file
        Reads the unpacked bytes.
    path
        The packed file, named in the error.
    """

    def __init__(self, file: Readable, path: Path) -> None:
        self._file, self._path = file, path
        self._count, self._limit = 0, most_unpacked(path)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read the next bytes.

        Raises
        ------
        SourceError
            There are too many.
        """
        place = memoryview(buffer).cast("B")
        content = self._file.read(len(place))
        place[: len(content)] = content
        self._count += len(content)
        if self._count > self._limit:
            refuse_size(self._path, self._count)
        return len(content)
