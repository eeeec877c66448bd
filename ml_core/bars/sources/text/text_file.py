"""Text files as downloaded: packed, in encodings other than UTF-8, or with broken lines."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.packed_size import BoundedReader
from ml_core.files import is_disk_full

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GLOB = set("*?[")
_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"

LONGEST_LINE = 10_000
"""Maximum length of a line in bytes: a megabyte of digits takes minutes to read."""

TOO_LONG = "(a line too long for a bar)"
"""Replaces a longer line in the copy, so that it is set aside and line numbers stay right."""

_CHUNK = 1 << 24


@contextmanager
def plain_text(path: Path) -> Iterator[Path]:
    """Yield the file itself if it is plain UTF-8, otherwise a converted copy.

    In the copy, a line above ``LONGEST_LINE`` bytes is ``TOO_LONG``, and bytes that are not UTF-8
    are replaced, so that they spoil only their own row.

    Raises
    ------
    SourceError
        It is damaged, not text, locked with a password, an archive that does not hold exactly one
        text file, or unpacks to more than any file of bars of its size.
    """
    with tempfile.TemporaryDirectory(prefix="orbcast-text-") as folder:
        text = _readable(path, Path(folder) / "bars.csv")
        shape = _shape(text)
        if not shape.is_utf8:
            text = _with_unknown_letters(text, Path(folder) / "letters.csv")
            shape = _shape(text)
        yield _with_short_lines(text, Path(folder) / "short.csv") if shape.has_long_line else text


def first_line(path: Path) -> str:
    """Return the first line of a file from ``plain_text``."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline()


def _readable(path: Path, copy: Path) -> Path:
    _refuse_other_kinds(path)
    is_packed = _is_gzip(path) or _is_zip(path)
    with refusing_damage(path):
        with _opened(path) as file:
            encoding = _encoding(file.read(4))
        if encoding == "utf-8" and not is_packed and not _GLOB & set(str(path)):
            return path
        with _opened(path) as file, copy.open("wb") as out:
            if encoding == "utf-8":
                shutil.copyfileobj(file, out)
            else:
                text = io.TextIOWrapper(file, encoding, newline="")
                shutil.copyfileobj(text, codecs.getwriter("utf-8")(out))
    return copy


def _refuse_other_kinds(path: Path) -> None:
    """Refuse a file whose first bytes show that it is not text, unless it can be unpacked."""
    with refusing_damage(path), path.open("rb") as file:
        start = file.read(4)
    if start == _PARQUET:
        raise SourceError(str(path), "is a Parquet file", "give --source parquet")
    if start == _ZIP and not _is_zip(path):
        fault = "is a packed file, such as a workbook of Excel"
        raise SourceError(str(path), fault, "save it as CSV, or unpack it")


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


_DAMAGE = (
    OSError,
    EOFError,
    UnicodeError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    NotImplementedError,  # a compression that Python does not support, or an invalid one
    OverflowError,
)


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Raise a ``SourceError`` that names the file if its content cannot be read as text."""
    try:
        yield
    except _DAMAGE as error:
        if is_disk_full(error):
            raise
        remedy = "download it again; it is damaged, or no text"
        raise SourceError(str(path), f"cannot be read as text ({error})", remedy) from error


class _Shape(NamedTuple):
    """Whether a file is all UTF-8, and whether a line is above ``LONGEST_LINE``."""

    is_utf8: bool
    has_long_line: bool


def _shape(path: Path) -> _Shape:
    """Inspect a file, at the speed of reading it once."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, has_long_line, length = True, False, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
            ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))
            edges = np.concatenate(([-1 - length], ends, [len(chunk)]))
            has_long_line |= bool(np.diff(edges).max() - 1 > LONGEST_LINE)
            length = len(chunk) - int(edges[-2]) - 1
    return _Shape(is_utf8 and _decodes(decoder, b"", final=True), has_long_line)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _with_unknown_letters(path: Path, copy: Path) -> Path:
    with (
        path.open(encoding="utf-8", errors="replace", newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as out,
    ):
        shutil.copyfileobj(file, out, _CHUNK)
    return copy


def _with_short_lines(path: Path, copy: Path) -> Path:
    with path.open("rb") as file, copy.open("wb") as out:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
                out.write(line)
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(_CHUNK)
            out.write(TOO_LONG.encode() + b"\n")
    return copy


def _encoding(start: bytes) -> str:
    """Return the encoding that the first bytes of a text indicate."""
    if start.startswith(_UTF16_MARKS):
        return "utf-16"
    if len(start) > 1 and 0 in start[:2]:
        return "utf-16-be" if start[0] == 0 else "utf-16-le"
    return "utf-8"


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if _is_gzip(path):
        with gzip.open(path, "rb") as file:
            yield io.BufferedReader(BoundedReader(file, path), _CHUNK)
    elif _is_zip(path):
        with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as member:
            yield io.BufferedReader(BoundedReader(member, path), _CHUNK)
    else:
        with path.open("rb") as file:
            yield file


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of an archive's only file of bars: its only .csv, else its only .txt."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    for ending in (".csv", ".txt"):
        texts = [name for name in names if name.lower().endswith(ending)]
        if len(texts) == 1:
            if archive.getinfo(texts[0]).flag_bits & 1:
                raise SourceError(str(path), "is locked with a password", "unpack it first")
            return texts[0]
        if texts:
            break
    fault = f"holds {len(names)} files ({', '.join(names[:3])}), not one text file of bars"
    raise SourceError(str(path), fault, "unpack it, and name the file or its folder")
