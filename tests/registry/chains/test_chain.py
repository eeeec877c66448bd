"""The hash chain: a row keeps its hash, and every manipulation of a row is reported."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Engine,
    Float,
    Integer,
    String,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.chains.chain import GENESIS, Chain, Head
from registry.database import Database, open_database
from registry.ledger.entries import fields_of
from registry.ledger.verification import OUTCOMES, PREDICTIONS
from registry.rollout import ROLLOUT
from registry.tables.base import UtcDateTime
from tests.ledger_rows import DECIDED, PREDICTION
from tests.registry.chains.chained_rows import BY_THEMSELVES, CHAINED, DAY, fill, values_of
from tests.registry.conftest import new_database

# What ledgers in use hold: none of these may ever change. Each hash is the SHA-256
# of 64 zeros and the row's columns as JSON, keys sorted, no spaces, written here by hand.
PREDICTION_TEXT = (
    '{"baseline_p_up":0.6,"decision_time":"2024-06-03T23:05:00+00:00","expected_net_r":-0.2,'
    '"features":{"atr20":null,"range_size":12.0},"label":"entry-session","late":false,'
    '"made_at":"2024-06-03T23:05:03.250000+00:00","market":"MGC","mode":"live",'
    '"model":"residual","opening_range":"0900","outputs":{"clock_behind_seconds":0.5},'
    '"p_up":0.625,"reason":null,"recipe_hash":"r1","recommendation":"skip","role":"champion",'
    '"status":"predicted","trading_day":"2024-06-04","version":"20240601-ab"}'
)
PREDICTION_HASH = "45cb0163234ef30fcea5637e65563d496e6395f07fe14107c2b9142cfa77cd1f"
OUTCOME_TEXT = (
    '{"direction":"UP","entry":2000.0,"label":"entry-session","market":"MGC",'
    '"opening_range":"0900","outcome":"WIN","r_gross":1.0,"r_net":0.8,'
    '"recorded_at":"2024-06-04T00:20:00+00:00","resolved_at":"2024-06-04T00:05:00+00:00",'
    '"revision":0,"stop":1998.0,"target":2002.0,"trading_day":"2024-06-04"}'
)
OUTCOME_HASH = "55881c67be23623f5b8c8bd0de0d76891fd538229a0277a7bfdc8ebd4da67e48"
EVENT_TEXT = (
    '{"at":"2024-06-03T23:05:00+00:00","bound_to":"h1","by":"ana","details":{"gates":10},'
    '"expires_at":"2024-06-17T23:05:00+00:00","kind":"approved","market":"MGC",'
    '"reason":"seen","sequence":0,"stage":"advisory"}'
)
EVENT_HASH = "a18ac4089d9f694b33899814787713d20db561b987428850c332955b68874c83"

CELLS = [
    pytest.param(chain, column, id=f"{name}-{column.name}")
    for name, chain in CHAINED.items()
    for column in chain.table.__table__.columns
    if column.name not in {"id", "previous_hash", "row_hash"}
]


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],  # the same sweep
)
def lasting_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database of either kind for the tests of a file, which roll back their changes."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            copy = tmp_path_factory.mktemp("lasting") / "orbcast.sqlite"
            shutil.copy(request.getfixturevalue("migrated_file"), copy)
            url = f"sqlite:///{copy}"
        else:
            url = stack.enter_context(new_database(request.getfixturevalue("postgresql")))
        opened = open_database(url)
        stack.callback(opened.close)
        yield opened


@pytest.fixture(scope="module")
def filled(lasting_database: Database) -> Database:
    fill(lasting_database)
    with lasting_database.reading() as session:
        assert faults(session) == []
    return lasting_database


@pytest.fixture(scope="module")
def forger(filled: Database) -> Iterator[Engine]:
    """Yield the database as opened by a forger who can ignore foreign keys."""
    engine = create_engine(filled.engine.url)
    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "connect")
        def _without_foreign_keys(connection: Any, _record: Any) -> None:
            connection.execute("SET session_replication_role = replica")
            connection.commit()

    yield engine
    engine.dispose()


@pytest.fixture
def session(forger: Engine) -> Iterator[Session]:
    """A transaction that is rolled back at the end."""
    with Session(forger) as session:
        yield session
        session.rollback()


def faults(session: Session, *chains: Chain) -> list[str]:
    """Return the faults of some chains; by default, of all chains."""
    session.expire_all()
    return [fault for chain in chains or CHAINED.values() for fault in chain.faults(session)]


def put(session: Session, chain: Chain, number: int, **values: Any) -> None:
    table = chain.table.__table__
    session.execute(update(table).where(table.c.id == number).values(**values))


def value_of(session: Session, chain: Chain, number: int, column: Column[Any]) -> Any:
    return session.execute(select(column).where(chain.table.__table__.c.id == number)).scalar_one()


STEPS: dict[type, Any] = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: math.nextafter(value, math.inf),
    str: lambda value: value + " ",
    datetime: lambda value: value + timedelta(microseconds=1),
    date: lambda value: value + DAY,
    dict: lambda value: {**value, "added": None},
    list: lambda value: [*value, None],
}
"""The smallest change of a value, by its type."""

BEGINNINGS = {Float: 0.5, Integer: 7, UtcDateTime: DECIDED, String: "x"}
"""A value that may replace a missing one, by the column's type."""


def altered(value: Any, column: Column[Any]) -> Any:
    if value is not None:
        return STEPS[type(value)](value)
    return next(it for kind, it in BEGINNINGS.items() if isinstance(column.type, kind))


@pytest.mark.parametrize(
    ("chain", "words", "golden"),
    [
        (PREDICTIONS, PREDICTION_TEXT, PREDICTION_HASH),
        (OUTCOMES, OUTCOME_TEXT, OUTCOME_HASH),
        (ROLLOUT, EVENT_TEXT, EVENT_HASH),
    ],
    ids=["predictions", "outcomes", "rollout events"],
)
def test_a_row_s_hash_is_that_of_ledgers_in_use(
    session: Session, chain: Chain, words: str, golden: str
) -> None:
    first, second = session.scalars(select(chain.table).order_by(chain.table.id).limit(2))
    assert (first.previous_hash, first.row_hash) == ("0" * 64, golden)
    assert hashlib.sha256(("0" * 64 + words).encode()).hexdigest() == golden
    assert second.previous_hash == golden


@pytest.mark.parametrize("number", [2, 3], ids=["full row", "bare row"])
@pytest.mark.parametrize(("chain", "column"), CELLS)
def test_the_smallest_change_of_any_column_is_named(
    session: Session, chain: Chain, column: Column[Any], number: int
) -> None:
    before = value_of(session, chain, number, column)

    put(session, chain, number, **{column.name: altered(before, column)})

    (fault,) = faults(session, chain)
    assert re.fullmatch(rf"{chain.noun} {number} \(.*\) was edited", fault)


@pytest.mark.parametrize(("chain", "column"), [cell for cell in CELLS if cell.values[1].nullable])
def test_a_value_taken_out_of_any_column_is_named(
    session: Session, chain: Chain, column: Column[Any]
) -> None:
    assert value_of(session, chain, 2, column) is not None

    put(session, chain, 2, **{column.name: None})

    (fault,) = faults(session, chain)
    assert re.fullmatch(rf"{chain.noun} 2 \(.*\) was edited", fault)


@pytest.mark.parametrize("chain", CHAINED.values(), ids=CHAINED)
def test_a_changed_hash_is_named_in_its_row_and_where_the_next_row_follows_it(
    session: Session, chain: Chain
) -> None:
    put(session, chain, 2, row_hash="f" * 64)
    edited, next_row = faults(session, chain)
    assert re.fullmatch(rf"{chain.noun} 2 \(.*\) was edited", edited)
    assert re.match(rf"{chain.noun} 3 \(.*\) does not follow the row before it", next_row)
    session.rollback()

    put(session, chain, 2, previous_hash="f" * 64)
    follows, edited = faults(session, chain)
    assert re.match(rf"{chain.noun} 2 \(.*\) does not follow the row before it", follows)
    assert re.fullmatch(rf"{chain.noun} 2 \(.*\) was edited", edited)


PAGES = [
    (name, page)
    for name, chain in CHAINED.items()
    for page in ((1, 2, 3, 2000) if chain in BY_THEMSELVES else (2000,))
]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("name", "page"), PAGES)
def test_any_row_that_is_deleted_shows_in_the_next_one_however_many_are_read_at_once(
    session: Session, monkeypatch: pytest.MonkeyPatch, name: str, number: int, page: int
) -> None:
    chain = CHAINED[name]
    monkeypatch.setattr("registry.chains.chain._PAGE", page)
    assert faults(session) == []

    session.execute(delete(chain.table).where(chain.table.id == number))

    (fault,) = faults(session)
    assert re.match(rf"{chain.noun} {number + 1} \(.*\) does not follow the row before it", fault)


@pytest.mark.parametrize("chain", CHAINED.values(), ids=CHAINED)
def test_the_last_row_deleted_leaves_a_whole_chain_with_a_nearer_end(
    session: Session, chain: Chain
) -> None:
    """Only a head noted elsewhere reveals it: see test_chain_checkpoints.py."""
    whole = chain.head(session)
    third = session.scalars(select(chain.table.row_hash).where(chain.table.id == 3)).one()

    session.execute(delete(chain.table).where(chain.table.id == 4))

    assert faults(session, chain) == []
    assert whole.rows == 4
    assert (chain.head(session).rows, chain.head(session).row_hash) == (3, third)


OUT_OF_PLACE = {
    (1, 2): {1, 2, 3},
    (1, 3): {1, 2, 3, 4},
    (1, 4): {1, 2, 4},
    (2, 3): {2, 3, 4},
    (2, 4): {2, 3, 4},
    (3, 4): {3, 4},
}
"""Two swapped rows, and the rows that then follow a different row than before."""


@pytest.mark.parametrize(("one", "other"), list(OUT_OF_PLACE))
@pytest.mark.parametrize("chain", CHAINED.values(), ids=CHAINED)
def test_rows_that_change_places_are_named(
    session: Session, chain: Chain, one: int, other: int
) -> None:
    for old, new in ((one, 9), (other, one), (9, other)):
        put(session, chain, old, id=new)

    named = faults(session, chain)

    assert all(
        "does not follow the row before it: one is missing or was moved" in it for it in named
    )
    numbers = {int(re.match(rf"{chain.noun} (\d+)", fault)[1]) for fault in named}  # type: ignore[index]
    assert numbers == OUT_OF_PLACE[one, other]
    assert len(named) == len(numbers)


def forged(session: Session, chain: Chain, number: int, previous: str) -> dict[str, Any]:
    """Return a row of its own slot with a correct hash for its stated predecessor."""
    columns = [chain.table.__table__.c[name] for name in chain.names]
    if chain in BY_THEMSELVES:
        last = select(*columns).order_by(chain.table.id.desc()).limit(1)
        row = session.execute(last).mappings().one()
        key = "sequence" if chain is ROLLOUT else "opening_range"
        values = {**row, key: 77 if chain is ROLLOUT else "1000"}
    else:
        values = values_of(chain, 77)
    digest = chain.row_hash(values, previous)
    return {**values, "id": number, "previous_hash": previous, "row_hash": digest}


@pytest.mark.parametrize("place", [1, 2, 3, 4])
@pytest.mark.parametrize("chain", CHAINED.values(), ids=CHAINED)
def test_a_row_put_between_others_is_refused_or_named(
    session: Session, chain: Chain, place: int
) -> None:
    hashes = list(session.scalars(select(chain.table.row_hash).order_by(chain.table.id)))
    before = [GENESIS, *hashes][place - 1]
    for number in range(4, place - 1, -1):
        put(session, chain, number, id=number + 1)
    assert faults(session, chain) == []

    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(chain.table).values(forged(session, chain, place, before)))
    session.execute(insert(chain.table).values(forged(session, chain, place, "f" * 64)))

    itself, next_row = faults(session, chain)
    assert re.match(rf"{chain.noun} {place} \(.*\) does not follow", itself)
    assert re.match(rf"{chain.noun} {place + 1} \(.*\) does not follow", next_row)


@pytest.mark.parametrize("chain", CHAINED.values(), ids=CHAINED)
def test_a_row_put_at_the_end_without_its_hash_is_named(session: Session, chain: Chain) -> None:
    row = forged(session, chain, 5, chain.head(session).row_hash)
    session.execute(insert(chain.table).values({**row, "row_hash": "f" * 64}))

    (fault,) = faults(session, chain)
    assert re.fullmatch(rf"{chain.noun} 5 \(.*\) was edited", fault)


def test_json_that_swallows_its_neighbours_is_named(session: Session) -> None:
    """The hashed text is unchanged, but the column alone is not valid JSON, which reveals it."""
    between = (
        '"label":"entry-session","late":false,"made_at":"2024-06-03T23:05:03.250000+00:00",'
        '"market":"MGC","mode":"live","model":"residual","opening_range":"1000","outputs":'
    )
    sly = replace(
        PREDICTION,
        opening_range="1000",
        features={
            "a": 1,
            "label": "entry-session",
            "late": False,
            "made_at": "2024-06-03T23:05:03.250000+00:00",
            "market": "MGC",
            "mode": "live",
            "model": "residual",
            "opening_range": "1000",
            "outputs": 2,
        },
    )
    values = fields_of(sly)
    PREDICTIONS.append(session, values)
    assert faults(session) == []

    edited = {"features": '{"a":1', "outputs": f'2}},{between}{{"clock_behind_seconds":0.5}}'}
    change = "UPDATE predictions SET features = :features, outputs = :outputs WHERE id = 5"
    session.execute(text(change), edited)

    (fault,) = faults(session)
    assert "prediction 5 was edited: it cannot be read" in fault


@pytest.mark.parametrize(
    "written",
    ["[" * 5_000 + "]" * 5_000, "1e999", "NaN", "{'a':1}", '{"a":1} x', '"\\ud800"', "", "{"],
)
def test_json_that_orbcast_never_writes_is_named_and_ends_nothing(
    session: Session, written: str
) -> None:
    session.execute(text("UPDATE predictions SET features = :it WHERE id = 2"), {"it": written})
    (fault,) = faults(session)
    assert "prediction 2" in fault
    assert "was edited" in fault


def test_json_in_another_spelling_with_the_same_values_is_no_fault(session: Session) -> None:
    spelled = '{"range_size": 12.0, "atr20": null}'
    session.execute(text("UPDATE predictions SET features = :it WHERE id = 2"), {"it": spelled})
    assert faults(session) == []


@pytest.mark.parametrize("chain", CHAINED.values(), ids=CHAINED)
def test_a_row_is_looked_up_by_its_hash_or_by_how_it_begins(
    session: Session, chain: Chain
) -> None:
    digest = chain.head(session).row_hash
    assert [chain.has(session, it) for it in (digest, digest[:12], GENESIS)] == [True] * 3
    for unknown in ("%", "_" * 64, digest[1:], "f" * 64, f"{digest}0"):
        assert not chain.has(session, unknown)


def test_of_many_hashes_the_places_of_those_in_the_chain_are_returned(session: Session) -> None:
    session.execute(text("UPDATE predictions SET id = id + 10 WHERE id > 2"))
    hashes = list(session.scalars(select(PREDICTIONS.table.row_hash).order_by(text("id"))))
    wanted = ["f" * 64, *reversed(hashes)]
    places = {digest: place for place, digest in enumerate(hashes, 1)}
    assert PREDICTIONS.walk(session, wanted=wanted).places == places
    assert PREDICTIONS.walk(session, wanted=hashes[2:3]).places == {hashes[2]: 3}
    assert PREDICTIONS.walk(session).places == {}

    later = PREDICTIONS.walk(session, Head(2, hashes[1]), wanted)
    assert later.places == {**places, hashes[0]: None, hashes[1]: None}
    assert later.end == PREDICTIONS.head(session)
