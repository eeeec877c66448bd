"""The study as a flow: the same numbers wherever its folds run, recorded once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.judge_traps import LEAK
from deployments.cli.terminal import json_text
from flows.nightly_retrain import nightly_retrain
from flows.walk_forward import walk_forward
from ml_core.evidence.promotion.rule import Decision
from ml_core.features.all import CATALOGUE
from ml_core.features.audit import LookAheadError
from ml_core.features.catalogue import Catalogue, Feature
from ml_core.learning.folds import NoUnseenDaysError
from monitoring.pages.fill_table import fill_facts
from registry.errors import DamagedEvidenceError, EditedRecipeError
from registry.models.decisions import list_decisions
from registry.studies.evaluations import evaluations
from registry.studies.trials import count_trials
from tasks.settings import Settings, current_settings, now
from tasks.training.promotion import apply_promotion_rule
from tasks.training.retrain.artifact import Retrained
from tasks.training.studies_on_record import STUDY_DAYS
from tasks.training.study_report import StudyResult
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


@dataclass(frozen=True)
class Done:
    """A retrain of the quick recipe, then a study picked by hand, then a regular one."""

    retrained: Retrained
    by_hand: StudyResult
    weighed_by_hand: Decision
    counted: StudyResult


def study(**given: Any) -> StudyResult:
    result: StudyResult = walk_forward("mgc", "monthly", **given)
    return result


def weighed() -> Decision:
    recipe = current_settings().recipe("monthly")
    return apply_promotion_rule(current_settings(), "MGC", recipe.name, recipe.hash, now())


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the quick recipe beside the shipped ones."""
    folder = shutil.copytree(
        current_settings().recipes_dir, tmp_path_factory.mktemp("own") / "recipes"
    )
    (folder / "monthly.toml").write_text(MONTHLY)
    return folder


@contextmanager
def in_threads(home: Path, recipes: Path) -> Iterator[None]:
    """Use a home, its recipes, and threads as workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(home))
        patch.setenv("ORBCAST_RECIPES_DIR", str(recipes))
        patch.setenv("ORBCAST_TASK_RUNNER", "threads")
        # eleven months are too short for the default start of a regular study
        patch.setattr("ml_core.learning.folds.MIN_TRAINING_DAYS", 160)
        yield


@pytest.fixture(scope="module")
def done(prefect_server: None, trained_home: Path, recipes: Path) -> Done:
    """Do the work on the file's trained home once for all its tests."""
    del prefect_server
    with in_threads(trained_home, recipes):
        return Done(
            retrained=nightly_retrain("mgc", "monthly", refresh=False),
            by_hand=study(from_day="2024-09-01"),
            weighed_by_hand=weighed(),
            counted=study(),
        )


@pytest.fixture
def monthly(done: Done, trained_home: Path, recipes: Path) -> Iterator[Done]:
    """Yield the results of that home, and use the home."""
    with in_threads(trained_home, recipes):
        yield done


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_the_numbers_are_the_same_wherever_folds_are_worked_on(
    monthly: Done, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.setenv("ORBCAST_WORKERS", "2")
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", runner)
    there = study(from_day="2024-09-01")
    assert monthly.by_hand.folds == ("2024-09", "2024-10", "2024-11")
    assert json_text(there.evaluation) == json_text(monthly.by_hand.evaluation)


def test_a_study_of_a_period_picked_by_hand_does_not_count(monthly: Done) -> None:
    assert monthly.by_hand.folds == ("2024-09", "2024-10", "2024-11")
    assert not monthly.by_hand.counts
    assert monthly.by_hand.promotion is None
    assert {condition.status for condition in monthly.weighed_by_hand.conditions} <= {
        "unknown",
        "holds",
    }
    assert not monthly.weighed_by_hand.conditions[0].figures
    assert not monthly.weighed_by_hand.promote


def test_a_study_is_kept_once_counts_as_one_trial_and_is_what_the_rule_goes_by(
    monthly: Done, trained_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = current_settings().database()
    recipe = current_settings().recipe("monthly")
    first = monthly.counted
    trials, kept = count_trials(database, "MGC").questions, evaluations(database, "MGC")
    before = files_of(trained_home / "studies")
    again = study()
    assert first.counts
    assert json_text(again.evaluation) == json_text(first.evaluation)
    assert first.cost is not None
    assert first.promotion is not None
    assert first.promotion.cost == first.cost == again.cost
    assert first.cost.questions == trials  # the retrain asked the same question
    assert first.cost.words in Path(first.report).read_text("utf-8")
    assert (count_trials(database, "MGC").questions, evaluations(database, "MGC")) == (
        trials,
        kept,
    )
    assert files_of(trained_home / "studies") == before
    decision = weighed()
    figures = decision.conditions[0].figures
    assert figures["rows"] == first.evaluation.directional.rows
    assert {condition.name: condition.status for condition in decision.conditions}[
        "enough rows"
    ] == "fails"

    later = now() + timedelta(days=STUDY_DAYS + 1)
    old = apply_promotion_rule(current_settings(), "MGC", recipe.name, recipe.hash, later)
    assert old.conditions[0].status == "unknown"

    with monkeypatch.context() as other_code:
        other_code.setattr(
            "tasks.training.studies_on_record.installed_code", lambda _: "another release"
        )
        assert weighed().conditions[0].status == "unknown"

    report = Path(first.report).read_text("utf-8")
    assert first.verdict.partition(":")[0] in report

    newest = trained_home / next(name for name in kept[-1].files if name.endswith(".parquet"))
    whole = newest.read_bytes()
    newest.write_bytes(whole + b"x")
    try:
        with pytest.raises(DamagedEvidenceError, match="was changed"):
            weighed()
    finally:
        newest.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.usefixtures("monthly")
def test_a_study_on_another_definition_of_the_market_is_kept_beside_the_one_on_record(
    trained_home: Path,
) -> None:
    settings = current_settings()
    database, file = settings.database(), settings.own_markets_dir / "mgc.toml"
    kept, trials = evaluations(database, "MGC"), count_trials(database, "MGC").questions
    before = files_of(trained_home / "studies")
    text = (settings.markets_dir / "mgc.toml").read_text("utf-8")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace("slippage_ticks_per_side = 1", "slippage_ticks_per_side = 0"))
    try:
        study(from_day="2024-09-01")
        assert weighed().conditions[0].status == "unknown"
    finally:
        file.unlink()

    after = evaluations(database, "MGC")
    assert after[: len(kept)] == kept
    assert len(after) == len(kept) + 1
    assert after[-1].market_hash != kept[-1].market_hash
    assert before.items() <= files_of(trained_home / "studies").items()
    assert count_trials(database, "MGC").questions == trials + 1
    assert weighed().conditions[0].status != "unknown"


@pytest.mark.usefixtures("monthly")
def test_a_recipe_that_reads_its_own_label_is_refused_before_anything_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Leaking(Catalogue):
        def to_learn(self, names: Any) -> tuple[Feature, ...]:
            return (*CATALOGUE.to_learn(names), LEAK)

    monkeypatch.setattr(Settings, "catalogue", lambda _: Leaking())
    database = current_settings().database()
    before = (evaluations(database, "MGC"), count_trials(database, "MGC").questions)
    with pytest.raises(LookAheadError, match="own_label_mean"):
        study()
    assert (evaluations(database, "MGC"), count_trials(database, "MGC").questions) == before


@pytest.mark.slow
def test_a_refit_of_the_champion_s_recipe_takes_over_when_it_is_not_worse(
    home: Path, untouched_home: Path
) -> None:
    shutil.copytree(untouched_home / "lake", home / "lake")
    first = nightly_retrain("mgc", "baseline", to_day=date(2024, 9, 30), refresh=False)
    second = nightly_retrain("mgc", "baseline", refresh=False)
    assert first.champion != second.champion
    assert "is a refit and not worse" in second.reasons[0]
    # a version that has seen fewer days does not return
    third = nightly_retrain("mgc", "baseline", to_day=date(2024, 9, 30), refresh=False)
    assert third.champion == second.champion
    history = current_settings().models().history("MGC", "champion")
    assert [change.version for change in history] == [first.champion, second.champion]


@pytest.mark.usefixtures("monthly")
def test_a_recipe_edited_under_its_old_name_is_refused(
    recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = shutil.copytree(recipes, tmp_path / "recipes") / "monthly.toml"
    edited.write_text(MONTHLY.replace("max_rounds = 60", "max_rounds = 61"))
    monkeypatch.setenv("ORBCAST_RECIPES_DIR", str(edited.parent))
    with pytest.raises(EditedRecipeError, match="save it under a new file name"):
        nightly_retrain("mgc", "monthly", refresh=False)
    with pytest.raises(EditedRecipeError, match="'monthly' was edited"):
        study()


@pytest.mark.usefixtures("monthly")
def test_several_markets_are_studied_side_by_side() -> None:
    both = walk_forward("mgc, MGC", "baseline", from_day="2024-10-01")
    assert [study.symbol for study in both.markets] == ["MGC", "MGC"]
    assert both.verdict.count("MGC: ") == 2


@pytest.mark.usefixtures("monthly")
def test_a_window_without_unseen_days_says_what_there_is() -> None:
    with pytest.raises(NoUnseenDaysError, match="the rows go from 2024-01-0"):
        study(from_day="2031-01-01")


def test_without_a_study_the_night_promotes_nothing_and_says_why(monthly: Done) -> None:
    result = monthly.retrained
    assert result.champion != result.challenger
    assert any("better than corridor unknown" in reason for reason in result.reasons)
    decisions = list_decisions(current_settings().database(), "MGC")
    (decision,) = [candidate for candidate in decisions if candidate.version == result.challenger]
    assert decision.kind == "promotion"
    assert decision.evidence["promote"] is False


def test_the_champion_s_own_recipe_need_not_beat_itself(monthly: Done) -> None:
    models = current_settings().models()
    before = models.find("MGC", "champion").version
    version = monthly.retrained.challenger
    models.set_alias("MGC", "champion", version, at=now(), by="test", reason="to be judged")
    try:
        decision = weighed()
        assert decision.conditions[0].figures["rows"] > 0
        assert not any("champion" in condition.name for condition in decision.conditions)
    finally:
        models.set_alias("MGC", "champion", before, at=now(), by="test", reason="as it was")


def test_the_report_and_the_json_state_how_realistic_the_fills_are(monthly: Done) -> None:
    fills = monthly.counted.fills
    written = json.loads(json_text(monthly.counted))["fills"]

    assert fills.trades >= fills.wins > 0
    assert 0 < fills.exact_touches < 1
    assert fills.win_share_through <= fills.win_share
    assert written["exact_touches"] == fills.exact_touches
    assert written["entry_ticks"]["estimate"] == fills.entry_ticks.estimate
    assert fill_facts(fills)["exact touches"] in Path(monthly.counted.report).read_text("utf-8")
