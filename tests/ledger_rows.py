"""A ledger row with every value, and its outcome: tests replace what matters to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from registry.entries import OutcomeEntry, PredictionEntry

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
