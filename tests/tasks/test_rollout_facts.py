"""Checks, breaker, faults, serving version and approvals are derived from the rows."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import text

from ml_core.health.drift import DriftFigures
from ml_core.market_events import RolloutEvent
from registry.errors import BusyDatabaseError, DatabaseError
from registry.ledger.ledger import Ledger
from registry.rollout import record_rollout
from tasks.rollout.facts import subject_of
from tasks.runs.code_hash import code_hash
from tests.tasks.live_market import (
    DAY,
    MARKET,
    NOW,
    RECIPES,
    START,
    LiveMarket,
    answers,
    facts,
    outcome_of,
)

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def ageing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let versions expire after the default lifetime."""
    for name in ("MODEL", "BASELINE"):
        monkeypatch.delenv(f"ORBCAST_{name}_EXPIRES_DAYS", raising=False)


def test_of_drift_checks_the_latest_of_the_market_is_taken(market: LiveMarket) -> None:
    assert facts(market).drift is None
    market.drift(NOW - DAY)
    market.drift(NOW, market="NQ", detected=True)
    market.drift(NOW - 2 * DAY, detected=True)

    check = facts(market).drift

    assert check is not None
    assert (check.at, check.judged, check.clean, check.words) == (
        NOW - DAY,
        True,
        True,
        "no drift",
    )


@pytest.mark.parametrize(
    ("changes", "judged", "clean"),
    [
        ({"detected": True}, True, False),
        ({"figures": DriftFigures(why_not="too few days")}, False, True),
        ({"figures": DriftFigures.from_json({})}, False, True),
    ],
)
def test_a_drift_check_is_clean_if_it_detected_nothing_and_judges_if_it_says_so(
    market: LiveMarket, changes: dict[str, Any], judged: bool, clean: bool
) -> None:
    market.drift(NOW, **changes)
    check = facts(market).drift
    assert check is not None
    assert (check.judged, check.clean) == (judged, clean)


def test_of_parity_checks_the_latest_of_the_market_is_taken(market: LiveMarket) -> None:
    assert facts(market).parity is None
    market.parity(NOW - DAY)
    market.parity(NOW, market="NQ", unexplained=1)
    market.parity(NOW - 2 * DAY, unexplained=1)

    check = facts(market).parity

    assert check is not None
    assert (check.at, check.judged, check.clean, check.words) == (
        NOW - DAY,
        True,
        True,
        "all agree",
    )


@pytest.mark.parametrize(
    ("changes", "judged", "clean"),
    [
        ({"unexplained": 1}, True, False),
        ({"compared": 0}, False, True),
        ({"compared": 1}, True, True),
    ],
    ids=str,
)
def test_a_parity_check_is_clean_if_all_is_explained_and_judges_if_it_compared(
    market: LiveMarket, changes: dict[str, Any], judged: bool, clean: bool
) -> None:
    market.parity(NOW, **changes)
    check = facts(market).parity
    assert check is not None
    assert (check.judged, check.clean) == (judged, clean)


def test_the_breaker_is_what_its_events_make_it_and_unreadable_is_open(market: LiveMarket) -> None:
    assert facts(market).breaker == "closed"
    market.breaker("open", NOW - 11 * HOUR)
    assert facts(market).breaker == "open"
    assert facts(market, NOW + HOUR).breaker == "half_open"
    market.breaker("closed", NOW)
    assert facts(market).breaker == "closed"
    with market.database.session() as session:
        session.execute(text("ALTER TABLE breaker_events RENAME TO gone"))
    assert facts(market).breaker == "open"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE predictions SET p_up = 0.9 WHERE id = 1", "prediction 1"),
        ("UPDATE outcomes SET r_net = 9.9 WHERE id = 1", "outcome 1"),
        ("UPDATE rollout_events SET stage = 'auto' WHERE id = 1", "rollout event 1"),
        ("UPDATE aliases SET version = 'forged' WHERE id = 1", "aliases row 1"),
        ("UPDATE recipes SET name = 'forged' WHERE id = 1", "recipes row 1"),
        ("DELETE FROM outcomes WHERE id = 3", "1 outcomes recorded"),
    ],
)
def test_what_is_wrong_with_the_record_is_named(
    market: LiveMarket, statement: str, fault: str
) -> None:
    rows = answers({}, {})
    market.live((answer, outcome_of(answer)) for answer in rows)
    market.settings.ledger().record_outcome(outcome_of(rows[0], r_net=-1.0), NOW)
    event = RolloutEvent(
        market=MARKET, sequence=0, at=NOW, kind="down", stage="off", by="ana", reason="holiday"
    )
    record_rollout(market.database, [event])
    assert facts(market).record_faults == ()

    with market.database.session() as session:
        session.execute(text(statement))

    (named,) = facts(market).record_faults or ()
    assert named.startswith(fault)


def test_a_serving_version_that_was_touched_is_named_when_no_other_can_serve(
    market: LiveMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is checked once to choose what serves, and again for its faults."""
    store = type(market.settings.models())
    whole = store.faults
    checked: list[str] = []

    def touched_meanwhile(self: Any, record: Any) -> tuple[str, ...]:
        checked.append(record.version)
        if len(checked) > 1:
            (record.folder / "model.txt").write_text("touched")
        return whole(self, record)

    monkeypatch.setattr(store, "faults", touched_meanwhile)

    assert facts(market).record_faults == ("model.txt was changed",)
    assert checked == ["skilled-bars", "skilled-bars"]


@pytest.mark.parametrize(
    "error", [DatabaseError("it", "is torn", "restore it"), OSError("gone")], ids=repr
)
def test_a_record_that_cannot_be_verified_is_not_taken_for_a_whole_one(
    market: LiveMarket, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Ledger, "verify", Mock(side_effect=error))
    assert facts(market).record_faults is None


def test_a_record_that_others_hold_is_verified_later_and_spoils_nothing_meanwhile(
    market: LiveMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "verify", Mock(side_effect=BusyDatabaseError("it", "locked")))
    with pytest.raises(BusyDatabaseError):
        facts(market)


def test_what_serves_is_the_champion(market: LiveMarket) -> None:
    champion = facts(market)
    assert (champion.version, champion.kind) == ("skilled-bars", "residual")
    assert champion.recipe_hash == RECIPES["skilled"].hash
    assert champion.fallback is None


def test_a_version_in_place_of_the_champion_and_one_that_is_too_old_are_named(
    market: LiveMarket,
) -> None:
    expired = facts(market, START + 43 * DAY)
    assert (expired.version, expired.kind) == ("corridor-bars", "baseline")
    assert expired.fallback == "champion skilled-bars expired on 2025-02-18"
    assert facts(market, START + 43 * DAY - HOUR).fallback is None

    everything_expired = facts(market, START + 397 * DAY)
    assert everything_expired.version == "skilled-bars"
    assert everything_expired.fallback == "skilled-bars expired on 2025-02-18"

    record = market.settings.models().find(MARKET, "skilled-bars")
    (record.folder / "model.txt").write_text("touched")
    damaged = facts(market)
    assert damaged.version == "corridor-bars"
    assert damaged.fallback == "champion skilled-bars is not usable: model.txt was changed"


def test_where_nothing_serves_all_of_it_is_none(tmp_path: Path) -> None:
    empty = LiveMarket(tmp_path / "empty")
    nothing = facts(empty)
    assert (nothing.version, nothing.recipe_hash, nothing.kind, nothing.fallback) == (None,) * 4
    assert nothing.record_faults == ()
    assert subject_of(empty.settings, MARKET, "advisory", NOW) is None
    empty.close()


def test_an_approval_is_bound_to_step_version_files_data_and_study(market: LiveMarket) -> None:
    words = b"skilled of bars"
    sums = f"{hashlib.sha256(words).hexdigest()}  model.txt\n"
    subject = {
        "market": "MGC",
        "stage": "advisory",
        "version": "skilled-bars",
        "files": hashlib.sha256(sums.encode()).hexdigest(),
        "data": "bars",
        "report": "study",
    }
    text_of_it = json.dumps(subject, sort_keys=True, separators=(",", ":"))
    bound = hashlib.sha256(text_of_it.encode()).hexdigest()
    assert subject_of(market.settings, MARKET, "advisory", NOW) == bound

    others = {subject_of(market.settings, MARKET, "hybrid", NOW)}
    market.study(START, "later study")
    others.add(subject_of(market.settings, MARKET, "advisory", NOW))
    market.champion("skilled", START, data="more bars")
    others.add(subject_of(market.settings, MARKET, "advisory", NOW))
    assert len(others | {bound}) == 4
    assert None not in others


@pytest.mark.parametrize(
    "changes",
    [
        {"at": NOW - 35 * DAY - timedelta(seconds=1)},
        {"settings": {"counts": True, "code": "another release"}},
        {"settings": {"counts": False, "code": code_hash()}},
        {"recipe_hash": RECIPES["rival"].hash},
        {"market": "NQ"},
    ],
    ids=str,
)
def test_without_a_study_that_counts_there_is_nothing_to_approve(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    market = LiveMarket(tmp_path / "home")
    market.version("rival", START - 3 * DAY)
    market.champion("skilled", START - 2 * DAY)
    market.study(NOW - 35 * DAY, "in time")
    assert subject_of(market.settings, MARKET, "advisory", NOW) is not None
    with market.database.session() as session:
        session.execute(text("DELETE FROM evaluations"))

    market.study(**{"at": NOW, "name": "other", **changes})

    assert subject_of(market.settings, MARKET, "advisory", NOW) is None
    market.close()
