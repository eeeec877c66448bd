"""The record's figures: updated with outcomes, revisions visible, no decision changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.log_outcomes import log_outcomes
from ml_core.decision.entry import PredictionEntry
from ml_core.health.daily_sums import DaySums
from monitoring.daily_sums import ALL
from registry.health.estimates import estimate_records
from registry.health.performance import performance_records
from registry.ledger.entries import OutcomeEntry
from tasks.health.breaker_check import check_breaker
from tasks.health.early_warning import EarlyWarning, warn_early
from tasks.prediction.outcomes.settling import measure, settle
from tasks.prediction.predict import decided_entries
from tasks.prediction.slots import slots_between
from tasks.settings import current_settings
from tasks.training.version_lineage import monitors_by_role

MONDAY, TUESDAY = date(2024, 11, 18), date(2024, 11, 19)
NOTHING = EarlyWarning(made=0, reconciled=0, warnings=())
WEDNESDAY = datetime(2024, 11, 20, 0, 0, tzinfo=UTC)
DECISIONS = ("predictions", "aliases", "breaker_events", "rollout_events", "decisions")


def performance(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["performance", *arguments])
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


def decisions() -> dict[str, list[tuple[Any, ...]]]:
    with current_settings().database().reading() as session:
        return {
            name: [tuple(row) for row in session.execute(text(f"SELECT * FROM {name}"))]  # noqa: S608
            for name in DECISIONS
        }


def daily(mode: str = "live") -> dict[tuple[date, str], DaySums]:
    records = performance_records(current_settings().database(), "MGC", mode=mode)
    return {
        (record.day, record.role): record.figures
        for record in records
        if record.opening_range == ALL
    }


@pytest.fixture
def two_days(own: Path) -> Path:
    """A home with a live record of Monday and Tuesday, predicted in time, not yet settled."""
    settings = current_settings()
    with settings.database().session() as session:
        session.execute(text("DELETE FROM predictions"))
        session.execute(text("DELETE FROM outcomes"))
    market = settings.market("mgc")
    for slot in slots_between(market, MONDAY, TUESDAY):
        settings.ledger().record(
            decided_entries(settings, market, slot, slot.decision + timedelta(seconds=3), "live")
        )
    return own


@pytest.mark.usefixtures("two_days")
def test_a_revised_outcome_changes_the_figures_in_sight_and_no_decision() -> None:
    settings = current_settings()
    assert settle.fn("mgc", WEDNESDAY).added >= 10
    measure.fn("mgc", WEDNESDAY)
    check_breaker.fn("mgc", WEDNESDAY)
    decided, before = decisions(), daily()
    assert before[MONDAY, "champion"].revised == 0

    broke = next(
        row.outcome
        for row in settings.ledger().settled("MGC", first=MONDAY, last=MONDAY)
        if row.outcome is not None and row.outcome.direction == "UP"
    )
    later = WEDNESDAY + timedelta(days=3)
    changed = replace(broke, direction="DOWN", r_gross=-1.0, r_net=-1.3)
    assert settings.ledger().record_outcome(changed, later) == "revised"
    measure.fn("mgc", later)
    check_breaker.fn("mgc", later)

    assert decisions() == decided
    after = daily()
    assert after[MONDAY, "champion"].revised == 1
    assert after[MONDAY, "champion"].ups == before[MONDAY, "champion"].ups - 1
    assert after[TUESDAY, "champion"] == before[TUESDAY, "champion"]
    printed = performance()
    assert f"revised MGC:{MONDAY}:{broke.opening_range}: UP" in printed
    assert "1 revised" in printed
    assert settings.ledger().verify_chain() == ()


@pytest.mark.usefixtures("two_days")
def test_settling_and_measuring_twice_changes_nothing() -> None:
    settle.fn("mgc", WEDNESDAY)
    measure.fn("mgc", WEDNESDAY)
    with current_settings().database().reading() as session:
        rows = session.execute(text("SELECT * FROM performance ORDER BY id")).all()
    assert settle.fn("mgc", WEDNESDAY).added == 0
    measure.fn("mgc", WEDNESDAY + timedelta(hours=1))
    with current_settings().database().reading() as session:
        assert session.execute(text("SELECT * FROM performance ORDER BY id")).all() == rows


@pytest.mark.usefixtures("two_days")
def test_a_replayed_day_stands_apart_and_moves_no_live_figure() -> None:
    settings = current_settings()
    settle.fn("mgc", WEDNESDAY)
    measure.fn("mgc", WEDNESDAY)
    before = daily()
    for slot in slots_between(settings.market("mgc"), MONDAY, MONDAY):
        settings.ledger().record(
            decided_entries(
                settings, settings.market("mgc"), slot, WEDNESDAY + timedelta(days=9), "replay"
            )
        )
    measure.fn("mgc", WEDNESDAY)
    assert daily() == before
    assert set(daily("replay")) == {(MONDAY, "champion"), (MONDAY, "challenger")}
    printed = performance("--mode", "replay")
    assert printed.startswith("MGC, replay, 1 day, ")
    assert "e-value" not in printed


@pytest.mark.usefixtures("two_days")
def test_an_outcome_recorded_days_late_is_counted_as_late() -> None:
    settle.fn("mgc", WEDNESDAY + timedelta(days=5))
    measure.fn("mgc", WEDNESDAY + timedelta(days=5))
    late = {
        day: figures.late_outcomes
        for (day, role), figures in daily().items()
        if role == "champion"
    }
    assert late[MONDAY] >= 5
    assert "0 outcomes recorded late" not in performance()


@pytest.mark.usefixtures("two_days")
def test_the_figures_are_those_of_the_ledger_with_the_majority_beside_them() -> None:
    settings = current_settings()
    settle.fn("mgc", WEDNESDAY)
    measure.fn("mgc", WEDNESDAY)
    figures = json.loads(performance("--json"))
    rows = [
        (row.prediction, row.outcome)
        for row in settings.ledger().settled("MGC", mode="live")
        if row.prediction.role == "champion" and row.outcome is not None
    ]
    broke = [(entry, came) for entry, came in rows if came.direction in {"UP", "DOWN"}]
    right = [((entry.p_up or 0) >= 0.5) == (came.direction == "UP") for entry, came in broke]
    champion = figures["champion"]
    assert champion["counts"]["breaks"] == len(broke)
    assert champion["voices"]["model"]["accuracy"] == pytest.approx(np.mean(right))
    assert set(champion["voices"]) == {"model", "corridor", "majority"}
    # the champion of the trained home is the baseline
    assert champion["verdict"].endswith("the model is the corridor")
    by_range = json.loads(performance("--json", "--by", "range"))["groups"]
    assert sum(group["counts"]["breaks"] for group in by_range.values()) == len(broke)
    assert list(json.loads(performance("--json", "--by", "day"))["groups"]) == [
        str(MONDAY),
        str(TUESDAY),
    ]
    assert "challenger" in performance("--by", "version")


def record_days(days: int, *, settled: int, **changed: Any) -> list[PredictionEntry]:
    """Record days of live predictions of the challenger, the first of them settled."""
    settings = current_settings()
    market = settings.market("mgc")
    slot = slots_between(market, MONDAY, MONDAY)[0]
    decided = decided_entries(settings, market, slot, slot.decision + timedelta(seconds=3), "live")
    model = next(candidate for candidate in decided if candidate.role == "challenger")
    assert model.outputs.prediction is not None
    prediction = replace(model.outputs.prediction, p_none=0.02)
    draw = np.random.default_rng(7)
    entries = []
    with settings.database().session() as session:
        session.execute(text("DELETE FROM predictions"))
        session.execute(text("DELETE FROM outcomes"))
    for index, day_slot in enumerate(slots_between(market, MONDAY, MONDAY + timedelta(days=days))):
        p = float(0.1 + 0.8 * draw.random())
        prediction_entry = replace(
            model,
            trading_day=day_slot.trading_day,
            opening_range=day_slot.opening_range,
            decision_time=day_slot.decision,
            made_at=day_slot.decision + timedelta(seconds=3),
            status="predicted",
            reason=None,
            p_up=p,
            baseline_p_up=0.5,
            outputs=replace(model.outputs, prediction=prediction),
        )
        entries.append(replace(prediction_entry, **changed))
        settings.ledger().record(entries[-1:])
        if index < settled:
            came(entries[-1], bool(draw.random() < p))
    return entries


def came(entry: PredictionEntry, up: bool) -> None:
    at = entry.decision_time + timedelta(hours=4)
    outcome = OutcomeEntry(
        market="MGC",
        trading_day=entry.trading_day,
        opening_range=entry.opening_range,
        label=entry.label,
        market_hash=entry.market_hash,
        direction="UP" if up else "DOWN",
        outcome=None,
        entry=None,
        stop=None,
        target=None,
        r_gross=1.0,
        r_net=0.8,
        resolved_at=at,
    )
    current_settings().ledger().record_outcome(outcome, at)


@pytest.mark.usefixtures("own")
def test_an_estimate_is_frozen_before_the_outcomes_and_reconciled_with_them() -> None:
    settings = current_settings()
    entries = record_days(11, settled=40)
    at = entries[-1].made_at + timedelta(minutes=10)
    assert warn_early.fn("mgc", at).made == 1
    (made,) = estimate_records(settings.database(), "MGC")
    assert (made.role, made.rows, made.last_day) == ("challenger", 60, entries[-1].trading_day)
    assert made.realised is None
    assert made.expected.unseen is not None
    assert warn_early.fn("mgc", at) == NOTHING

    draw = np.random.default_rng(8)
    for entry in entries[40:]:
        came(entry, bool(draw.random() < (entry.p_up or 0)))
    later = at + timedelta(days=1)
    assert [warn_early.fn("mgc", later).reconciled for _ in range(2)] == [1, 0]
    (reconciled,) = estimate_records(settings.database(), "MGC")
    assert replace(reconciled, realised=None, reconciled_at=None) == made
    assert reconciled.realised is not None
    assert reconciled.realised.breaks == 60
    error = reconciled.realised.realised["log_loss"] - made.expected.metrics["log_loss"].value
    assert reconciled.realised.error["log_loss"] == pytest.approx(error)

    came(entries[3], not _was_up(entries[3]))
    warn_early.fn("mgc", later + timedelta(hours=1))
    (revised,) = estimate_records(settings.database(), "MGC")
    assert replace(revised, realised=None, reconciled_at=None) == made
    assert revised.realised != reconciled.realised


def _was_up(entry: PredictionEntry) -> bool:
    rows = (
        current_settings().ledger().settled("MGC", first=entry.trading_day, last=entry.trading_day)
    )
    return any(
        row.outcome is not None
        and row.outcome.direction == "UP"
        and row.prediction.opening_range == entry.opening_range
        for row in rows
    )


@pytest.mark.usefixtures("own")
def test_a_champion_that_is_off_though_no_worse_than_the_corridor_opens_the_breaker() -> None:
    off = {"role": "champion", "p_up": 0.9, "baseline_p_up": 0.9, "recommendation": "skip"}
    entries = record_days(11, settled=0, **off)
    at = entries[-1].made_at
    assert check_breaker.fn("mgc", at).state == "closed"
    for entry in entries:
        came(entry, up=False)
    breaker = check_breaker.fn("mgc", at)
    assert (breaker.state, breaker.cause) == ("open", "calibration")
    assert "UP was predicted 90.0% of the time and occurred 0.0%" in breaker.detail


@pytest.mark.usefixtures("own")
def test_with_few_answers_nothing_is_estimated() -> None:
    record_days(2, settled=0)
    assert warn_early.fn("mgc", WEDNESDAY + timedelta(days=5)) == NOTHING


@pytest.mark.usefixtures("own")
def test_monitors_of_a_line_and_its_estimates_are_shown() -> None:
    entries = record_days(11, settled=60)
    warn_early.fn("mgc", entries[-1].made_at)
    measure.fn("mgc", entries[-1].made_at)
    monitors = monitors_by_role(current_settings(), "MGC")
    assert [monitor.watches for monitor in monitors["challenger"]] == [
        "corridor",
        "calibration",
        "accuracy",
    ]
    assert "champion" not in monitors
    assert "challenger, calibration: e-value" in performance()
    printed = performance("--estimates")
    assert "cannot detect that the market has" in printed
    assert " of 1 were within their interval" in printed
    json.loads(performance("--json"))


@pytest.mark.usefixtures("two_days", "prefect_server")
def test_the_flow_reports_the_live_champion_s_performance() -> None:
    result = log_outcomes("mgc", as_of=WEDNESDAY)
    assert result.performance.startswith("live, 2 days, ")
    assert result.added >= 10


def test_in_an_empty_home_the_command_prints_what_to_do(home: Path) -> None:
    assert "orbcast up" in performance()
    assert "shadow-predict" in performance("--mode", "replay")
    assert json.loads(performance("--json"))["groups"] == {}
    assert "not a number of days" in performance("--last", "soon", status=2)
    assert home.exists()
