"""Champion and challenger compared on slots that both predicted live and in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tasks.settings import Settings, current_settings
from tasks.training.promotion import live_comparison
from tests.ledger_rows import fill
from tests.registry.ledger.test_ledger import outcome_entry, prediction_entry

DAYS = 300


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return current_settings()


def log(settings: Settings, *, challenger_tilt: float, late_from: int = DAYS) -> None:
    """Log a year in which the champion's probabilities are right and the challenger's are not."""
    draw = np.random.default_rng(1)
    entries, outcomes = [], []
    for day in range(DAYS):
        up = bool(draw.random() < 0.5)
        towards = challenger_tilt if up else -challenger_tilt
        champion = prediction_entry(day, p_up=0.5)
        challenger = replace(
            prediction_entry(day, "challenger", p_up=0.5 + towards),
            recipe_hash="mine",
            late=day >= late_from,
        )
        entries += [champion, challenger]
        outcomes.append(
            replace(
                outcome_entry(),
                trading_day=date(2024, 6, 4) + timedelta(days=day),
                direction="UP" if up else "DOWN",
                resolved_at=champion.decision_time + timedelta(hours=1),
            )
        )
    fill(settings.database(), entries, outcomes)


def test_before_there_are_live_rows_there_is_nothing_to_compare(settings: Settings) -> None:
    assert live_comparison(settings, "MGC", "mine") is None


def test_a_challenger_that_is_worse_live_is_found_out_and_a_better_one_is_seen(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(settings, challenger_tilt=-0.1)
    worse = live_comparison(settings, "MGC", "mine")
    assert worse is not None
    assert worse.rows == DAYS
    assert worse.e_worse > 1000
    assert worse.e_value < 1
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "other"))
    log(current_settings(), challenger_tilt=0.1)
    better = live_comparison(current_settings(), "MGC", "mine")
    assert better is not None
    assert better.e_value > 1000
    assert better.e_worse < 1


def test_late_rows_and_other_recipes_do_not_count(settings: Settings) -> None:
    log(settings, challenger_tilt=0.1, late_from=40)
    comparison = live_comparison(settings, "MGC", "mine")
    assert comparison is not None
    assert comparison.rows == 40
    assert live_comparison(settings, "MGC", "another") is None
