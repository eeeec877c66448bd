"""A ledger row with every value, and its outcome; tests replace the values they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from ml_core.decision.entry import Outputs, PredictionEntry
from registry.chains.chain import GENESIS, Chain
from registry.database import Database
from registry.ledger.entries import OutcomeEntry, fields_of
from registry.ledger.verification import OUTCOMES, PREDICTIONS

DECIDED = datetime(2024, 6, 3, 23, 5, tzinfo=UTC)
MADE = datetime(2024, 6, 3, 23, 5, 3, 250_000, tzinfo=UTC)

PREDICTION = PredictionEntry(
    market="MGC",
    trading_day=date(2024, 6, 4),
    opening_range="0900",
    mode="live",
    role="champion",
    decision_time=DECIDED,
    made_at=MADE,
    late=False,
    status="predicted",
    reason=None,
    label="entry-session",
    model="residual",
    version="20240601-ab",
    recipe_hash="r1",
    p_up=0.625,
    baseline_p_up=0.6,
    recommendation="skip",
    expected_net_r=-0.2,
    features={"range_size": 12.0, "atr20": None},
    outputs=Outputs(clock_behind_seconds=0.5),
)
OUTCOME = OutcomeEntry(
    market="MGC",
    trading_day=date(2024, 6, 4),
    opening_range="0900",
    label="entry-session",
    direction="UP",
    outcome="WIN",
    entry=2000.0,
    stop=1998.0,
    target=2002.0,
    r_gross=1.0,
    r_net=0.8,
    resolved_at=DECIDED + timedelta(hours=1),
)


def as_kept(outcome: OutcomeEntry) -> dict[str, Any]:
    """Return the ledger's fields of an outcome."""
    return {**asdict(outcome), "revision": 0, "recorded_at": outcome.resolved_at}


def fill(
    database: Database, predictions: Iterable[PredictionEntry], outcomes: Iterable[OutcomeEntry]
) -> None:
    """Write the rows of an empty ledger at once, instead of recording them one by one."""
    with database.session() as session:
        _write(session, PREDICTIONS, map(fields_of, predictions))
        _write(session, OUTCOMES, map(as_kept, outcomes))


def _write(session: Session, chain: Chain, rows: Iterable[dict[str, Any]]) -> None:
    digest, written = GENESIS, []
    for row in map(chain.stored, rows):
        previous, digest = digest, chain.row_hash(row, digest)
        written.append({**row, "previous_hash": previous, "row_hash": digest})
    if written:
        session.execute(insert(chain.table), written)
