"""Tampering with the ledger by plain SQL is named; an unusual but true value is not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from ml_core.decision.entry import Outputs
from registry.database import Database
from registry.ledger.ledger import Ledger
from tests.registry.ledger.test_ledger import T0, outcome_entry, prediction_entry


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        ("UPDATE predictions SET p_up = 0.99 WHERE id = 2", "prediction 2 .* was edited"),
        ("DELETE FROM predictions WHERE id = 2", "prediction 3 .* does not follow"),
        (
            "UPDATE predictions SET features = '{}' WHERE id = 3",
            "prediction 3 .* was edited",
        ),
        ("UPDATE predictions SET features = 'torn' WHERE id = 3", "prediction 3 was edited"),
    ],
    ids=["edited", "deleted", "features edited", "unreadable JSON"],
)
def test_tampering_is_named(database: Database, ledger: Ledger, tamper: str, named: str) -> None:
    ledger.record([prediction_entry(day) for day in range(4)])
    assert ledger.verify_chain() == ()

    with database.engine.begin() as connection:
        connection.execute(text(tamper))

    faults = ledger.verify_chain()
    assert len(faults) == 1
    assert re.search(named, faults[0])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL takes no such time
def test_a_time_that_cannot_be_read_is_named_and_hides_nothing_else(
    database: Database, ledger: Ledger
) -> None:
    ledger.record([prediction_entry(day) for day in range(4)])
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE predictions SET decision_time = 'x' WHERE id = 2"))
        connection.execute(text("UPDATE predictions SET p_up = 0.99 WHERE id = 4"))

    unreadable, edited = ledger.verify_chain()

    assert "prediction 2 was edited: it cannot be read" in unreadable
    assert re.search("prediction 4 .* was edited", edited)


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        ("UPDATE outcomes SET r_net = 9.9 WHERE id = 2", "outcome 2 .* was edited"),
        ("UPDATE outcomes SET recorded_at = resolved_at WHERE id = 2", "outcome 2 .* was edited"),
        ("DELETE FROM outcomes WHERE id = 2", "outcome 3 .* does not follow"),
        (
            "UPDATE outcomes SET id = CASE id WHEN 2 THEN 12 ELSE 11 END WHERE id IN (2, 3)",
            "outcome 11 .* does not follow",
        ),
    ],
    ids=["edited", "recorded earlier", "deleted", "reordered"],
)
def test_tampering_with_outcomes_is_named(
    database: Database, ledger: Ledger, tamper: str, named: str
) -> None:
    for day in range(4):
        slot = replace(outcome_entry(), trading_day=date(2024, 6, 4) + timedelta(days=day))
        ledger.record_outcome(slot, T0 + timedelta(days=day + 1))
    assert ledger.verify_chain() == ()

    with database.engine.begin() as connection:
        connection.execute(text(tamper))

    faults = ledger.verify_chain()
    assert any(re.search(named, fault) for fault in faults)
    assert all(fault.startswith("outcome") for fault in faults)


def test_rows_in_another_order_are_named(database: Database, ledger: Ledger) -> None:
    ledger.record([prediction_entry(day) for day in range(4)])

    with database.engine.begin() as connection:
        for change in ("9 WHERE id = 2", "2 WHERE id = 3", "3 WHERE id = 9"):
            connection.execute(text(f"UPDATE predictions SET id = {change}"))  # noqa: S608

    faults = ledger.verify_chain()
    assert faults
    assert all("one is missing or was moved" in fault for fault in faults)


def test_zones_whole_numbers_and_missing_numbers_do_not_look_like_tampering(
    ledger: Ledger,
) -> None:
    brisbane = ZoneInfo("Australia/Brisbane")
    entry = replace(
        prediction_entry(),
        decision_time=T0.astimezone(brisbane),
        made_at=T0.astimezone(brisbane),
        p_up=1,
        expected_net_r=float("nan"),
        features={"range_size": float("nan"), "pair": (1, 2)},
        outputs=Outputs(last_bar_minute=7, clock_behind_seconds=float("inf")),
    )

    assert ledger.record([entry]) == 1

    assert ledger.verify_chain() == ()
    (row,) = ledger.settled("MGC")
    assert row.prediction.decision_time == T0
    assert row.prediction.expected_net_r is None
    assert row.prediction.features == {"range_size": None, "pair": [1, 2]}
    assert row.prediction.outputs == Outputs()
