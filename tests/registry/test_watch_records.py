"""Checks, breaker and rollout on record: signed, and a look that comes late changes no later one.

The rules are the registry's own, so a database of one kind is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.market_events import BreakerEvent
from registry.breaker import breaker_records, record_breaker
from registry.database import Database, open_database
from registry.drift import DriftRecord, drift_records, record_drift
from registry.errors import RolloutChangedError, UnsignedChangeError
from registry.parity import ParityRecord, latest_parity, record_parity
from registry.rollout import record_rollout, rollout_records
from tests.registry.chained_rows import EVENT

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRIFT = DriftRecord(
    market="MGC",
    version="v1",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    rows=60,
    detected=False,
    verdict="no drift",
    figures={"judged": True},
    at=AT,
)
PARITY = ParityRecord(
    market="MGC",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    compared=60,
    unexplained=0,
    verdict="all agree",
    figures={"compared": 60},
    at=AT,
)
OPENED = BreakerEvent(
    market="MGC", at=AT, state="open", cause="drawdown", detail="12 R", by="orbcast"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'orbcast.sqlite'}")
    yield opened
    opened.close()


@pytest.mark.parametrize("blank", [{"by": " "}, {"reason": ""}], ids=str)
def test_a_step_without_a_name_or_a_reason_is_not_recorded(
    database: Database, blank: dict[str, str]
) -> None:
    with pytest.raises(UnsignedChangeError, match=next(iter(blank))):
        record_rollout(database, [EVENT, replace(EVENT, sequence=1, **blank)])
    assert rollout_records(database, "MGC") == ()


def test_of_two_who_record_the_next_step_one_is_refused_whole(database: Database) -> None:
    record_rollout(database, [EVENT])
    with pytest.raises(RolloutChangedError):
        record_rollout(database, [replace(EVENT, reason="mine"), replace(EVENT, sequence=1)])
    assert rollout_records(database, "MGC") == (EVENT,)


@pytest.mark.parametrize(("blank", "named"), [({"by": ""}, "by"), ({"detail": " "}, "reason")])
def test_a_change_of_the_breaker_without_a_name_or_a_reason_is_not_recorded(
    database: Database, blank: dict[str, str], named: str
) -> None:
    with pytest.raises(UnsignedChangeError, match=named):
        record_breaker(database, replace(OPENED, **blank))
    assert breaker_records(database, "MGC") == ()


def test_a_look_at_the_same_rows_replaces_an_earlier_one_and_no_later_one(
    database: Database,
) -> None:
    later = replace(DRIFT, detected=True, verdict="2 columns", at=AT + HOUR)
    steps = [record_drift(database, it) for it in (DRIFT, later, replace(DRIFT, verdict="old"))]

    assert steps == [True, False, False]
    assert drift_records(database, "MGC") == (later,)

    again = replace(later, detected=False, verdict="outcomes came", at=later.at)
    record_drift(database, again)
    assert drift_records(database, "MGC") == (again,)


def test_an_audit_made_again_is_the_latest_and_one_made_before_it_ages_nothing(
    database: Database,
) -> None:
    steps = [record_parity(database, replace(PARITY, at=at)) for at in (AT, AT + HOUR, AT - HOUR)]

    assert steps == [True, False, False]
    assert latest_parity(database, "MGC") == replace(PARITY, at=AT + HOUR)
