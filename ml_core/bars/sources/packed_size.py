"""Limits the size of unpacked files: a few bytes can unpack to more than a disk holds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ml_core.bars.contract import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ALWAYS = 256 * 1024**2
"""Bytes that any packed file may unpack to."""

TIMES = 100
"""Multiple of its own size that it may unpack to beyond that; bars need less than 30 times."""


def most_unpacked(path: Path) -> int:
    """Return the maximum number of bytes that a packed file may unpack to."""
    return max(ALWAYS, TIMES * path.stat().st_size)


def refuse_size(path: Path, size: int) -> None:
    """Refuse a packed file that unpacks to more than any file of bars of its size.

    Raises
    ------
    SourceError
        ``size`` exceeds the limit.
    """
    limit = most_unpacked(path)
    if size > limit:
        fault = f"unpacks to more than {limit / 1024**2:,.0f} MB, {TIMES} times its own size"
        raise SourceError(
            str(path), fault, "bars never compress that much: unpack it yourself if you need it"
        )


class Readable(Protocol):
    """An object to read bytes from."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` of the next bytes; none at the end."""


class BoundedReader(io.RawIOBase):
    """A reader of a packed file's content, up to the allowed size.

    Parameters
    ----------
    file
        Source of the unpacked bytes.
    path
        The packed file, for the error message.
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
            The content exceeds the limit.
        """
        place = memoryview(buffer).cast("B")
        content = self._file.read(len(place))
        place[: len(content)] = content
        self._count += len(content)
        if self._count > self._limit:
            refuse_size(self._path, self._count)
        return len(content)
