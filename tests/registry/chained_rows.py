"""Rows of the three chains: one of each that says all, and a database with four of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from registry.chain import Chain
from registry.database import Database
from registry.entries import OutcomeEntry, PredictionEntry
from registry.ledger import Ledger
from registry.rollout import ROLLOUT, RolloutRecord, record_rollout
from registry.verification import CHAINS, OUTCOMES, PREDICTIONS

CHAINED = {**CHAINS, "rollout events": ROLLOUT}

DAY = timedelta(days=1)
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
    outputs={"p_win": 0.5},
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
RECORDED = DECIDED + timedelta(minutes=75)
EVENT = RolloutRecord(
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
