"""The champion's history can be queried, is never rewritten, and decides which version serves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.database import Database
from registry.errors import (
    AliasChangedError,
    BackdatedChangeError,
    NothingToRollBackError,
    UnsignedChangeError,
)
from registry.models.model_store import ModelStore
from registry.models.versions import CHALLENGER, CHAMPION, LEARNED_UNTIL, VersionRecord
from tests.registry.models.test_model_store import AT, bundle, register, writer


@pytest.fixture
def store(database: Database, tmp_path: Path) -> ModelStore:
    return ModelStore(database, tmp_path / "models")


def test_the_champion_at_a_time_is_one_query_and_a_rollback_one_call(store: ModelStore) -> None:
    a, b = register(store, bundle("a")), register(store, bundle("b"))
    day = timedelta(days=1)
    store.set_alias("TEST", CHAMPION, a.version, at=AT, by="orbcast", reason="first")
    store.set_alias("TEST", CHAMPION, b.version, at=AT + day, by="ann", reason="better")
    assert not store.set_alias("TEST", CHAMPION, b.version, at=AT + day, by="ann", reason="again")

    back = store.rollback("TEST", at=AT + 2 * day, by="bob", reason="worse live")

    assert back == a
    then = store.current("TEST", CHAMPION, AT + day + timedelta(hours=1))
    assert then is not None
    assert (then.version, then.by, then.reason) == (b.version, "ann", "better")
    assert store.current("TEST", CHAMPION, AT - day) is None
    assert [change.by for change in store.history("TEST", CHAMPION)] == ["orbcast", "ann", "bob"]


def test_a_change_counts_from_its_moment_on_and_two_may_share_one(store: ModelStore) -> None:
    a, b = register(store, bundle("a")), register(store, bundle("b"))
    for record in (a, b):
        assert store.set_alias("TEST", CHAMPION, record.version, at=AT, by="ann", reason="first")

    named = [store.current("TEST", CHAMPION, AT - timedelta(seconds=1))]
    named.append(store.current("TEST", CHAMPION, AT))
    assert [event.version if event else None for event in named] == [None, b.version]


def test_a_second_rollback_goes_further_back_and_never_forward_again(store: ModelStore) -> None:
    made = [register(store, bundle(name)) for name in "abc"]
    hour = timedelta(hours=1)
    for number, record in enumerate(made):
        at = AT + number * hour
        store.set_alias("TEST", CHAMPION, record.version, at=at, by="ann", reason="better")

    back = [
        store.rollback("TEST", at=AT + number * hour, by="bob", reason="worse")
        for number in (3, 4)
    ]

    assert back == [made[1], made[0]]
    with pytest.raises(NothingToRollBackError):
        store.rollback("TEST", at=AT + 5 * hour, by="bob", reason="worse")


def test_an_expired_champion_is_followed_by_its_predecessor_and_none_rolled_back(
    store: ModelStore,
) -> None:
    first, second, bad = (register(store, bundle(name)) for name in "abc")
    hour = timedelta(hours=1)
    for number, record in enumerate((first, second, bad)):
        at = AT + number * hour
        store.set_alias("TEST", CHAMPION, record.version, at=at, by="ann", reason="better")
    store.rollback("TEST", at=AT + 3 * hour, by="bob", reason="worse")
    assert store.serving("TEST", AT).record == second

    instead = store.serving("TEST", AT, {second.version: "it fell over"})

    assert instead.record == first
    assert instead.fallback == f"champion {second.version} is not usable: it fell over"


def test_a_model_expires_before_a_baseline_and_replays_of_days_before_it_was_made_do_not(
    store: ModelStore,
) -> None:
    model, baseline = register(store, bundle("a", "residual")), register(store, bundle("b"))
    store.set_alias("TEST", CHAMPION, model.version, at=AT, by="ann", reason="better")
    day = timedelta(days=1)
    assert store.serving("TEST", AT - 900 * day).record == model
    assert store.serving("TEST", AT + 45 * day - timedelta(seconds=1)).record == model

    later = store.serving("TEST", AT + 45 * day)

    assert (later.record, later.expired) == (baseline, None)
    assert later.fallback == f"champion {model.version} expired on 2024-07-16"
    nothing = store.serving("TEST", AT + 400 * day)
    assert nothing.record == model
    assert nothing.expired is not None


def test_the_history_of_champions_is_not_rewritten(store: ModelStore) -> None:
    a, b = register(store, bundle("a")), register(store, bundle("b"))
    earlier = AT - timedelta(days=1)
    for alias in (CHAMPION, CHALLENGER):
        store.set_alias("TEST", alias, a.version, at=AT, by="ann", reason="first")

    with pytest.raises(BackdatedChangeError, match="give a later time"):
        store.set_alias("TEST", CHAMPION, b.version, at=earlier, by="ann", reason="late")
    assert not store.set_alias("TEST", CHALLENGER, b.version, at=earlier, by="o", reason="late")

    assert store.current("TEST", CHAMPION, earlier) is None
    assert store.current("TEST", CHALLENGER, earlier) is None


@pytest.mark.parametrize(("by", "reason"), [(" ", "better"), ("ann", "")], ids=["by", "reason"])
def test_a_change_without_a_name_or_a_reason_is_refused(
    store: ModelStore, by: str, reason: str
) -> None:
    record = register(store, bundle())

    with pytest.raises(UnsignedChangeError):
        store.set_alias("TEST", CHAMPION, record.version, at=AT, by=by, reason=reason)

    assert store.history("TEST", CHAMPION) == ()


def test_a_change_decided_for_another_champion_than_the_present_one_is_refused(
    store: ModelStore,
) -> None:
    made = [register(store, bundle(name)) for name in "abc"]

    def change(number: int, instead_of: str | None) -> bool:
        to = made[number].version
        return store.set_alias(
            "TEST", CHAMPION, to, at=AT, by="ann", reason="better", instead_of=instead_of
        )

    with pytest.raises(AliasChangedError):
        change(0, made[1].version)
    assert change(0, "")
    assert change(1, made[0].version)
    with pytest.raises(AliasChangedError, match=f"champion was changed to {made[1].version}"):
        change(2, made[0].version)
    assert not change(1, made[0].version)  # it is what was wanted
    assert [change.version for change in store.history("TEST", CHAMPION)] == [
        record.version for record in made[:2]
    ]


def test_of_two_processes_that_change_an_alias_at_once_the_second_is_refused(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = (register(store, bundle(name)) for name in "abc")
    store.set_alias("TEST", CHAMPION, a.version, at=AT, by="orbcast", reason="first")
    whole, later = store.faults, AT + timedelta(hours=1)

    def change_by_another(record: VersionRecord) -> tuple[str, ...]:
        monkeypatch.setattr(store, "faults", whole)
        store.set_alias("TEST", CHAMPION, b.version, at=later, by="ann", reason="better")
        return whole(record)

    for version, error in ((c, BackdatedChangeError), (b, None)):
        monkeypatch.setattr(store, "faults", change_by_another)
        if error is None:
            at = later + timedelta(hours=1)
            assert not store.set_alias(
                "TEST", CHAMPION, version.version, at=at, by="orbcast", reason="it is not worse"
            )
        else:
            with pytest.raises(error):
                store.set_alias(
                    "TEST", CHAMPION, version.version, at=AT, by="orbcast", reason="not worse"
                )
    assert [change.by for change in store.history("TEST", CHAMPION)] == ["orbcast", "ann"]


def test_without_an_earlier_champion_there_is_nothing_to_go_back_to(store: ModelStore) -> None:
    with pytest.raises(NothingToRollBackError, match="orbcast models promote"):
        store.rollback("TEST", at=AT, by="bob", reason="why not")


def test_without_a_champion_a_baseline_serves_and_is_named_as_fallback(store: ModelStore) -> None:
    residual = bundle("r", "residual")
    base = register(store, bundle("a"))
    challenger = register(store, residual)
    store.set_alias("TEST", CHAMPION, challenger.version, at=AT, by="ann", reason="bold")
    for file in challenger.folder.iterdir():
        file.unlink()

    assert store.serving("TEST", AT).record == base


def test_without_a_champion_set_the_reason_is_stated(store: ModelStore) -> None:
    base = register(store, bundle("a"))

    assert (store.serving("TEST", AT).record, store.serving("TEST", AT).fallback) == (
        base,
        "no champion is set",
    )


def test_the_age_counts_from_the_end_of_the_last_training_day(store: ModelStore) -> None:
    made = bundle()
    until = {LEARNED_UNTIL: "2024-05-01"}
    record = store.register(made, writer(made), metrics=until, at=AT)  # type: ignore[arg-type]

    assert store.expires_at(record) == datetime(2024, 5, 2, tzinfo=UTC) + timedelta(days=400)
    # one of before the last day was kept: from when it was made
    assert store.expires_at(replace(record, metrics={})) == AT + timedelta(days=400)
