"""The steps of the rollout on a market that is ready: what each condition alone decides."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ml_core.market_events import Stage
from registry.rollout import rollout_records
from tasks.rollout import stage as rollout
from tasks.rollout.checks import check_rollout
from tests.tasks.live_market import DAY, MARKET
from tests.tasks.troubled_market import FIRST_NOW, TroubledMarket, live_ninety_days


@pytest.fixture(scope="module")
def ninety_day_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("ninety-days") / "home"
    live_ninety_days(home, "skilled")
    return home


@pytest.fixture
def ready(
    ninety_day_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TroubledMarket]:
    """A market that passes every gate of advisory."""
    shutil.copytree(ninety_day_home, tmp_path / "home")
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ORBCAST_MODEL_EXPIRES_DAYS", "100000")
    monkeypatch.setenv("ORBCAST_BASELINE_EXPIRES_DAYS", "100000")
    market = TroubledMarket(tmp_path / "home", "skilled")
    market.go_on(FIRST_NOW)
    yield market
    market.close()


def approve(market: TroubledMarket, stage: Stage = "advisory") -> rollout.RolloutEvent:
    return rollout.approve(
        market.settings, MARKET, stage, by="ana", reason="seen", at=market.latest
    )


def step_up(market: TroubledMarket, stage: Stage = "advisory") -> rollout.Rollout:
    return rollout.step_up(market.settings, MARKET, stage, by="ana", reason="go", at=market.latest)


def stage(market: TroubledMarket) -> Stage:
    return rollout.stage_of(market.settings, MARKET, market.latest)[0]


def test_a_step_up_holds_and_keeps_what_was_seen(ready: TroubledMarket) -> None:
    approve(ready)
    assert step_up(ready).stage == "advisory"
    step = rollout_records(ready.database, MARKET)[-1]
    assert (step.kind, step.bound_to is not None) == ("up", True)
    assert step.details["gates"]["live days"] == "90 calendar days of live record, 90 needed"


def test_without_an_approval_there_is_no_step_up(ready: TroubledMarket) -> None:
    with pytest.raises(rollout.GatesNotPassedError, match="approval: a person's approval"):
        step_up(ready)
    assert rollout_records(ready.database, MARKET) == ()


def test_a_stage_is_not_skipped_whatever_was_approved(ready: TroubledMarket) -> None:
    approve(ready, "hybrid")
    with pytest.raises(rollout.GatesNotPassedError, match="shadow is not the stage below it"):
        step_up(ready, "hybrid")
    assert stage(ready) == "shadow"


def test_an_approval_lasts_fourteen_days_and_says_afterwards_that_it_has_expired(
    ready: TroubledMarket,
) -> None:
    expires = approve(ready).expires_at
    assert expires == FIRST_NOW + 14 * DAY

    for at, words in (
        (expires - timedelta(seconds=1), "by ana, until"),
        (expires, "has expired"),
    ):
        (*_, gate) = rollout.rollout_of(ready.settings, MARKET, at, "advisory").gates
        assert words in gate.words
    ready.champion("skilled", FIRST_NOW, "more bars")
    (*_, gate) = rollout.rollout_of(ready.settings, MARKET, FIRST_NOW, "advisory").gates
    assert "is of another model, data or report" in gate.words


def test_a_step_down_goes_down_and_nowhere_else(ready: TroubledMarket) -> None:
    for stage_named in ("shadow", "auto"):
        with pytest.raises(rollout.NotBelowError, match="is not below it"):
            rollout.step_down(
                ready.settings, MARKET, stage_named, by="ana", reason="doubt", at=FIRST_NOW
            )
    assert rollout_records(ready.database, MARKET) == ()


def test_an_edited_step_leaves_the_market_in_shadow(ready: TroubledMarket) -> None:
    approve(ready)
    step_up(ready)
    assert stage(ready) == "advisory"
    with ready.database.session() as session:
        session.execute(text("UPDATE rollout_events SET reason = 'other' WHERE kind = 'up'"))
    assert stage(ready) == "shadow"


@pytest.mark.parametrize(
    ("kind", "restarts"), [("drift", True), ("no check", False)], ids=["spoiled", "not running"]
)
def test_a_check_steps_down_and_what_spoils_the_record_has_it_count_anew(
    ready: TroubledMarket, kind: str, restarts: bool
) -> None:
    approve(ready)
    step_up(ready)
    if kind == "drift":
        ready.drift(ready.latest + timedelta(seconds=1), detected=True)
    else:
        ready.forget_checks("drift")

    checked = check_rollout.fn("mgc", ready.latest)

    assert checked.stage == "shadow"
    _, position = rollout.stage_of(ready.settings, MARKET, ready.latest)
    assert position.counted_from == (ready.latest if restarts else None)
    at = rollout.rollout_of(ready.settings, MARKET, ready.latest)
    days = {gate.name: gate.passed for gate in at.gates}["live days"]
    assert days is not restarts
