"""One decision per slot and rules, one intent per slot, even with concurrent processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.decision.plan_record import OrderIntent, StrategyRecord
from registry.database import Database, open_database
from registry.strategy import order_intents, record_strategy, strategy_records

T0 = datetime(2025, 1, 6, 23, 5, tzinfo=UTC)

_RACER = """
    import sys
    from registry.database import open_database
    from registry.strategy import record_strategy
    from tests.registry.test_strategy import decision, order

    database = open_database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(record_strategy(database, decision(day), order(day)) for day in range(30)))
"""


def decision(day: int = 0) -> StrategyRecord:
    return StrategyRecord(
        market="MGC",
        trading_day=date(2025, 1, 7) + timedelta(days=day),
        opening_range="0900",
        mode="live",
        rules_hash="a" * 64,
        stage="auto",
        version="20250101-abc",
        decision_time=T0 + timedelta(days=day),
        without_model={"long": 1.0, "short": 1.0, "checks": []},
        with_model={"long": 1.2, "short": 0.5, "checks": []},
        at=T0 + timedelta(days=day, seconds=4),
    )


def order(day: int = 0) -> OrderIntent:
    made = decision(day)
    return OrderIntent(
        market=made.market,
        trading_day=made.trading_day,
        opening_range=made.opening_range,
        rules_hash=made.rules_hash,
        version="20250101-abc",
        bound_to="b" * 64,
        order={"contract": "MGCG5", "entries": [{"side": "long", "level": 2650.3}]},
        expires_at=T0 + timedelta(days=day, hours=8),
        at=made.at,
    )


def test_a_decision_and_its_intent_come_back_as_they_were(database: Database) -> None:
    assert record_strategy(database, decision(), order())
    assert strategy_records(database, "MGC", mode="live") == (decision(),)
    assert order_intents(database, "MGC") == (order(),)
    assert strategy_records(database, "NQ", mode="live") == ()
    assert strategy_records(database, "MGC", mode="replay") == ()


def test_the_first_decision_is_kept_and_a_second_adds_no_intent(database: Database) -> None:
    record_strategy(database, decision())
    later = replace(decision(), stage="hybrid", at=T0 + timedelta(hours=1))
    assert not record_strategy(database, later, order())
    assert strategy_records(database, "MGC", mode="live") == (decision(),)
    assert order_intents(database, "MGC") == ()


def test_other_rules_decide_beside_the_first_and_send_nothing_more(database: Database) -> None:
    record_strategy(database, decision(), order())
    other = replace(decision(), rules_hash="c" * 64)
    assert record_strategy(database, other, replace(order(), rules_hash="c" * 64))
    assert len(strategy_records(database, "MGC", mode="live")) == 2
    assert strategy_records(database, "MGC", mode="live", rules_hash="c" * 64) == (other,)
    assert order_intents(database, "MGC") == (order(),)


def test_days_and_times_bound_the_returned_records(database: Database) -> None:
    for day in range(5):
        record_strategy(database, decision(day), order(day))
    records = strategy_records(
        database, "MGC", mode="live", first=date(2025, 1, 8), last=date(2025, 1, 9)
    )
    assert records == (decision(1), decision(2))
    assert order_intents(database, "MGC", since=order(3).at) == (order(3), order(4))


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
def test_two_processes_deciding_the_same_slots_write_each_once(url: str) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_RACER), url],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    counts = [int(racer.communicate("go\n")[0]) for racer in racers]

    database = open_database(url)
    assert sum(counts) == 30
    assert strategy_records(database, "MGC", mode="live") == tuple(
        decision(day) for day in range(30)
    )
    assert order_intents(database, "MGC") == tuple(order(day) for day in range(30))
    database.close()
