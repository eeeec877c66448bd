"""Everything that matters for decisions is chained: forgeries by plain SQL are reported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from ml_core.learning.recipe import Recipe
from ml_core.market.definition import MarketDefinition
from ml_core.market_events import BreakerEvent
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import SettledTrade
from registry.chains.chain import GENESIS, Chain, chain_of
from registry.database import Database, open_database
from registry.definitions.markets import remember_definition
from registry.definitions.recipes import recipe_faults
from registry.fills import import_fills
from registry.health.breaker import record_breaker
from registry.ledger.ledger import Ledger
from registry.ledger.verification import Verification, chains, seal_record
from registry.models.decisions import record_decision
from registry.models.model_store import ModelStore
from registry.models.versions import CHAMPION
from registry.news import record_news
from registry.paper import record_paper
from registry.schema import migrations_of
from registry.strategy import record_strategy
from registry.studies.evaluations import EvaluationRecord, record_evaluation
from registry.studies.trials import (
    TrialRecord,
    count_trials,
    finish_trial,
    list_trials,
    record_trial,
)
from registry.tables.versions import AliasEvent
from registry.trades import TradeRecord, record_trades, remember_rules
from tests.registry.conftest import url_of_no_rows
from tests.registry.models.test_model_store import bundle, register
from tests.registry.test_fills import ONE, file
from tests.registry.test_news import CPI
from tests.registry.test_paper import EVENTS as PAPER
from tests.registry.test_records import decided
from tests.registry.test_strategy import decision, order

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
LATER = AT + timedelta(days=1)
NO_TRADE = TradeRecord(
    market="MGC",
    trading_day=AT.date(),
    opening_range="0900",
    rules_hash=Rules(name="mine").hash,
    market_hash="",
    trade=SettledTrade(
        side=None,
        entered_at=None,
        resolved_at=AT,
        r_net=None,
        r_gross=None,
        prices=None,
        risk_money=None,
    ),
)
OTHERS = [name for name in chains() if name not in {"predictions", "outcomes", "rollout_events"}]
FORGED_CHAMPION = (
    "INSERT INTO aliases (market, alias, version, at, by, reason, previous_hash, row_hash) VALUES "
    "('TEST', 'champion', 'forged', '2024-06-09 00:00:00.000000', 'ann', 'better', '{}', '{}')"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of_no_rows(request, tmp_path)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    return tmp_path / "ledger-heads.jsonl"


@pytest.fixture(scope="module")
def recorded_home(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, to be copied, in whose SQLite database every recording function has written."""
    home = tmp_path_factory.mktemp("recorded")
    shutil.copy(migrated_file, home / "orbcast.sqlite")
    with opened_home(home) as database:
        record_one_of_each(database, home / "models")
    return home


@pytest.fixture(scope="module")
def upgraded_home(recorded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That home, to be copied, after an upgrade from an old schema."""
    home = tmp_path_factory.mktemp("upgraded") / "home"
    shutil.copytree(recorded_home, home)
    with opened_home(home) as database:
        go_back(database, home / "ledger-heads.jsonl")
    with opened_home(home):  # upgrades it
        pass
    return home


@contextmanager
def opened_home(home: Path) -> Iterator[Database]:
    url, checkpoints = f"sqlite:///{home / 'orbcast.sqlite'}", home / "ledger-heads.jsonl"
    database = open_database(url, checkpoints=checkpoints)
    yield database
    database.close()


@pytest.fixture
def recorded(
    url: str, checkpoints: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """A database to which every recording function has written."""
    if url.startswith("sqlite"):
        shutil.copytree(request.getfixturevalue("recorded_home"), tmp_path, dirs_exist_ok=True)
    database = open_database(url, checkpoints=checkpoints)
    if not url.startswith("sqlite"):
        record_one_of_each(database, tmp_path / "models")
    yield database
    database.close()


def record_one_of_each(database: Database, models: Path) -> None:
    store = ModelStore(database, models)
    for number, fingerprint in enumerate("ab"):
        made = register(store, bundle(fingerprint), AT + number * timedelta(hours=1))
        store.set_alias("TEST", CHAMPION, made.version, at=AT, by="ann", reason="first")
    record_decision(database, decided())
    recipe = bundle().recipe
    record_evaluation(database, study(recipe), recipe)
    begin_trial(database, "h")
    finish_trial(database, "MGC", "h", "", score=0.5, state="complete")
    remember_definition(database, MarketDefinition("MGC", {"symbol": "MGC"}), AT)
    record_breaker(database, opened(0))
    record_strategy(database, decision(), order())
    remember_rules(database, Rules(name="mine"), AT)
    record_trades(database, [NO_TRADE], AT)
    import_fills(database, "MGC", file(ONE), AT)
    record_news(database, [CPI], "news.toml", AT)
    record_paper(database, "outbox", "MGC", PAPER, after=0, at=AT)
    seal_record(database, version="1.2", at=AT)


def study(recipe: Recipe) -> EvaluationRecord:
    return EvaluationRecord(
        market="MGC",
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        study_hash="s1",
        settings={"counts": True},
        data_fingerprint="bars",
        verdict="no lift",
        figures={"log_loss": 0.69},
        files={},
        at=AT,
    )


def begin_trial(database: Database, recipe_hash: str) -> bool:
    return record_trial(
        database,
        TrialRecord(
            market="MGC",
            study="s",
            recipe="small",
            recipe_hash=recipe_hash,
            values={"leaves": 7},
            score=None,
            state="begun",
            at=AT,
        ),
    )


def opened(minute: int) -> BreakerEvent:
    at = AT + timedelta(minutes=minute)
    return BreakerEvent(market="MGC", at=at, state="open", cause="drift", detail="3", by="ann")


def verified(database: Database) -> Verification:
    return Ledger(database).verify()


def execute(database: Database, change: Any) -> None:
    with database.session() as session:
        session.execute(text(change) if isinstance(change, str) else change)


def chained_anew(session: Session, chain: Chain) -> None:
    """Recompute the hash of every row of a chain, like a knowledgeable forger."""
    rows = list(session.scalars(select(chain.table).order_by(chain.table.id)))
    previous = GENESIS
    for row in rows:
        values = {name: getattr(row, name) for name in chain.names}
        own = chain.row_hash(values, previous)
        hashes = {"previous_hash": previous, "row_hash": own}
        session.execute(update(chain.table).where(chain.table.id == row.id).values(hashes))
        previous = own


def test_recorded_rows_are_chained_and_each_new_end_is_noted(
    recorded: Database, checkpoints: Path
) -> None:
    record = verified(recorded)

    assert (record.faults, record.doubts, record.unnoted) == ((), (), 0)
    assert record.beginnings == ()  # nothing here is older than its chain
    filled = {name: end for name, end in record.ends.items() if end.rows}
    assert set(filled) == {*OTHERS} - {"chain_beginnings"}
    notes = [json.loads(line) for line in checkpoints.read_text().splitlines()]
    assert {note["chain"]: note["head"] for note in notes} == {
        name: end.row_hash for name, end in filled.items()
    }


@pytest.mark.parametrize(("previous", "own"), [("", ""), ("{end}", "f"), ("f", "f")])
def test_a_forged_champion_is_named_by_table_and_row(
    recorded: Database, previous: str, own: str
) -> None:
    end = verified(recorded).ends["aliases"].row_hash

    execute(recorded, FORGED_CHAMPION.format(previous.format(end=end), own))

    assert ModelStore(recorded, Path()).current("TEST", CHAMPION).version == "forged"  # type: ignore[union-attr]
    faults = verified(recorded).faults
    assert faults
    assert all(fault.startswith("aliases row 3 (TEST:champion)") for fault in faults)


def test_a_forged_champion_with_its_right_hash_has_no_noted_head(recorded: Database) -> None:
    """It looks like a row after a crash: only the file of noted heads reveals it."""
    chain = chain_of(AliasEvent)
    forger = Database(recorded.engine)
    with forger.session() as session:
        values = {"market": "TEST", "alias": "champion", "version": "forged"}
        chain.append(session, {**values, "at": LATER, "by": "ann", "reason": "better"})

    record = verified(recorded)

    assert (record.faults, record.unnoted_rows) == ((), {"aliases": 1})


EDITS = {
    "aliases": "UPDATE aliases SET version = 'other' WHERE id = 1",
    "breaker_events": "UPDATE breaker_events SET state = 'closed'",
    "decisions": "UPDATE decisions SET verdict = 'promoted'",
    "evaluations": "UPDATE evaluations SET verdict = 'a lift'",
    "market_definitions": "UPDATE market_definitions SET market = 'NQ'",
    "model_versions": "UPDATE model_versions SET metrics = '{}' WHERE id = 1",
    "order_intents": "UPDATE order_intents SET expires_at = '2030-01-01 00:00:00.000000'",
    "recipes": "UPDATE recipes SET name = 'other' WHERE id = 1",
    "strategy_decisions": "UPDATE strategy_decisions SET stage = 'shadow'",
    "trials": "UPDATE trials SET score = 0.1 WHERE id = 2",
}


@pytest.mark.parametrize("table", EDITS)
def test_an_edit_is_named_and_to_chain_the_whole_table_anew_does_not_hide_it(
    recorded: Database, table: str
) -> None:
    execute(recorded, EDITS[table])
    row = 2 if table == "trials" else 1
    (fault,) = verified(recorded).faults
    assert fault.startswith(f"{table} row {row} (")
    assert fault.endswith("was edited")

    with Database(recorded.engine).session() as session:
        chained_anew(session, chains()[table])

    faults = verified(recorded).faults
    assert faults
    assert f"{table} recorded" in faults[0]
    assert "are missing" in faults[0]


@pytest.mark.parametrize("table", EDITS)
def test_a_row_deleted_from_the_end_is_missed(recorded: Database, table: str) -> None:
    with recorded.session() as session:
        if recorded.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
        if table == "recipes":
            session.execute(text("DELETE FROM evaluations"))
            session.execute(text("DELETE FROM model_versions"))
        last = f"(SELECT max(id) FROM {table})"  # noqa: S608 - own names
        session.execute(text(f"DELETE FROM {table} WHERE id = {last}"))  # noqa: S608 - own names

    assert any(f"1 {table} recorded" in fault for fault in verified(recorded).faults)


def test_a_table_that_cannot_be_read_is_named(recorded: Database) -> None:
    execute(recorded, "ALTER TABLE breaker_events RENAME TO gone")

    record = verified(recorded)

    execute(recorded, "ALTER TABLE gone RENAME TO breaker_events")
    cannot_be_read, *others = record.faults
    assert cannot_be_read.startswith("breaker_events cannot be read (")
    assert others == []


def test_the_end_of_a_trial_is_a_row_beside_its_beginning(database: Database) -> None:
    assert begin_trial(database, "h")
    assert begin_trial(database, "i")
    for _ in range(2):  # a finished trial stays as it is
        finish_trial(database, "MGC", "h", "", score=0.5, state="complete")
    assert not begin_trial(database, "h")

    assert verified(database).ends["trials"].rows == 3
    assert count_trials(database, "MGC").questions == 2
    ended, begun = list_trials(database, "MGC")
    assert (ended.recipe_hash, ended.state, ended.score, ended.at) == ("h", "complete", 0.5, AT)
    assert (begun.recipe_hash, begun.state, begun.score) == ("i", "begun", None)


def test_a_recipe_whose_content_was_changed_is_named_by_its_own_hash(recorded: Database) -> None:
    assert recipe_faults(recorded) == ()
    with Database(recorded.engine).session() as session:
        content = json.dumps({**bundle().recipe.model_dump(mode="json"), "seed": 99})
        session.execute(text("UPDATE recipes SET recipe = :content"), {"content": content})

    (fault,) = recipe_faults(recorded)

    assert fault == "recipes row 1 (test-baseline) was edited: its content has another hash"


def go_back(database: Database, checkpoints: Path) -> None:
    """Return to an old schema, without any notes."""
    command.downgrade(migrations_of(database.engine), "0008")
    checkpoints.unlink()


@pytest.fixture
def upgraded(
    url: str, checkpoints: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """The database after an upgrade from an old schema, with notes of the ledger only."""
    if url.startswith("sqlite"):
        shutil.copytree(request.getfixturevalue("upgraded_home"), tmp_path, dirs_exist_ok=True)
    else:
        go_back(request.getfixturevalue("recorded"), checkpoints)
    again = open_database(url, checkpoints=checkpoints)
    yield again
    again.close()


def test_an_old_home_is_chained_as_it_is_and_states_its_first_chained_row(
    upgraded: Database, tmp_path: Path
) -> None:
    record = verified(upgraded)
    assert (record.faults, record.doubts, record.unnoted) == ((), (), 0)
    begun = {begun.table_name: begun.rows for begun in record.beginnings}
    # a trial was one row then
    assert begun == {**dict.fromkeys(EDITS, 1), "aliases": 2, "model_versions": 2}
    assert [trial.state for trial in list_trials(upgraded, "MGC")] == ["complete"]

    record_breaker(upgraded, opened(1))
    store = ModelStore(upgraded, tmp_path / "models")
    register(store, bundle("c"), LATER)
    record = verified(upgraded)
    assert (record.faults, record.unnoted) == ((), 0)
    assert record.ends["breaker_events"].rows == 2
    assert {begun.table_name: begun.rows for begun in record.beginnings} == begun


@pytest.mark.parametrize("table", EDITS)
def test_an_edit_after_the_upgrade_is_named_however_old_the_row_is(
    upgraded: Database, checkpoints: Path, table: str
) -> None:
    execute(upgraded, EDITS[table])
    (fault,) = verified(upgraded).faults
    assert fault.startswith(f"{table} row {2 if table == 'trials' else 1} (")

    with Database(upgraded.engine).session() as session:
        chained_anew(session, chains()[table])
    assert any(f"{table} recorded" in fault for fault in verified(upgraded).faults)

    # without the file of checkpoints the database's own record of the upgrade is left
    checkpoints.unlink()
    (fault,) = verified(upgraded).faults
    assert fault.startswith(f"{table}: row {1 + (table in {'aliases', 'model_versions'})} is not")


def test_an_upgrade_made_twice_is_missed_and_signed(upgraded: Database, checkpoints: Path) -> None:
    """With a backup from before the first upgrade, the database holds another note of it."""
    command.downgrade(migrations_of(upgraded.engine), "0008")
    url = upgraded.engine.url.render_as_string(hide_password=False)
    again = open_database(url, checkpoints=checkpoints)
    (fault,) = verified(again).faults
    assert fault.startswith("10 chain_beginnings recorded up to ")

    Ledger(again).accept_restored(by="ann", reason="went back for a day", at=LATER)

    assert verified(again).faults == ()
    again.close()


_RACER = """
    import sys
    from pathlib import Path
    from registry.database import open_database
    from registry.health.breaker import record_breaker
    from tests.registry.chains.test_chained_record import begin_trial, opened

    database = open_database(sys.argv[1], checkpoints=Path(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(25):
        record_breaker(database, opened(number))
        begin_trial(database, f"{sys.argv[3]}{number}")
"""


def test_two_processes_that_append_at_once_keep_the_chains_whole(
    url: str, checkpoints: Path
) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_RACER), url, str(checkpoints), name],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.communicate("go\n")
        assert racer.returncode == 0

    database = open_database(url, checkpoints=checkpoints)
    record = verified(database)
    assert (record.faults, record.unnoted) == ((), 0)
    assert record.ends["breaker_events"].rows == 50
    assert record.ends["trials"].rows == 50
    database.close()
