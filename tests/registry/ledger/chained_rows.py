"""Rows of the three chains: one of each that says all, and a database with four of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ml_core.market_events import RolloutEvent
from registry.database import Database
from registry.ledger.chain import Chain
from registry.ledger.ledger import Ledger
from registry.ledger.verification import CHAINS, OUTCOMES, PREDICTIONS
from registry.rollout import ROLLOUT, record_rollout
from tests.ledger_rows import DECIDED, MADE, OUTCOME, PREDICTION

CHAINED = {**CHAINS, "rollout events": ROLLOUT}

DAY = timedelta(days=1)
RECORDED = DECIDED + timedelta(minutes=75)
EVENT = RolloutEvent(
    market="MGC",
    sequence=0,
    at=DECIDED,
    kind="approved",
    stage="advisory",
    by="ana",
    reason="seen",
    bound_to="h1",
    expires_at=DECIDED + 14 * DAY,
    details={"gates": 10},
)


def fill(database: Database) -> None:
    """Four rows in each chain; the third has none of the values that may be missing.

    No two are neighbours, so that a changed day or number is no other row's.
    """
    ledger = Ledger(database)
    bare = {
        PREDICTIONS: dict.fromkeys(nullable(PREDICTIONS)) | {"reason": None},
        OUTCOMES: dict.fromkeys(nullable(OUTCOMES)),
        ROLLOUT: dict.fromkeys(nullable(ROLLOUT)),
    }
    for number in range(4):
        made = {"trading_day": PREDICTION.trading_day + 2 * number * DAY}
        without = {chain: names if number == 2 else {} for chain, names in bare.items()}
        spoken = replace(
            PREDICTION,
            **made,
            decision_time=DECIDED + number * DAY,
            made_at=MADE + number * DAY,
            reason="novel" if number == 1 else None,
        )
        ledger.record([replace(spoken, **without[PREDICTIONS])])
        ledger.record_outcome(
            replace(OUTCOME, **made, **without[OUTCOMES]), RECORDED + number * DAY
        )
        event = replace(EVENT, sequence=2 * number, at=EVENT.at + number * DAY)
        record_rollout(database, [replace(event, **without[ROLLOUT])])


def nullable(chain: Chain) -> list[str]:
    columns = chain.table.__table__.columns
    return [name for name in chain.names if columns[name].nullable]
