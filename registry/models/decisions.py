"""The record of decisions about versions, each with its reasons and evidence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ml_core.json_values import field_values
from registry.chains.chain import chain_of
from registry.database import Database
from registry.rows import read_records
from registry.tables.base import canonical
from registry.tables.versions import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision about a version, with its reasons and evidence."""

    market: str
    kind: str
    version: str
    verdict: str
    reasons: list[str]
    evidence: dict[str, Any]
    at: datetime


def record_decision(database: Database, record: DecisionRecord) -> bool:
    """Record a decision; return False if the same one is already recorded.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    digest = hashlib.sha256(
        canonical([record.verdict, record.reasons, record.evidence]).encode()
    ).hexdigest()
    with database.session() as session:
        same = select(Decision.id).where(
            Decision.market == record.market,
            Decision.kind == record.kind,
            Decision.version == record.version,
            Decision.evidence_hash == digest,
        )
        if session.scalars(same).first() is not None:
            return False
        values = {**field_values(record), "evidence_hash": digest}
        chain_of(Decision).append(session, values)
    return True


def list_decisions(database: Database, market: str) -> tuple[DecisionRecord, ...]:
    """Return a market's decisions, oldest first.

    Returns
    -------
    tuple of DecisionRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(Decision).where(Decision.market == market).order_by(Decision.at, Decision.id)
    return read_records(database, DecisionRecord, query)
