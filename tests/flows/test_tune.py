"""Tuning as a flow: killed in the middle and resumed, with every trial recorded once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from prefect.exceptions import ParameterTypeError
from prefect.settings import PREFECT_API_URL

from flows.tune import tune
from ml_core.errors import NumberError
from ml_core.evidence.tuning import tuning_folds
from registry.studies.trials import count_trials, list_trials
from tasks.settings import current_settings, now
from tasks.training.fan_out import fold_workers
from tasks.training.promotion import apply_promotion_rule
from tasks.training.train import gather
from tasks.training.tuning.search import (
    Search,
    TuningUnderWayError,
    _fail_dead_trials,
    _study,
    _study_name,
    search,
)
from tasks.training.tuning.trials import finish
from tests.waiting import AT_MOST_SECONDS, wait_until

pytestmark = pytest.mark.usefixtures("prefect_server")

QUICK = """
name = "quick"
kind = "residual"
refit = "month"
fractions = [0.5, 0.3, 0.2]

[directional]
max_rounds = 40
early_stopping_rounds = 10
"""

SEARCH: dict[str, Any] = {
    "market": "mgc",
    "recipe": "quick",
    "trials": 6,
    "folds": 2,
    "holdout_months": 1,
}

_IN_A_PROCESS = f"""
import tasks.training.tuning.search, time
finish = tasks.training.tuning.search.finish
def slowly(*given):
    time.sleep(0.5)
    return finish(*given)
tasks.training.tuning.search.finish = slowly
from flows.tune import tune
tune(**{SEARCH!r})
"""


@pytest.fixture
def short(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with eleven months, for which the default start leaves a few monthly folds."""
    monkeypatch.setattr("ml_core.learning.folds.MIN_TRAINING_DAYS", 140)
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    own = trained / "recipes"
    own.mkdir(exist_ok=True)
    (own / "quick.toml").write_text(QUICK)
    return trained


def test_a_search_is_seeded_recorded_and_goes_no_further_than_asked(short: Path) -> None:
    del short
    first = tune(**SEARCH)
    trials = list_trials(current_settings().database(), "MGC", first.study)
    assert first.trials == 6
    assert len(trials) == 6
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    assert len({trial.recipe_hash for trial in trials}) == 6

    again = tune(**SEARCH)
    assert again == first
    assert len(list_trials(current_settings().database(), "MGC", first.study)) == 6

    other = tune(**{**SEARCH, "seed": 8, "trials": 2})
    assert other.study != first.study

    more = tune(**{**SEARCH, "trials": 8})
    assert more.study == first.study
    assert more.trials == 8
    kept = list_trials(current_settings().database(), "MGC", first.study)
    assert [trial.recipe_hash for trial in kept[:6]] == [trial.recipe_hash for trial in trials]

    if more.recipe:
        recipe = current_settings().recipe(more.recipe)
        decision = apply_promotion_rule(current_settings(), "MGC", recipe.name, recipe.hash, now())
        assert not decision.promote
    assert count_trials(current_settings().database(), "MGC").questions >= 10


@pytest.mark.slow
def test_a_killed_search_goes_on_and_loses_no_trial(short: Path, tmp_path: Path) -> None:
    server = str(PREFECT_API_URL.value())  # the session's, to avoid starting another one
    environment = {**os.environ, "ORBCAST_HOME": str(short), "PREFECT_API_URL": server}
    code = "import ml_core.learning.folds as f; f.MIN_TRAINING_DAYS = 140\n" + _IN_A_PROCESS
    script = code.replace("'trials': 6", "'trials': 5, 'seed': 99")
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=log)
    database = current_settings().database()

    def two_begun() -> bool:
        assert process.poll() is None, (tmp_path / "log.txt").read_text()[-2000:]
        return len([trial for trial in list_trials(database, "MGC") if _late(trial.study)]) >= 2

    wait_until(two_begun)
    process.send_signal(signal.SIGKILL)
    process.wait(AT_MOST_SECONDS)

    done = tune(**{**SEARCH, "trials": 5, "seed": 99})
    kept = list_trials(database, "MGC", done.study)
    assert done.trials == 5
    assert {trial.state for trial in kept} <= {"complete", "pruned"}
    assert len(kept) == 5


@pytest.mark.slow
def test_the_same_seed_tries_the_same_on_any_workers_and_after_a_stop(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del short
    searches = []
    for runner, workers, stops in [
        ("threads", "1", False),
        ("processes", "2", False),
        ("threads", "3", True),
    ]:
        place = tmp_path / f"{runner}-{workers}.sqlite"
        monkeypatch.setenv("ORBCAST_DATABASE_URL", f"sqlite:///{place}")
        monkeypatch.setenv("ORBCAST_TASK_RUNNER", runner)
        monkeypatch.setenv("ORBCAST_WORKERS", workers)
        if stops:
            with monkeypatch.context() as patched:
                patched.setattr("tasks.training.tuning.search.finish", _fails_the_second_time())
                with pytest.raises(RuntimeError, match="power"):
                    tune(**{**SEARCH, "trials": 6})
        done = tune(**{**SEARCH, "trials": 6})
        trials = list_trials(current_settings().database(), "MGC", done.study)
        searches.append((done, [(trial.recipe_hash, trial.score) for trial in trials]))
    assert searches[0] == searches[1] == searches[2]
    assert searches[0][0].to_pay_for == 6


def _fails_the_second_time() -> Callable[..., None]:
    calls = []

    def finish_or_fail(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise RuntimeError("the power is off")
        finish(*given)

    return finish_or_fail


@pytest.mark.slow
def test_the_night_s_new_bars_leave_a_search_where_it_was(short: Path) -> None:
    del short
    options = {**SEARCH, "trials": 1, "seed": 3}
    before = tune(**options, as_of=datetime(2024, 11, 27, 12, tzinfo=UTC))
    after = tune(**options)
    assert after.study == before.study
    assert after.base_score == before.base_score


@pytest.mark.slow
def test_a_stop_between_the_two_records_is_made_good(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del short
    options = {**SEARCH, "trials": 3, "seed": 55}

    def stopped(*given: object, **more: object) -> None:
        del given, more
        raise RuntimeError("the power is off")

    with monkeypatch.context() as patched:
        patched.setattr("tasks.training.tuning.trials.finish_trial", stopped)
        with pytest.raises(RuntimeError, match="power"):
            tune(**options)
    begun = [
        trial
        for trial in list_trials(current_settings().database(), "MGC")
        if trial.state == "begun"
    ]
    assert len(begun) == 3  # a batch is asked for at once

    with monkeypatch.context() as patched:
        patched.setattr("tasks.training.tuning.search.score_batch", stopped)
        with pytest.raises(RuntimeError, match="power"):
            tune(**options)

    done = tune(**options)
    kept = list_trials(current_settings().database(), "MGC", done.study)
    assert done.trials == len(kept) == 3
    assert {trial.recipe_hash for trial in begun} == {trial.recipe_hash for trial in kept}
    assert {trial.state for trial in kept} == {"complete"}
    assert all(trial.score is not None for trial in kept)


def test_a_dead_trial_is_lined_up_once_however_often_it_is_found(short: Path) -> None:
    settings = current_settings()
    study = _study(settings, f"dead-{short.name}")
    trial = study.ask()
    lost = {"x": trial.suggest_float("x", 0, 1)}
    study.enqueue_trial(lost)  # a kill came after this, before the trial was marked failed
    _fail_dead_trials(study)
    _fail_dead_trials(study)
    states = [tried.state.name for tried in study.trials]
    assert states == ["FAIL", "WAITING"]
    again = study.ask()  # taken from the queue, and killed before it asked for a value
    _fail_dead_trials(study)
    last = study.ask()
    assert {"x": last.suggest_float("x", 0, 1)} == lost
    assert again.number == 1


def test_a_search_under_way_elsewhere_is_left_alone(short: Path) -> None:
    material = gather.fn("mgc", current_settings().recipe("quick"), None, None, now())
    wanted = Search(question="directional", trials=3, folds=2, holdout_months=1, seed=1)
    recipe = current_settings().recipe("quick")
    data = material.assembly.dataset
    name = _study_name(material, recipe, wanted, tuning_folds(data, recipe, 2, 1))
    with (
        fold_workers(current_settings()) as workers,
        FileLock(short / f".{name}.lock"),
        pytest.raises(TuningUnderWayError, match=name),
    ):
        search.fn(workers, material, recipe, wanted, now())


@pytest.mark.parametrize("name", ["trials", "folds"])
def test_a_search_for_nothing_is_refused(short: Path, name: str) -> None:
    del short
    with pytest.raises(ParameterTypeError, match=f"{name}: Input should be greater than or equal"):
        tune(**{**SEARCH, name: 0})
    options = {"trials": 3, "folds": 2, "holdout_months": 1, "seed": 1, name: 0}
    with pytest.raises(NumberError, match=f"{name} = 0: give 1 or more"):
        Search(question="directional", **options)


def _late(study: str) -> bool:
    """Return whether a study is not the other test's, which may have run before."""
    return study.startswith("tune-mgc-quick") and study not in _SEEN


_SEEN: set[str] = set()


@pytest.fixture(autouse=True)
def _remember_what_was_there(trained: Path) -> None:
    del trained
    _SEEN.clear()
    _SEEN.update(trial.study for trial in list_trials(current_settings().database(), "MGC"))
