"""Text files as they are downloaded: packed, or in another encoding than UTF-8."""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ml_core.bars.contract import SourceError

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GLOB = set("*?[")


@contextmanager
def plain_text(path: Path) -> Iterator[Path]:
    """Yield the file itself where it is plain UTF-8, else such a copy of it.

    Raises
    ------
    SourceError
        It is damaged, locked with a password, or an archive without exactly one text file.
    """
    with tempfile.TemporaryDirectory(prefix="orbcast-text-") as folder:
        yield _readable(path, Path(folder) / "bars.csv")


def first_line(path: Path) -> str:
    """Return the first line of a file that ``plain_text`` yielded."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline()


def _readable(path: Path, copy: Path) -> Path:
    is_packed = path.suffix in {".gz", ".zip"}
    try:
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
    except (OSError, EOFError, UnicodeError, zlib.error, zipfile.BadZipFile) as error:
        remedy = "download it again; it is damaged, or no text"
        raise SourceError(str(path), f"cannot be read as text ({error})", remedy) from error
    return copy


def _encoding(start: bytes) -> str:
    """Return the encoding that the first bytes of a text show."""
    if start.startswith(_UTF16_MARKS):
        return "utf-16"
    if len(start) > 1 and 0 in start[:2]:
        return "utf-16-be" if start[0] == 0 else "utf-16-le"
    return "utf-8"


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile reads bytes, though typeshed has no IO
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as member:
            yield member
    else:
        with path.open("rb") as file:
            yield file


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of an archive's one file of bars: its only .csv, else its only .txt."""
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
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
