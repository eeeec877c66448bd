"""Four rows of every chain, and one complete row of each of the ledger's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Column

from ml_core.market_events import RolloutEvent
from registry.chains.chain import Chain
from registry.database import Database
from registry.ledger.ledger import Ledger
from registry.ledger.verification import OUTCOMES, PREDICTIONS, chains
from registry.rollout import ROLLOUT, record_rollout
from registry.tables.base import CanonicalJson, UtcDateTime
from tests.ledger_rows import DECIDED, MADE, OUTCOME, PREDICTION

CHAINED = chains()
BY_THEMSELVES = (PREDICTIONS, OUTCOMES, ROLLOUT)
"""Chains with rows in ledgers in use; their test rows must be like recorded ones."""

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

_VALUES: Mapping[type, Callable[[str, int], Any]] = {
    bool: lambda _, number: number % 2 == 1,
    str: lambda name, number: f"{name}{2 * number}",
    int: lambda _, number: 2 * number,
    float: lambda _, number: 0.5 + number,
    date: lambda _, number: date(2024, 6, 4) + 2 * number * DAY,
    datetime: lambda _, number: datetime(2024, 6, 4, 1, 2, 3, 45, tzinfo=UTC) + number * DAY,
    dict: lambda _, number: {"of row": number, "list": [1.5, None, "text"]},
    list: lambda _, number: ["reason", number],
}


def fill(database: Database) -> None:
    """Write four rows to each chain; the third has none of the optional values.

    No two have adjacent values, so that a changed day or number never equals another row's.
    """
    ledger = Ledger(database)
    bare = {chain: dict.fromkeys(nullable(chain)) for chain in CHAINED.values()}
    bare[PREDICTIONS]["reason"] = None
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
        with database.session() as session:
            for chain in parents_first():
                if chain not in BY_THEMSELVES:
                    chain.append(session, {**values_of(chain, number), **without[chain]})


def parents_first() -> list[Chain]:
    """Return the chains, each after those that its rows refer to."""
    return sorted(
        CHAINED.values(), key=lambda chain: len(chain.table.__table__.foreign_key_constraints)
    )


def values_of(chain: Chain, number: int) -> dict[str, Any]:
    """Return the values of a row, all of one market; no two rows share any other value."""
    columns = chain.table.__table__.columns
    values = {name: _value(columns[name], number) for name in chain.names}
    return {**values, "market": "MGC"} if "market" in values else values


def _value(column: Column[Any], number: int) -> Any:
    kind = "recipe_hash" if column.foreign_keys else column.name
    return _VALUES[type_of(column)](kind, number)


def type_of(column: Column[Any]) -> type:
    """Return the type of a column's values."""
    if isinstance(column.type, CanonicalJson):
        return list if column.name == "reasons" else dict
    return datetime if isinstance(column.type, UtcDateTime) else column.type.python_type


def nullable(chain: Chain) -> list[str]:
    columns = chain.table.__table__.columns
    return [name for name in chain.names if columns[name].nullable]
