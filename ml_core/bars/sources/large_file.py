"""Files too large for memory: read in parts, stored on disk by month, imported by month.

A file of more than ``PART_ROWS`` rows is not one batch: each of its months is one, like each month
of a database. Its parts are read one after another, rows of other markets are left out at once,
and the rest is stored in a temporary folder by the month of each bar. Then the months are read
from there, one after another.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml_core.bars.contract import RawBatch, ReadingMethod, SourceError, drop_foreign_rows
from ml_core.bars.sources.kind import NO_TIME, hash_of_rows
from ml_core.files import sha256_of

PART_ROWS = 1_000_000
"""Rows held in memory at once; a file with no more rows is read as a whole."""

MOST_OF_A_MONTH = 5_000_000
"""Maximum rows of one market in a month: its minutes with over a hundred contracts in each."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive rows of a file.

    Attributes
    ----------
    rows
        The rows as in the file.
    before
        Number of rows of the file before them.
    is_whole
        Whether these are all rows of the file.
    """

    rows: pa.Table
    before: int
    is_whole: bool

    def source(self, path: Path) -> str:
        """Return the part's name for errors, which count rows from its beginning."""
        return f"{path} (after row {self.before:,})" if self.before else str(path)


def parts_of(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[Part]:
    """Yield a file's rows in parts of about ``PART_ROWS``; an empty file gives one empty part."""
    gathered: list[pa.RecordBatch] = []
    before = count = 0
    for batch in batches:
        if count >= PART_ROWS:
            yield Part(pa.Table.from_batches(gathered, schema), before, is_whole=False)
            before += count
            gathered, count = [], 0
        gathered.append(batch)
        count += len(batch)
    yield Part(pa.Table.from_batches(gathered, schema), before, is_whole=before == 0)


def whole_or_in_months(
    path: Path,
    parts: Iterator[Part],
    batch_of: Callable[[Part], RawBatch],
    symbol: str,
    pattern: str,
) -> Iterator[RawBatch]:
    """Yield the bars of a file: one batch if it is read at once, otherwise one per month.

    Parameters
    ----------
    path
        The file.
    parts
        Its rows, at least one part.
    batch_of
        Returns the bars of a part; the hash is ignored.
    symbol, pattern
        As for :func:`in_months`.

    Raises
    ------
    SourceError
        A month has more rows than any market.
    """
    first = next(parts)
    if first.is_whole:
        yield replace(batch_of(first), content_hash=sha256_of(path))
        return
    both = itertools.chain([first], parts)
    del first  # so that it is not held in memory to the end
    yield from in_months(path, map(batch_of, both), symbol, pattern)


def in_months(
    path: Path, parts: Iterable[RawBatch], symbol: str, pattern: str
) -> Iterator[RawBatch]:
    """Yield the bars of a file that was read in parts, one batch per month.

    Parameters
    ----------
    path
        The file.
    parts
        Its bars, in order; hashes and names are ignored.
    symbol, pattern
        The market's, as for ``outrights_of``: other rows are counted and left out.

    Raises
    ------
    SourceError
        A month has more rows than any market.
    """
    origin = sha256_of(path)
    dropped: Counter[str] = Counter()
    how: dict[ReadingMethod, None] = {}
    with tempfile.TemporaryDirectory(prefix="orbcast-months-") as folder:
        months = _Months(Path(folder), path)
        last = None
        for part in parts:
            last = drop_foreign_rows(part, symbol, pattern)[0]
            dropped.update(last.dropped)
            how |= dict.fromkeys(last.how)
            months.add(last.table)
        if last is None:
            return
        model = replace(
            last, table=last.table.slice(0, 0), origin=origin, part_of=str(path), how=tuple(how)
        )
        for name, rows in months.read(model.table):
            yield replace(
                model,
                name=f"{path.name}:{name}" if name else path.name,
                content_hash=hash_of_rows(rows),
                table=rows,
                dropped=dict(dropped),
            )
            dropped.clear()  # reported once, with the first month


class _Months:
    """Rows on disk, by month."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path
        self._counts: Counter[str] = Counter()
        self._number = itertools.count()

    def add(self, rows: pa.Table) -> None:
        """Add rows, in their order."""
        stamps = rows["ts"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
        names, codes = np.unique(stamps, return_inverse=True)
        for code, month in enumerate(names):
            name = NO_TIME if np.isnat(month) else str(month)
            own = rows.filter(pa.array(codes == code))
            self._counts[name] += len(own)
            if self._counts[name] > MOST_OF_A_MONTH:
                fault = f"has more than {MOST_OF_A_MONTH:,} rows of {name}"
                remedy = "name a file of 1-minute bars, of this market alone or with its column "
                remedy += "of symbols (--column symbol=...)"
                raise SourceError(str(self._path), fault, remedy)
            place = self._folder / name
            place.mkdir(exist_ok=True)
            file = place / f"{next(self._number):08d}.arrow"
            with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, own.schema) as writer:
                writer.write_table(own)

    def read(self, empty: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Yield each month's name and rows; without any rows, ``empty`` with an empty name."""
        if not self._counts:
            yield "", empty
        for name in sorted(self._counts):
            parts = []
            for file in sorted((self._folder / name).iterdir()):
                with pa.OSFile(str(file), "rb") as content:
                    parts.append(pa.ipc.open_file(content).read_all())
            yield name, pa.concat_tables(parts)
