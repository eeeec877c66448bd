"""Sealed checkpoints: where a full verification found no fault and the next may start.

A seal is a row of a chain like any decision, so that it cannot be edited unnoticed. It is trusted
only if its own end was noted outside the database, as Orbcast does when it writes one: a row that
somebody else appended with its correct hash is in no note.
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
    """The content of a sealed checkpoint.

    Attributes
    ----------
    at
        When it was sealed; aware, UTC.
    version
        The version of Orbcast that verified the chains.
    ends
        The end of each chain, by table; no fault was found up to there.
    """

    at: datetime
    version: str
    ends: Mapping[str, Head]

    @property
    def rows(self) -> int:
        """Number of rows of all chains up to their ends."""
        return sum(end.rows for end in self.ends.values())


def write_seal(session: Session, seal: Seal) -> None:
    """Append a sealed checkpoint, in a unit of work that notes its end."""
    ends = {name: {"rows": end.rows, "head": end.row_hash} for name, end in seal.ends.items()}
    SEALS.append(session, {"at": seal.at, "version": seal.version, "ends": ends})


def latest_seal(session: Session, noted: Collection[str]) -> Seal | None:
    """Return the last sealed checkpoint that can be trusted; None if there is none.

    Parameters
    ----------
    session
        A session that reads the database.
    noted
        Hashes of the heads of this chain that are noted outside the database.
    """
    query = select(SealedCheckpoint).order_by(SealedCheckpoint.id.desc())
    try:
        if SEALS.faults(session):
            return None
        for row in session.scalars(query):
            if row.row_hash in noted:
                return Seal(at=row.at, version=row.version, ends=_ends(row.ends))
    except (UnreadableValueError, ValueError, TypeError, KeyError, AttributeError):
        return None  # the verification of the chain names the fault
    return None


def _ends(values: Mapping[str, Mapping[str, object]]) -> dict[str, Head]:
    return {name: Head(int(str(end["rows"])), str(end["head"])) for name, end in values.items()}
