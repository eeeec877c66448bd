"""The ends of the chains, noted outside the database, so that lost rows are noticed.

Notes are lines of canonical JSON in a text file, appended and never edited: one line, about 200
bytes, for each chain that a unit of work added rows to. A note is made after the database has
committed, so a crash between the two leaves the newest rows without a note, which is no fault. A
note of a row that the database does not have is a fault: rows were cut off, or a backup older than
the ledger was restored.

The file is no proof: whoever can edit both it and the database can make them agree. Against that,
note a head where that person cannot write, such as on paper or in a mail.
"""

from __future__ import annotations

import logging
import mmap
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from ml_core.files import sync
from ml_core.json_values import parse_json
from registry.errors import NothingMissingError, UnsignedChangeError
from registry.tables.base import canonical

log = logging.getLogger(__name__)

_PART_BYTES = 64 * 1024
"""Bytes read at once, some hundred notes; a chain's last note is looked up in the last part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedHead:
    """The end of a chain at a time; ``line`` is the line of the file that it was read from."""

    chain: str
    rows: int
    row_hash: str
    at: datetime
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A noted head whose row exists, but at another place than the note states."""

    head: NotedHead
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Rows that were noted and are gone, and who accepted that, if anybody did.

    Attributes
    ----------
    chain, rows
        Name of the table, such as ``predictions``, and how many of its rows are gone.
    since, until
        Time of the last note before them whose row is still there, None if there is none; and time
        of the last note of them.
    first_hash, last_hash
        The first and the last noted head that is gone.
    by, reason
        Who accepted it, and why; None while nobody has.
    """

    chain: str
    rows: int
    since: datetime | None
    until: datetime
    first_hash: str
    last_hash: str
    by: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        after = f"after {self.since:%Y-%m-%d %H:%M} " if self.since else ""
        return f"{self.rows:,} {self.chain} recorded {after}up to {self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How the notes differ from the database: rows gone, and counts that are wrong."""

    gaps: tuple[Gap, ...]
    miscounts: tuple[Miscount, ...]


@dataclass(frozen=True, slots=True)
class Notes:
    """The file's heads in order; accepted gaps, ``(chain, first, last, by, reason)``; doubts."""

    noted_heads: tuple[NotedHead, ...] = ()
    accepted: tuple[tuple[str, str, str, str, str], ...] = ()
    doubts: tuple[str, ...] = ()

    def compare(
        self, places: Mapping[str, Mapping[str, int | None]], rows: Mapping[str, int]
    ) -> Compared:
        """Compare the notes with the database: what is gone, and which counts are wrong.

        Parameters
        ----------
        places
            By chain, the places of the noted rows that are in it, from 1; None if not counted. A
            chain that this release does not have is left out.
        rows
            The number of rows of each chain.
        """
        gaps: list[Gap] = []
        miscounts: list[Miscount] = []
        by_chain: dict[str, list[NotedHead]] = {}
        for head in self.noted_heads:
            by_chain.setdefault(head.chain, []).append(head)
        for chain in sorted(by_chain.keys() & places.keys()):
            noted, there = by_chain[chain], places[chain]
            gaps += _gaps(noted, there, rows[chain], _accepted(self, noted))
            miscounts += _miscounts(noted, there)
        return Compared(gaps=tuple(gaps), miscounts=tuple(miscounts))


class CheckpointFile:
    """The file in which the ends of the chains are noted.

    Parameters
    ----------
    path
        Path of the file, which the first note creates.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, head: NotedHead) -> None:
        """Append a head; a file that cannot be written to is logged as a warning only."""
        fields = {"chain": head.chain, "rows": head.rows, "head": head.row_hash}
        try:
            self._append({**fields, "at": head.at.astimezone(UTC).isoformat()})
        except OSError as error:
            log.warning("the ledger's head was not noted in %s: %s", self.path, error)

    def latest(self, chain: str) -> NotedHead | None:
        """Return a chain's last note, if it is among the file's last lines."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - _PART_BYTES, 0))
                lines = file.read().split(b"\n")
        except OSError:
            return None
        for line in reversed(lines):
            try:
                note = parse_json(line)
                if note.get("chain") == chain:
                    return _head(note)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # cut short, or damaged: the verification names it
        return None

    def read(self, *, chain: str = "", sealed: Sequence[NotedHead] = ()) -> Notes:
        """Read the notes; a line that cannot be read becomes a doubt, not an error.

        Parameters
        ----------
        chain
            Only the notes of this chain; "" for all.
        sealed
            Heads up to which the chains were compared with the notes before, those of the chain
            that was read first to begin with. They stand in for the notes up to that one's, so
            that a long file takes little more time and memory than its newest part. All are read
            if the file does not have that note, or if it has accepted gaps, which stay listed.
        """
        noted_heads, accepted, doubts = [], [], []
        try:
            begin = self._end_noting(sealed[0].row_hash) if sealed else 0
            for number, line in self._lines(begin, chain.encode()):
                try:
                    note = parse_json(line)
                    if "accepted" in note:
                        names = ("accepted", "first", "last", "by", "reason")
                        accepted.append(tuple(str(note[name]) for name in names))
                    else:
                        noted_heads.append(_head(note, number))
                except (ValueError, TypeError, KeyError):
                    doubts.append(f"{self.path} line {number} cannot be read")
        except FileNotFoundError:
            return Notes(doubts=(f"{self.path} is not there",))
        except OSError as error:
            return Notes(doubts=(f"{self.path} cannot be read ({error})",))
        earlier = sealed if begin else ()
        return Notes((*earlier, *noted_heads), tuple(accepted), tuple(doubts))  # type: ignore[arg-type]

    def _end_noting(self, row_hash: str) -> int:
        """Return the end of the line that notes a row; 0 without one, or with accepted gaps."""
        with self._text() as text:
            noting = text.find(row_hash.encode())
            if noting < 0 or text.find(b'"accepted"') >= 0:
                return 0
            return text.find(b"\n", noting) + 1

    def _lines(self, begin: int = 0, containing: bytes = b"") -> Iterator[tuple[int, bytes]]:
        """Yield lines from a byte on with their numbers, without those that a crash cut short."""
        with self._text() as text:
            number, at = 1 + _count_lines(text, 0, begin), begin
            while at < len(text) and (match := text.find(containing, at)) >= 0:
                if match > at:
                    start = max(text.rfind(b"\n", at, match) + 1, at)
                    number, at = number + _count_lines(text, at, start), start
                end = text.find(b"\n", match)
                line = text[at:] if end < 0 else text[at:end]
                if line and not (line.startswith(b"{") and not line.endswith(b"}")):
                    yield number, line
                number, at = number + 1, at + len(line) + 1

    @contextmanager
    def _text(self) -> Iterator[mmap.mmap | bytes]:
        """Map the file into memory: a long one is searched faster than its lines are read."""
        with self.path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                yield b""
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                yield text

    def accept(self, gaps: Sequence[Gap], *, by: str, reason: str, at: datetime) -> None:
        """Record that a person accepts gaps that nobody has accepted; they stay listed for ever.

        Raises
        ------
        UnsignedChangeError
            ``by`` or ``reason`` is empty.
        NothingMissingError
            There are no such gaps.
        """
        for name, words in (("by", by), ("reason", reason)):
            if not words.strip():
                raise UnsignedChangeError("the ledger's record", name)
        if not gaps:
            raise NothingMissingError(str(self.path))
        for gap in gaps:
            ends = {"accepted": gap.chain, "first": gap.first_hash, "last": gap.last_hash}
            signed = {"by": by, "reason": reason, "at": at.astimezone(UTC).isoformat()}
            self._append({**ends, "rows": gap.rows, **signed})

    def _append(self, line: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        with self.path.open("ab+") as file:
            torn = file.tell() > 0 and _last_byte(file.fileno()) != b"\n"
            # one write, so that two processes' lines do not mix
            file.write((b"\n" if torn else b"") + canonical(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync(self.path.parent)


def _count_lines(text: mmap.mmap | bytes, begin: int, end: int) -> int:
    parts = range(begin, end, _PART_BYTES)
    return sum(text[at : min(at + _PART_BYTES, end)].count(b"\n") for at in parts)


def _last_byte(descriptor: int) -> bytes:
    return os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1)


def _head(values: dict[str, Any], line: int | None = None) -> NotedHead:
    at = datetime.fromisoformat(values["at"])
    return NotedHead(
        chain=str(values["chain"]),
        rows=int(values["rows"]),
        row_hash=str(values["head"]),
        at=at.astimezone(UTC),
        line=line,
    )


def _miscounts(
    noted_heads: list[NotedHead], places: Mapping[str, int | None]
) -> Iterator[Miscount]:
    """Yield the notes whose count is wrong, without those that continue an earlier wrong count."""
    off_before = 0
    for head in noted_heads:
        place = places.get(head.row_hash)
        if place is None:
            continue
        off = head.rows - place
        if off not in (0, off_before):
            yield Miscount(head=head, place=place)
        off_before = off


def _accepted(notes: Notes, noted_heads: list[NotedHead]) -> dict[str, tuple[str, str]]:
    """Return, by a head's hash, who accepted that it is gone, and why."""
    places = {noted_head.row_hash: place for place, noted_head in enumerate(noted_heads)}
    acceptances: dict[str, tuple[str, str]] = {}
    for _, first, last, by, reason in notes.accepted:
        if first in places and last in places:
            for head in noted_heads[places[first] : places[last] + 1]:
                acceptances[head.row_hash] = (by, reason)
    return acceptances


def _gaps(
    noted_heads: list[NotedHead],
    there: Collection[str],
    rows: int,
    accepted: dict[str, tuple[str, str]],
) -> list[Gap]:
    """Group successive heads that are gone, if they were accepted in the same words, into gaps."""

    def kind(head: NotedHead) -> tuple[str, str] | bool:
        return True if head.row_hash in there else accepted.get(head.row_hash, False)

    gaps = []
    stood: NotedHead | None = None
    before: NotedHead | None = None
    for which, run in groupby(noted_heads, key=kind):
        gone = list(run)
        if which is True:
            stood = before = max(gone, key=lambda head: head.rows)
            continue
        if before is not None and gone[0].rows <= before.rows:
            before = stood  # the chain was continued from the rows that remained
        by, reason = which if isinstance(which, tuple) else (None, None)
        most = max(gone, key=lambda head: head.rows)
        kept = before.rows if before else 0
        if gone[-1] is noted_heads[-1] and kept < rows < most.rows:
            kept = rows  # some of the rows that one call added are there
        gaps.append(
            Gap(
                chain=gone[0].chain,
                rows=most.rows - kept,
                since=before.at if before else None,
                until=most.at,
                first_hash=gone[0].row_hash,
                last_hash=gone[-1].row_hash,
                by=by,
                reason=reason,
            )
        )
        before = most
    return gaps
