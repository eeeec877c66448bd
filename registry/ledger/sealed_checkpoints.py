"""Sealed checkpoints: up to where a whole verification found nothing, for another to begin at.

A seal is a row of a chain like any decision, so that it cannot be edited unseen; and it is relied
on only if its own end was noted outside the database, as Orbcast does when it writes one. A row
that somebody appended with its right hash is in no note.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.chains.chain import Head, chain_of
from registry.tables.base import UnreadableValueError
from registry.tables.chains import SealedCheckpoint

SEALS = chain_of(SealedCheckpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a sealed checkpoint says.

    Attributes
    ----------
    at
        When it was sealed; aware, UTC.
    version
        The version of Orbcast that walked the chains.
    ends
        The end of each chain, by table; no fault was found up to there.
    """

    at: datetime
    version: str
    ends: Mapping[str, Head]

    @property
    def rows(self) -> int:
        """Rows of all chains up to there."""
        return sum(end.rows for end in self.ends.values())


def write_seal(session: Session, seal: Seal) -> None:
    """Append a sealed checkpoint, in a unit of work that notes its end."""
    ends = {name: {"rows": end.rows, "head": end.row_hash} for name, end in seal.ends.items()}
    SEALS.append(session, {"at": seal.at, "version": seal.version, "ends": ends})


def latest_seal(session: Session, noted: Collection[str]) -> Seal | None:
    """Return the last sealed checkpoint that may be relied on; None if there is none.

    Parameters
    ----------
    session
        A look at the database.
    noted
        Hashes of the heads of this chain that are noted outside the database.
    """
    query = select(SealedCheckpoint).order_by(SealedCheckpoint.id.desc())
    try:
        if any(True for _ in SEALS.faults(session)):
            return None
        for row in session.scalars(query):
            if row.row_hash in noted:
                return Seal(at=row.at, version=row.version, ends=_ends(row.ends))
    except (UnreadableValueError, ValueError, TypeError, KeyError, AttributeError):
        return None  # the walk along the chain names it
    return None


def _ends(values: Mapping[str, Mapping[str, object]]) -> dict[str, Head]:
    return {name: Head(int(str(end["rows"])), str(end["head"])) for name, end in values.items()}
