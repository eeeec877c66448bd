"""Checks, breaker and rollout on record: signed, and a late check does not change a later one.

The rules are the registry's own, so one kind of database is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ml_core.health.drift import ColumnShift, DriftFigures
from ml_core.health.parity import Audited, Difference, ParityReport
from ml_core.json_values import json_values
from ml_core.market_events import BreakerEvent
from registry.database import Database, open_database
from registry.errors import RolloutChangedError, UnsignedChangeError
from registry.health.breaker import breaker_records, record_breaker
from registry.health.drift import DriftRecord, drift_records, record_drift
from registry.health.parity import ParityRecord, latest_parity, record_parity
from registry.rollout import record_rollout, rollout_records
from tests.registry.chains.chained_rows import EVENT

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIGURES = DriftFigures(
    why_not="",
    days=10,
    columns=74,
    left_out=("clock",),
    drifted=1,
    groups=("volatility",),
    shifts=(
        ColumnShift("sigma_24h", "volatility", 2.5, 1e-9, 1e-7),
        ColumnShift("wick", "shape", 0.1, 0.5, -1.0),
    ),
)
DRIFT = DriftRecord(
    market="MGC",
    version="v1",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    rows=60,
    detected=False,
    verdict="no drift",
    figures=FIGURES,
    at=AT,
)
AUDIT = ParityReport.of(
    [
        Audited(slot="MGC:2024-05-31:0900", role="champion", version="v1", cause="same"),
        Audited(
            slot="MGC:2024-05-31:1000",
            role="champion",
            version=None,
            cause="bars",
            differences=(Difference("wick", 0.1, None),),
            changes=("2024-05-31 00:04 UTC was revised",),
        ),
    ],
    market="MGC",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    mode="live",
)
PARITY = ParityRecord(
    market="MGC",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    compared=60,
    unexplained=0,
    verdict="all agree",
    figures=AUDIT,
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


def test_a_drift_report_of_the_first_release_can_be_read(database: Database) -> None:
    record_drift(database, DRIFT)
    shifts = [
        {"column": "sigma_24h", "group": "volatility", "shift": 2.5, "p": 1e-9, "drifted": True},
        {"column": "wick", "group": "shape", "shift": 0.1, "p": 0.5, "drifted": False},
    ]
    first_release = {**json_values(FIGURES), "moved": shifts}
    del first_release["left_out"]
    with database.session() as session:
        values = {"figures": json.dumps(first_release)}
        session.execute(text("UPDATE drift_reports SET figures = :figures"), values)

    (record,) = drift_records(database, "MGC")
    assert (record.figures.judged, record.figures.left_out) == (True, ())
    assert [column.drifted for column in record.figures.shifts] == [True, False]
    assert replace(record.figures, shifts=FIGURES.shifts, left_out=("clock",)) == FIGURES
