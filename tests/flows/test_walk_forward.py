"""The study as a flow: the same numbers wherever its folds are worked on, kept once."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.nightly_retrain import nightly_retrain
from flows.refresh_data import refresh_data
from flows.walk_forward import walk_forward
from ml_core.evidence.traps import LEAK
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Feature
from ml_core.learning.folds import NoUnseenDaysError
from registry.decisions import list_decisions
from registry.errors import DamagedEvidenceError, EditedRecipeError
from registry.evaluations import evaluations
from registry.trials import count_trials
from tasks import training
from tasks.promotion import weigh
from tasks.settings import now, settings
from tasks.sources import SourceSpec
from tasks.studies_on_record import STUDY_DAYS
from tasks.training import LookAheadError
from tests.flows.test_flows import files_of

pytestmark = pytest.mark.usefixtures("prefect_server")

MONTHLY = """
name = "monthly"
kind = "residual"
refit = "month"
seeds = 3
fractions = [0.5, 0.3, 0.2]

[directional]
max_rounds = 60

[quality]
max_rounds = 20

[r_multiple]
max_rounds = 20
"""


@pytest.fixture
def monthly(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose recipes folder has a quick recipe beside the shipped ones."""
    del trained
    folder = tmp_path / "recipes"
    folder.mkdir()
    for path in settings().recipes_dir.glob("*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "monthly.toml").write_text(MONTHLY)
    monkeypatch.setenv("ORBCAST_RECIPES_DIR", str(folder))
    return folder


def study(**given: Any) -> dict[str, Any]:
    return walk_forward("mgc", "monthly", **given)


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_the_numbers_are_the_same_wherever_folds_are_worked_on(
    monthly: Path, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    del monthly
    monkeypatch.setenv("ORBCAST_WORKERS", "2")
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    here = study(from_day="2024-09-01")
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", runner)
    there = study(from_day="2024-09-01")
    assert here["folds"] == ["2024-09", "2024-10", "2024-11"]
    assert json.dumps(there["evaluation"]) == json.dumps(here["evaluation"])


@pytest.mark.usefixtures("monthly")
def test_a_study_is_kept_once_counts_as_one_trial_and_is_what_the_rule_goes_by(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    database = settings().database()
    recipe = settings().recipe("monthly")
    unknown = weigh(settings(), "MGC", recipe.name, recipe.hash, now())
    assert {each.status for each in unknown.conditions} <= {"unknown", "holds"}
    assert not unknown.promote

    by_hand = study(from_day="2024-09-01")
    assert not by_hand["counts"]
    assert by_hand["promotion"] is None
    assert not weigh(settings(), "MGC", recipe.name, recipe.hash, now()).conditions[0].figures

    # eleven months are too short for the default start, so the whole is asked for by its rule
    monkeypatch.setattr("ml_core.learning.folds.MIN_TRAINING_DAYS", 160)
    first = study()
    trials, kept = count_trials(database, "MGC"), evaluations(database, "MGC")
    before = files_of(trained / "studies")
    again = study()
    assert first["counts"]
    assert json.dumps(again["evaluation"]) == json.dumps(first["evaluation"])
    assert (count_trials(database, "MGC"), evaluations(database, "MGC")) == (trials, kept)
    assert files_of(trained / "studies") == before
    said = weigh(settings(), "MGC", recipe.name, recipe.hash, now())
    figures = said.conditions[0].figures
    assert figures["rows"] == first["evaluation"]["directional"]["rows"]
    assert {each.name: each.status for each in said.conditions}["enough rows"] == "fails"

    later = now() + timedelta(days=STUDY_DAYS + 1)
    old = weigh(settings(), "MGC", recipe.name, recipe.hash, later)
    assert old.conditions[0].status == "unknown"

    with monkeypatch.context() as other_code:
        other_code.setattr("tasks.promotion.code_hash", lambda: "another release")
        unknown = weigh(settings(), "MGC", recipe.name, recipe.hash, now())
        assert unknown.conditions[0].status == "unknown"

    report = Path(first["report"]).read_text("utf-8")
    assert first["verdict"].partition(":")[0] in report

    damaged = next((trained / "studies").rglob("answers-*.parquet"))
    newest = trained / next(name for name in kept[-1].files if name.endswith(".parquet"))
    whole = newest.read_bytes()
    newest.write_bytes(whole + b"x")
    try:
        with pytest.raises(DamagedEvidenceError, match="was changed"):
            weigh(settings(), "MGC", recipe.name, recipe.hash, now())
    finally:
        newest.write_bytes(whole)
    assert damaged.exists()


@pytest.mark.usefixtures("monthly")
def test_a_recipe_that_reads_its_own_label_is_refused_before_anything_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Leaking:
        def select(self, wanted: Any) -> tuple[Feature, ...]:
            return (*CATALOGUE.select(wanted), LEAK)

    monkeypatch.setattr(training, "CATALOGUE", Leaking())
    database = settings().database()
    before = (evaluations(database, "MGC"), count_trials(database, "MGC"))
    with pytest.raises(LookAheadError, match="own_label_mean"):
        study()
    assert (evaluations(database, "MGC"), count_trials(database, "MGC")) == before


def test_a_refit_of_the_champion_s_recipe_takes_over_when_it_is_not_worse(
    home: Path, simulated_database: Path
) -> None:
    spec = SourceSpec(
        kind="duckdb", paths=(str(simulated_database),), columns={"contract": "contract"}
    )
    refresh_data("mgc", source=spec)
    first = nightly_retrain("mgc", "baseline", to_day=date(2024, 9, 30), refresh=False)
    second = nightly_retrain("mgc", "baseline", refresh=False)
    assert first["champion"] != second["champion"]
    assert "is a refit and not worse" in second["reasons"][0]
    # one that knows less does not come back
    third = nightly_retrain("mgc", "baseline", to_day=date(2024, 9, 30), refresh=False)
    assert third["champion"] == second["champion"]
    history = settings().models().history("MGC", "champion")
    assert [each.version for each in history] == [first["champion"], second["champion"]]
    assert (home / "orbcast.sqlite").exists()


@pytest.mark.usefixtures("trained")
def test_a_recipe_edited_under_its_old_name_is_refused(monthly: Path) -> None:
    nightly_retrain("mgc", "monthly", refresh=False)
    edited = MONTHLY.replace("max_rounds = 60", "max_rounds = 61")
    (monthly / "monthly.toml").write_text(edited)
    with pytest.raises(EditedRecipeError, match="save it under a new file name"):
        nightly_retrain("mgc", "monthly", refresh=False)
    with pytest.raises(EditedRecipeError, match="'monthly' was edited"):
        study()


@pytest.mark.usefixtures("monthly")
def test_several_markets_are_studied_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    both = walk_forward("mgc, MGC", "baseline", from_day="2024-10-01")
    assert [each["symbol"] for each in both["markets"]] == ["MGC", "MGC"]
    assert both["verdict"].count("MGC: ") == 2


@pytest.mark.usefixtures("monthly")
def test_a_window_without_unseen_days_says_what_there_is() -> None:
    with pytest.raises(NoUnseenDaysError, match="the rows go from 2024-01-0"):
        study(from_day="2031-01-01")


@pytest.mark.usefixtures("monthly")
def test_without_a_study_the_night_promotes_nothing_and_says_why() -> None:
    result = nightly_retrain("mgc", "residual-small", refresh=False)
    assert result["champion"] != result["challenger"]
    assert any("better than corridor unknown" in reason for reason in result["reasons"])
    decision = list_decisions(settings().database(), "MGC")[-1]
    assert decision.kind == "promotion"
    assert decision.evidence["promote"] is False


@pytest.mark.usefixtures("monthly")
def test_the_champion_s_own_recipe_is_not_asked_to_beat_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    monkeypatch.setattr("ml_core.learning.folds.MIN_TRAINING_DAYS", 160)
    nightly_retrain("mgc", "monthly", refresh=False)
    models = settings().models()
    before = models.find("MGC", "champion").version
    version = models.find("MGC", "challenger").version
    models.set_alias("MGC", "champion", version, at=now(), by="test", reason="to be judged")
    try:
        said = study()["promotion"]
        assert not any("champion" in each["name"] for each in said["conditions"])
    finally:
        models.set_alias("MGC", "champion", before, at=now(), by="test", reason="as it was")
