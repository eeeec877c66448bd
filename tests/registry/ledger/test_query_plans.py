"""What a day and its pages ask of the ledger begins at an index, however many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from registry.database import Database, open_database
from registry.ledger.browsing import PredictionFilter, browse, choices, matching
from registry.ledger.ledger import Ledger
from registry.ledger.scored import current_recipe, day_of_last, scored_predictions
from registry.ledger.slots import answered_slots, last_decided, slots_to_settle

DAY = date(2025, 3, 4)
AT = datetime(2025, 3, 4, 8, 16, tzinfo=UTC)
BY_DAY = "market=? AND trading_day>?"
BY_TIME = "market=? AND decision_time>?"
BY_MARKET = "(market=?)"
LATEST = "ix_predictions_market_decision_time (market=?)"

QUERIES: dict[str, tuple[Callable[[Database], Any], str]] = {
    "a day with outcomes": (lambda it: Ledger(it).settled("MGC", first=DAY, last=DAY), BY_DAY),
    "reasons of late": (
        lambda it: Ledger(it).reasons("MGC", first=DAY, before=AT, mode="live"),
        BY_DAY,
    ),
    "a slot": (
        lambda it: Ledger(it).of_slot("MGC", DAY, "0900", "live"),
        "market=? AND trading_day=? AND opening_range=?",
    ),
    "scored since a day": (
        lambda it: scored_predictions(it, "MGC", mode="live", role="champion", first=DAY),
        BY_DAY,
    ),
    "scored since a time": (
        lambda it: scored_predictions(it, "MGC", mode="live", role="champion", after=AT),
        BY_TIME,
    ),
    "a page of the ledger": (lambda it: browse(it, PredictionFilter(market="MGC")), BY_MARKET),
    "how many there are": (lambda it: matching(it, PredictionFilter(market="MGC")), BY_MARKET),
    "what can be chosen": (lambda it: choices(it, "MGC"), BY_MARKET),
    "slots with answers": (lambda it: answered_slots(it, "MGC", "live"), BY_MARKET),
    "the slot decided last": (
        lambda it: last_decided(it, "MGC", mode="live", role="champion"),
        LATEST,
    ),
    "the current recipe": (
        lambda it: current_recipe(it, "MGC", mode="live", role="champion"),
        LATEST,
    ),
    "the day of the last rows": (
        lambda it: day_of_last(it, "MGC", role="champion", count=60),
        LATEST,
    ),
    "slots to settle": (
        lambda it: slots_to_settle(it, "MGC", recent=DAY, also=(), never={"holiday"}),
        BY_MARKET,
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_table_of_the_ledger_is_read_from_end_to_end(name: str, migrated_file: Path) -> None:
    ask, begins_at = QUERIES[name]
    database = open_database(f"sqlite:///{migrated_file}")
    statements: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        statements.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    ask(database)
    event.remove(database.engine, "before_cursor_execute", note)
    queries = [it for it in statements if "FROM predictions" in it[0] or "FROM outcomes" in it[0]]
    assert queries
    with database.engine.connect() as connection:
        for statement, values in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps = [str(step[3]) for step in plan]
            assert not any("SCAN predictions" in step or "SCAN outcomes" in step for step in steps)
            assert any(begins_at in step for step in steps if "outcomes" not in step) or (
                "FROM outcomes" in statement
            ), steps
    database.close()
