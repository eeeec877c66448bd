"""The ledger: the first word stands, outcomes are revised beside it, tampering shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from registry.database import Database, open_database
from registry.ledger import Ledger, OutcomeEntry, PredictionEntry

T0 = datetime(2024, 6, 3, 23, 5, tzinfo=UTC)


def said(day: int = 0, role: str = "champion", p_up: float = 0.6) -> PredictionEntry:
    return PredictionEntry(
        market="MGC",
        trading_day=date(2024, 6, 4) + timedelta(days=day),
        opening_range="0900",
        mode="live",
        role=role,  # type: ignore[arg-type]
        decision_time=T0 + timedelta(days=day),
        made_at=T0 + timedelta(days=day, seconds=3),
        late=False,
        status="predicted",
        reason=None,
        label="entry-session",
        model="baseline",
        version="v1",
        recipe_hash="r",
        p_up=p_up,
        baseline_p_up=0.6,
        recommendation="skip",
        expected_net_r=-0.2,
        features={"range_size": 12.0, "atr20": None},
        outputs={"p_up": p_up},
    )


def came(r_net: float = 0.8, outcome: str = "WIN") -> OutcomeEntry:
    return OutcomeEntry(
        market="MGC",
        trading_day=date(2024, 6, 4),
        opening_range="0900",
        label="entry-session",
        direction="UP",
        outcome=outcome,
        entry=2000.0,
        stop=1998.0,
        target=2002.0,
        r_gross=1.0,
        r_net=r_net,
        resolved_at=T0 + timedelta(hours=1),
    )


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def test_the_first_word_on_a_slot_stands(ledger: Ledger) -> None:
    assert ledger.record([said(), said(role="challenger")]) == 2
    assert ledger.record([said(p_up=0.9)]) == 0

    (champion, _) = ledger.settled("MGC")
    assert champion.prediction == said()
    assert champion.outcome is None


def test_an_outcome_is_added_once_and_revised_beside_itself(ledger: Ledger) -> None:
    ledger.record([said()])

    at = T0 + timedelta(hours=2)
    steps = [ledger.record_outcome(each, at) for each in (came(), came(), came(-1.2, "LOSS"))]

    assert steps == ["added", "unchanged", "revised"]
    (row,) = ledger.settled("MGC")
    assert (row.revision, row.outcome) == (1, came(-1.2, "LOSS"))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    entries=st.lists(
        st.builds(
            said,
            day=st.integers(0, 5),
            role=st.sampled_from(["champion", "challenger"]),
            p_up=st.floats(0.01, 0.99),
        ),
        max_size=12,
    )
)
def test_recording_anything_twice_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, entries: list[PredictionEntry]
) -> None:
    ledger = Ledger(open_database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'o.sqlite'}"))

    added = ledger.record(entries)
    before = ledger.settled("MGC")

    assert ledger.record(entries) == 0
    assert ledger.settled("MGC") == before
    assert len(before) == added == len({(each.trading_day, each.role) for each in entries})
    assert ledger.verify_chain() == ()


def test_two_predictors_of_one_slot_make_one_entry(database: Database) -> None:
    def predict(number: int) -> int:
        return Ledger(database).record([said(p_up=0.1 + number / 100)])

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(predict, range(24)))

    assert sum(added) == 1
    assert Ledger(database).verify_chain() == ()


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
    ledger.record([said(day) for day in range(4)])
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
    ledger.record([said(day) for day in range(4)])
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE predictions SET decision_time = 'x' WHERE id = 2"))
        connection.execute(text("UPDATE predictions SET p_up = 0.99 WHERE id = 4"))

    unreadable, edited = ledger.verify_chain()

    assert "prediction 2 was edited: it cannot be read" in unreadable
    assert re.search("prediction 4 .* was edited", edited)


def test_rows_in_another_order_are_named(database: Database, ledger: Ledger) -> None:
    ledger.record([said(day) for day in range(4)])

    with database.engine.begin() as connection:
        for change in ("9 WHERE id = 2", "2 WHERE id = 3", "3 WHERE id = 9"):
            connection.execute(text(f"UPDATE predictions SET id = {change}"))  # noqa: S608

    faults = ledger.verify_chain()
    assert faults
    assert all("one is gone or moved" in each for each in faults)


def test_zones_whole_numbers_and_missing_numbers_do_not_look_like_tampering(
    ledger: Ledger,
) -> None:
    brisbane = ZoneInfo("Australia/Brisbane")
    entry = replace(
        said(),
        decision_time=T0.astimezone(brisbane),
        made_at=T0.astimezone(brisbane),
        p_up=1,
        expected_net_r=float("nan"),
        features={"range_size": float("nan"), "pair": (1, 2)},
        outputs={"by_bin": {10: 1.0, 2: float("inf")}},
    )

    assert ledger.record([entry]) == 1

    assert ledger.verify_chain() == ()
    (row,) = ledger.settled("MGC")
    assert row.prediction.decision_time == T0
    assert row.prediction.expected_net_r is None
    assert row.prediction.features == {"range_size": None, "pair": [1, 2]}
    assert row.prediction.outputs == {"by_bin": {"10": 1.0, "2": None}}


_WRITER = """
    import sys
    from dataclasses import replace
    from registry.database import open_database
    from registry.ledger import Ledger
    from tests.registry.test_ledger import said

    ledger = Ledger(open_database(sys.argv[1]))
    print(sum(ledger.record([said(day, p_up=0.5)]) for day in range(40)))
"""


def test_processes_racing_for_the_same_slots_make_one_row_each(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    project = Path(__file__).parents[2]

    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_WRITER), url],
            env={**os.environ, "PYTHONPATH": str(project)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    added = [int(racer.communicate()[0]) for racer in racers]

    ledger = Ledger(open_database(url))
    assert sum(added) == len(ledger.settled("MGC")) == 40
    assert ledger.verify_chain() == ()


def test_a_naive_time_never_enters(ledger: Ledger) -> None:
    naive = replace(said(), made_at=datetime(2024, 6, 3, 23, 5))  # noqa: DTZ001 - what is refused

    with pytest.raises(Exception, match="has no zone"):
        ledger.record([naive])

    assert ledger.settled("MGC") == ()
