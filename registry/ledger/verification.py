"""Check that the ledger is as it was written: walk both chains, compare the noted heads."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from registry.database import Database
from registry.ledger.chain import Chain, Head
from registry.ledger.chain_checkpoints import CheckpointFile, Compared, Gap, Miscount, RowLookup
from registry.ledger.entries import OutcomeEntry, PredictionEntry
from registry.tables.ledger import OutcomeRow, PredictionRow

_IF_GIVEN = frozenset({"market_hash"})
PREDICTIONS = Chain("prediction", PredictionRow, PredictionEntry.__slots__, if_given=_IF_GIVEN)
OUTCOMES = Chain(
    "outcome",
    OutcomeRow,
    (*OutcomeEntry.__slots__, "revision", "recorded_at"),
    if_given=_IF_GIVEN,
)
CHAINS = {"predictions": PREDICTIONS, "outcomes": OUTCOMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a walk along both chains found.

    Attributes
    ----------
    faults
        Rows edited, gone or moved, and noted heads that were, one line each; none if all of it is
        as it was written.
    gaps
        Rows gone that somebody accepted, signed; they are listed for ever and are no faults.
    doubts
        What could not be looked at, such as a missing file of noted heads.
    unnoted
        Rows at the chains' ends that no noted head covers yet.
    predictions, outcomes
        The ends of the chains.
    revisions
        Outcomes that took another's place.
    """

    faults: tuple[str, ...]
    gaps: tuple[Gap, ...]
    doubts: tuple[str, ...]
    unnoted: int
    predictions: Head
    outcomes: Head
    revisions: int


def chain_faults(database: Database) -> tuple[str, ...]:
    """Name every prediction and outcome that was edited, and where one is gone or moved."""
    return tuple(fault for faults in _faults(database).values() for fault in faults)


def _faults(database: Database) -> dict[str, tuple[str, ...]]:
    with database.reading() as session:
        return {name: tuple(chain.faults(session)) for name, chain in CHAINS.items()}


def verify(database: Database, checkpoints: CheckpointFile | None) -> Verification:
    """Walk both chains, and compare them with the checkpoints noted outside the database."""
    faults = _faults(database)
    # the notes first: a row noted while this runs is there when the database is asked
    compared = (
        checkpoints.compare(row_lookup_in(database)) if checkpoints is not None else Compared()
    )
    gaps, notes = compared.gaps, compared.notes
    noted = {head.chain: head.rows for head in notes.noted_heads}
    with database.reading() as session:
        ends = {name: chain.head(session) for name, chain in CHAINS.items()}
        later = select(func.count()).select_from(OutcomeRow).where(OutcomeRow.revision > 0)
        revisions = session.scalar(later) or 0
    behind = sum(max(0, end.rows - noted.get(name, 0)) for name, end in ends.items())
    return Verification(
        faults=(
            *(fault for of_chain in faults.values() for fault in of_chain),
            *(_lost(gap, checkpoints) for gap in gaps if gap.by is None),
            # a row taken out of a chain moves all that follow it, and is named itself
            *(
                _miscounted(miscount, checkpoints)
                for miscount in compared.miscounts
                if not faults[miscount.head.chain]
            ),
        ),
        gaps=tuple(gap for gap in gaps if gap.by is not None),
        doubts=notes.doubts if any(end.rows for end in ends.values()) else (),
        unnoted=behind if checkpoints is not None else 0,
        predictions=ends["predictions"],
        outcomes=ends["outcomes"],
        revisions=revisions,
    )


def row_lookup_in(database: Database) -> RowLookup:
    """Return a function that looks up where hashes stand in a chain of the database."""

    def lookup(chain: str, hashes: list[str]) -> tuple[dict[str, int], int] | None:
        if chain not in CHAINS:
            return None  # of a later Orbcast: not here, so not missed here
        walked = CHAINS[chain]
        with database.reading() as session:
            return walked.places(session, hashes), walked.head(session).rows

    return lookup


def _lost(gap: Gap, checkpoints: CheckpointFile | None) -> str:
    path = checkpoints.path if checkpoints else ""
    return (
        f"{gap} are gone: {path} notes them, the database does not have them. They were cut "
        "off, or a backup older than the ledger was restored. Restore a newer one; if there "
        "is none, go on with `orbcast verify --accept-restored --by NAME --reason TEXT`"
    )


def _miscounted(wrong: Miscount, checkpoints: CheckpointFile | None) -> str:
    head, path = wrong.head, checkpoints.path if checkpoints else ""
    return (
        f"{path} line {head.line} was edited: it notes {head.rows:,} {head.chain} up to "
        f"{head.row_hash[:12]}, which is number {wrong.place:,} of them. The rows are whole; put "
        "back a copy of the file from a backup, and find out who changed it"
    )
