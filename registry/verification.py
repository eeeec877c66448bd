"""Is the ledger what was written: both chains walked, and held against the noted heads."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from registry.chain import Chain, Head
from registry.database import Database
from registry.entries import OutcomeEntry, PredictionEntry
from registry.heads import Gap, Heads, Notes, Standing
from registry.tables.ledger import OutcomeRow, PredictionRow

PREDICTIONS = Chain("prediction", PredictionRow, PredictionEntry.__slots__)
OUTCOMES = Chain("outcome", OutcomeRow, (*OutcomeEntry.__slots__, "revision", "recorded_at"))
CHAINS = {"predictions": PREDICTIONS, "outcomes": OUTCOMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a walk along both chains found.

    Attributes
    ----------
    faults
        Rows edited, gone or moved, one line each; none if all of it is as it was written.
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
    with database.reading() as session:
        return tuple(fault for each in CHAINS.values() for fault in each.faults(session))


def verify(database: Database, heads: Heads | None) -> Verification:
    """Walk both chains, and hold them against the heads noted outside the database."""
    faults = chain_faults(database)
    # the notes first: a row noted while this runs is there when the database is asked
    gaps, notes = heads.gaps(standing_in(database)) if heads is not None else ((), Notes())
    noted = {each.chain: each.rows for each in notes.heads}
    with database.reading() as session:
        ends = {name: chain.head(session) for name, chain in CHAINS.items()}
        later = select(func.count()).select_from(OutcomeRow).where(OutcomeRow.revision > 0)
        revisions = session.scalar(later) or 0
    behind = sum(max(0, end.rows - noted.get(name, 0)) for name, end in ends.items())
    return Verification(
        faults=faults + tuple(_lost(each, heads) for each in gaps if each.by is None),
        gaps=tuple(each for each in gaps if each.by is not None),
        doubts=notes.doubts if any(each.rows for each in ends.values()) else (),
        unnoted=behind if heads is not None else 0,
        predictions=ends["predictions"],
        outcomes=ends["outcomes"],
        revisions=revisions,
    )


def standing_in(database: Database) -> Standing:
    """Give a way to ask which hashes stand in a chain of the database."""

    def standing(chain: str, hashes: list[str]) -> tuple[set[str], int]:
        if chain not in CHAINS:
            return set(hashes), 0  # of a later Orbcast: not known here, so not missed here
        known = CHAINS[chain]
        with database.reading() as session:
            return known.standing(session, hashes), known.head(session).rows

    return standing


def _lost(gap: Gap, heads: Heads | None) -> str:
    where = heads.path if heads else ""
    return (
        f"{gap} are gone: {where} notes them, the database does not have them. They were cut "
        "off, or a backup older than the ledger was restored. Restore a newer one; if there "
        "is none, go on with `orbcast verify --accept-restored --by NAME --reason TEXT`"
    )
