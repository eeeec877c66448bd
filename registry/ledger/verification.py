"""Check that the record is as it was written: verify every chain, compare the noted heads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from registry import tables
from registry.chains.beginnings import Beginning, beginnings_in
from registry.chains.chain import BEGINNING, Chain, Head, chain_of
from registry.chains.chain_checkpoints import CheckpointFile, Compared, Gap, Miscount, RowLookup
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
    return tuple(fault for chain in chains().values() for fault in _walk(database, chain)[0])


def _walk(
    database: Database, chain: Chain, after: Head = BEGINNING
) -> tuple[tuple[str, ...], Head]:
    """Return a chain's faults and its end; a table that cannot be read is a fault."""
    try:
        with database.reading() as session:
            return tuple(chain.faults(session, after)), chain.head(session)
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        return (f"{chain.name} cannot be read ({reason})",), BEGINNING
    except UnreadableValueError as error:
        fault = f"{chain.name} has a row that cannot be read: {error.begins!r} ({error.fault})"
        return (fault,), BEGINNING


def seal_of(database: Database) -> Seal | None:
    """Return the last sealed checkpoint that may be relied on; None if there is none."""
    if database.checkpoints is None:
        return None
    notes = database.checkpoints.read()
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
    sealed = since.ends if since else {}
    walks = {
        name: _walk(database, chain, sealed.get(name, BEGINNING))
        for name, chain in chains().items()
    }
    faults = {name: of_chain for name, (of_chain, _) in walks.items()}
    ends = {name: end for name, (_, end) in walks.items()}
    # notes are read first: a row noted meanwhile is in the database when that is read
    lookup = row_lookup_in(database, since)
    compared = checkpoints.compare(lookup) if checkpoints is not None else Compared()
    gaps, notes = compared.gaps, compared.notes
    noted = {head.chain: head.rows for head in notes.noted_heads}
    later = select(func.count()).select_from(OutcomeRow).where(OutcomeRow.revision > 0)
    with database.reading() as session:
        revisions = session.scalar(later) or 0
        beginnings = beginnings_in(session)
    behind = {name: max(0, end.rows - noted.get(name, 0)) for name, end in ends.items()}
    return Verification(
        faults=(
            *(fault for of_chain in faults.values() for fault in of_chain),
            *(_lost(gap, checkpoints) for gap in gaps if gap.by is None),
            # a removed row shifts all later rows; only the removal itself is reported
            *(
                _miscounted(miscount, checkpoints)
                for miscount in compared.miscounts
                if not faults[miscount.head.chain]
            ),
            *_begun_otherwise(lookup, beginnings, faults),
        ),
        gaps=tuple(gap for gap in gaps if gap.by is not None),
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


def _begun_otherwise(
    lookup: RowLookup, beginnings: tuple[Beginning, ...], faults: dict[str, tuple[str, ...]]
) -> list[str]:
    """Return a fault for each table whose first rows are not those that an upgrade chained."""
    named = []
    for begun in beginnings:
        there = lookup(begun.table_name, [begun.last_hash])
        places, _ = there or ({}, 0)
        place = places.get(begun.last_hash, 0)
        if place not in {None, begun.rows} and not faults.get(begun.table_name):
            named.append(
                f"{begun.table_name}: row {begun.rows} is not the one that the upgrade of "
                f"{begun.at:%Y-%m-%d %H:%M} UTC chained: the table was chained again, or rows "
                "were deleted"
            )
    return named


def row_lookup_in(database: Database, since: Seal | None = None) -> RowLookup:
    """Return a function that looks up the positions of hashes in a chain of the database."""

    def lookup(chain: str, hashes: list[str]) -> tuple[dict[str, int | None], int] | None:
        walked = chains().get(chain)
        if walked is None:
            return None  # a later release's table, which this release cannot miss
        try:
            with database.reading() as session:
                after = since.ends.get(chain, BEGINNING) if since else BEGINNING
                return walked.places(session, hashes, after), walked.head(session).rows
        except DBAPIError:
            return None  # the verification already reports an unreadable table

    return lookup


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
