"""Check that the record is as it was written: verify every chain, compare the noted heads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from registry import tables
from registry.chains.beginnings import Beginning, beginnings_in
from registry.chains.chain import BEGINNING, Chain, Head, Walk, chain_of
from registry.chains.chain_checkpoints import (
    CheckpointFile,
    Compared,
    Gap,
    Miscount,
    NotedHead,
    Notes,
)
from registry.database import Database
from registry.ledger.sealed_checkpoints import SEALS, Seal, latest_seal, write_seal
from registry.tables.base import UnreadableValueError
from registry.tables.ledger import OutcomeRow, PredictionRow

PREDICTIONS = chain_of(PredictionRow)
OUTCOMES = chain_of(OutcomeRow)


@cache
def chains() -> dict[str, Chain]:
    """Return the chain of every chained table, by the table's name."""
    return {table.__tablename__: chain_of(table) for table in tables.every.chained_tables()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Result of the verification of all chains.

    Attributes
    ----------
    faults
        Edited, missing or moved rows and noted heads, one line each, with table and row; empty if
        everything is as it was written.
    gaps
        Missing rows that somebody accepted and signed for; they stay listed and are not faults.
    doubts
        What could not be checked, such as a missing file of noted heads.
    unnoted_rows
        Number of rows at each chain's end that no noted head covers yet; only tables with some.
    ends
        The ends of the chains, by table.
    revisions
        Number of outcomes that replaced an earlier one.
    beginnings
        Rows that an upgrade chained without proof of how they were before, by table.
    since
        The sealed checkpoint at which the verification of the chains began: later edits of rows
        before it are not found. None if all rows were verified.
    """

    faults: tuple[str, ...]
    gaps: tuple[Gap, ...]
    doubts: tuple[str, ...]
    unnoted_rows: dict[str, int]
    ends: dict[str, Head]
    revisions: int
    beginnings: tuple[Beginning, ...]
    since: Seal | None = None

    @property
    def unnoted(self) -> int:
        """Number of rows in all tables that no noted head covers yet."""
        return sum(self.unnoted_rows.values())

    @property
    def predictions(self) -> Head:
        """The end of the predictions' chain."""
        return self.ends["predictions"]

    @property
    def outcomes(self) -> Head:
        """The end of the outcomes' chain."""
        return self.ends["outcomes"]


def chain_faults(database: Database) -> tuple[str, ...]:
    """Return a fault for each edited, missing or moved row of any chained table."""
    return tuple(fault for name in chains() for fault in _walk(database, name).faults)


def _walk(
    database: Database, name: str, after: Head = BEGINNING, wanted: Collection[str] = ()
) -> Walk:
    """Walk a chain; a table that cannot be read is a fault."""
    try:
        with database.reading() as session:
            return chains()[name].walk(session, after, wanted)
    except DBAPIError as error:
        fault = f"{name} cannot be read ({' '.join(str(error.orig).split())})"
    except UnreadableValueError as error:
        fault = f"{name} has a row that cannot be read: {error.begins!r} ({error.fault})"
    # its notes are not compared: the fault says enough
    return Walk(faults=(fault,), end=BEGINNING, places=dict.fromkeys(wanted))


def _walks(
    database: Database, notes: Notes, beginnings: Iterable[Beginning], since: Seal | None
) -> dict[str, Walk]:
    """Walk all chains and look up the noted rows and those of beginnings on the way."""
    wanted: dict[str, set[str]] = {name: set() for name in chains()}
    for head in notes.noted_heads:
        # a later release may have noted a table that this one does not have
        wanted.get(head.chain, set()).add(head.row_hash)
    for begun in beginnings:
        wanted.get(begun.table_name, set()).add(begun.last_hash)
    sealed = since.ends if since else {}
    return {
        name: _walk(database, name, sealed.get(name, BEGINNING), hashes)
        for name, hashes in wanted.items()
    }


def _heads_of(since: Seal | None) -> list[NotedHead]:
    """Return the sealed ends in the order in which the chains are walked.

    What was noted before the first one's note was in the database when the others were walked.
    """
    if since is None:
        return []
    return [
        NotedHead(chain=name, rows=end.rows, row_hash=end.row_hash, at=since.at)
        for name in chains()
        if (end := since.ends.get(name, BEGINNING)).rows
    ]


def _compared(notes: Notes, walks: Mapping[str, Walk]) -> Compared:
    return notes.compare(
        {name: walk.places for name, walk in walks.items()},
        {name: walk.end.rows for name, walk in walks.items()},
    )


def unaccepted_gaps(database: Database) -> tuple[Gap, ...]:
    """Return the noted rows that are missing, in gaps that nobody has accepted yet."""
    if database.checkpoints is None:
        return ()
    notes = database.checkpoints.read()
    compared = _compared(notes, _walks(database, notes, (), None))
    return tuple(gap for gap in compared.gaps if gap.by is None)


def seal_of(database: Database) -> Seal | None:
    """Return the last sealed checkpoint that may be relied on; None if there is none."""
    if database.checkpoints is None:
        return None
    notes = database.checkpoints.read(chain=SEALS.name)
    noted = {head.row_hash for head in notes.noted_heads if head.chain == SEALS.name}
    try:
        with database.reading() as session:
            return latest_seal(session, noted) if noted else None
    except DBAPIError:
        return None


def verify(database: Database, since: Seal | None = None) -> Verification:
    """Verify all chains, and compare them with the checkpoints noted outside the database.

    Parameters
    ----------
    database
        The database of the chains.
    since
        A sealed checkpoint to begin at, see :func:`seal_of`; None verifies all rows.
    """
    checkpoints = database.checkpoints
    # notes are read first: a row noted meanwhile is in the database when that is read
    notes = checkpoints.read(sealed=_heads_of(since)) if checkpoints is not None else Notes()
    later = select(func.count()).select_from(OutcomeRow).where(OutcomeRow.revision > 0)
    with database.reading() as session:
        revisions = session.scalar(later) or 0
        beginnings = beginnings_in(session)
    walks = _walks(database, notes, beginnings, since)
    compared = _compared(notes, walks)
    noted = {head.chain: head.rows for head in notes.noted_heads}
    ends = {name: walk.end for name, walk in walks.items()}
    behind = {name: max(0, end.rows - noted.get(name, 0)) for name, end in ends.items()}
    return Verification(
        faults=(
            *(fault for walk in walks.values() for fault in walk.faults),
            *(_lost(gap, checkpoints) for gap in compared.gaps if gap.by is None),
            # a removed row shifts all later rows; only the removal itself is reported
            *(
                _miscounted(miscount, checkpoints)
                for miscount in compared.miscounts
                if not walks[miscount.head.chain].faults
            ),
            *_begun_otherwise(walks, beginnings),
        ),
        gaps=tuple(gap for gap in compared.gaps if gap.by is not None),
        doubts=notes.doubts if any(end.rows for end in ends.values()) else (),
        unnoted_rows={name: rows for name, rows in behind.items() if rows and checkpoints},
        ends=ends,
        revisions=revisions,
        beginnings=beginnings,
        since=since,
    )


def seal_record(database: Database, *, version: str, at: datetime) -> Verification:
    """Walk the whole; if there is no fault, seal the chains' ends as a checkpoint.

    Parameters
    ----------
    database
        Where the chains are.
    version
        Of this Orbcast.
    at
        Aware time, now.
    """
    record = verify(database)
    if not record.faults:
        with database.session() as session:
            write_seal(session, Seal(at=at, version=version, ends=record.ends))
    return record


def _begun_otherwise(walks: Mapping[str, Walk], beginnings: Iterable[Beginning]) -> list[str]:
    """Return a fault for each table whose first rows are not those that an upgrade chained."""
    named = []
    for begun in beginnings:
        walk = walks.get(begun.table_name)
        place = walk.places.get(begun.last_hash, 0) if walk else 0
        if place not in {None, begun.rows} and not (walk and walk.faults):
            named.append(
                f"{begun.table_name}: row {begun.rows} is not the one that the upgrade of "
                f"{begun.at:%Y-%m-%d %H:%M} UTC chained: the table was chained again, or rows "
                "were deleted"
            )
    return named


def _lost(gap: Gap, checkpoints: CheckpointFile | None) -> str:
    path = checkpoints.path if checkpoints else ""
    return (
        f"{gap} are missing: {path} notes them, the database does not have them. They were "
        "deleted, or a backup older than the ledger was restored. Restore a newer one; if there "
        "is none, continue with `orbcast verify --accept-restored --by NAME --reason TEXT`"
    )


def _miscounted(wrong: Miscount, checkpoints: CheckpointFile | None) -> str:
    head, path = wrong.head, checkpoints.path if checkpoints else ""
    return (
        f"{path} line {head.line} was edited: it notes {head.rows:,} {head.chain} up to "
        f"{head.row_hash[:12]}, which is number {wrong.place:,} of them. The rows are whole; put "
        "back a copy of the file from a backup, and find out who changed it"
    )
