"""`orbcast store`: a home is moved to a store, another machine works with it, faults are named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from registry.models.model_store import ModelStore
from registry.object_store import StoreUnreachableError
from registry.studies.evaluations import EvaluationRecord, evaluations, record_evaluation
from tasks.data.shared_store import SharedStore
from tasks.settings import CLOCK_FILE, current_settings, now
from tasks.training.studies_on_record import require_intact

SHARED = ("lake", "models", "studies")


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.stdout if status in {0, 1} else result.stderr


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def pushed(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the store of a trained home with a study, which everything was pushed to."""
    monkeypatch.setenv("ORBCAST_DATABASE_URL", f"sqlite:///{own / 'orbcast.sqlite'}")
    monkeypatch.setenv("ORBCAST_STORE", f"file://{tmp_path / 'store'}")
    note_a_study(own)
    run("store", "push")
    # the disk dates the objects; on a set clock it is not at the tests' time
    clock = tmp_path / "clock"
    clock.touch()
    clock.write_text(str(clock.stat().st_mtime - time.time()), "utf-8")
    monkeypatch.setenv(CLOCK_FILE, str(clock))
    return tmp_path / "store"


@pytest.fixture
def elsewhere(pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty home of another machine with the same database and store."""
    del pushed
    home = tmp_path / "elsewhere"
    monkeypatch.setenv("ORBCAST_HOME", str(home))
    return home


def note_a_study(home: Path) -> None:
    settings = current_settings()
    recipe = settings.recipe("baseline")
    path = home / "studies" / "MGC" / "baseline" / "s" / "evaluation.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    record = EvaluationRecord(
        market="MGC",
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        study_hash="s" * 64,
        settings={},
        data_fingerprint="d",
        verdict="-",
        figures={},
        files={
            "studies/MGC/baseline/s/evaluation.json": (
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
            )
        },
        at=now(),
    )
    record_evaluation(settings.database(), record, recipe)


def files_of(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for folder in SHARED
        for path in (home / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_a_home_is_pushed_once_and_pulled_whole(own: Path, elsewhere: Path) -> None:
    assert run_json("store", "push")["pushed"] == 0
    before = run_json("store", "status")
    assert (before["bars"], before["versions_here"], before["studies_here"]) == (
        [{"market": "MGC", "current": False}],
        0,
        0,
    )
    after = run_json("store", "pull")
    assert after["versions_here"] == after["versions"] > 1
    assert after["bars"] == [{"market": "MGC", "current": True}]
    assert files_of(elsewhere) == files_of(own)


def test_another_machine_fetches_what_it_uses(own: Path, elsewhere: Path) -> None:
    models = current_settings().models()
    champion = models.find("MGC", "champion")
    assert not champion.path.exists()
    serving = models.serving("MGC", champion.known_until + timedelta(days=1))
    assert serving.trouble is None
    assert [path.name for path in elsewhere.glob("models/MGC/*/*")] == [champion.version]

    there, here = run_json("bars", "status"), str(own)
    assert there["bars"] > 0
    (study,) = evaluations(current_settings().database(), "MGC")
    require_intact(current_settings(), study)
    assert (elsewhere / next(iter(study.files))).is_file()
    assert here not in json.dumps(there)


def test_what_is_lost_or_damaged_in_the_store_is_named_and_pushed_anew(
    own: Path, pushed: Path
) -> None:
    del own
    assert run("verify").strip()
    objects = {
        kind: sorted(path for path in (pushed / kind).rglob("*") if path.is_file())
        for kind in SHARED
    }
    lost, study = objects["lake"][0], objects["studies"][0]
    sums = next(path for path in objects["models"] if path.parent.name == "SHA256SUMS")
    lost.unlink()
    sums.unlink()
    study.write_bytes(b"[]")
    faults = run("verify", status=1)
    for path, fault in ((lost, "is missing"), (study, "is damaged")):
        assert f"the object {path.relative_to(pushed)} of the store" in faults
        assert fault in faults
    assert faults.count("`orbcast store push` on a machine whose home has the file") == 3
    assert run_json("store", "push")["pushed"] == 3
    run("verify")


def test_a_version_that_cannot_be_fetched_does_not_serve_and_says_why(
    elsewhere: Path, pushed: Path
) -> None:
    del elsewhere
    models = current_settings().models()
    champion = models.find("MGC", "champion")
    shutil.rmtree(pushed / "models" / "MGC" / champion.model / champion.version)
    at = champion.known_until + timedelta(days=1)
    assert f"{champion.version}/SHA256SUMS" in models.faults(champion)[0]
    serving = models.serving("MGC", at)
    assert serving.damaged is not None  # it is the only one
    assert "is missing; `orbcast store push`" in serving.damaged
    assert not champion.folder.exists()


def test_a_version_is_registered_once_it_is_in_the_store(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own
    settings = current_settings()
    version = settings.models().find("MGC", "champion")
    bundle = _Bundle(version)
    monkeypatch.setenv("ORBCAST_STORE", f"file://{tmp_path / 'store'}")
    monkeypatch.setenv("ORBCAST_DATABASE_URL", f"sqlite:///{tmp_path / 'other.sqlite'}")
    models: ModelStore = current_settings().models()

    def refuses(*_: object) -> None:
        raise StoreUnreachableError("s3://b", "no connection")

    with monkeypatch.context() as patch:
        patch.setattr("registry.object_store._write", refuses)
        with pytest.raises(StoreUnreachableError, match="try again"):
            models.register(bundle, print, metrics={}, at=now())  # type: ignore[arg-type]
    assert models.versions() == ()
    record = models.register(bundle, print, metrics={}, at=now())  # type: ignore[arg-type]
    shutil.rmtree(record.path)
    assert models.faults(record) == ()


class _Bundle:
    """A version as it is registered, whose files are there already."""

    def __init__(self, version: Any) -> None:
        settings = current_settings()
        self.version = version.version
        self.recipe = settings.recipe(version.model)
        self.trained = {"market": "MGC", "data_fingerprint": "d"}


def test_without_a_store_the_command_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ORBCAST_STORE", raising=False)
    assert "ORBCAST_STORE is not set" in run("store", "status", status=2)


def age(store: Path, days: float) -> None:
    """Date every object of a store back."""
    for path in store.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - days * 86_400
            os.utime(path, (then, then))


def left_by_a_killed_writer(store: Path, folder: str, name: str = "left.parquet") -> Path:
    path = store / folder / name / ("a" * 64)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"-")
    return path


def test_old_objects_that_nothing_names_are_shown_and_then_removed_and_no_others(
    pushed: Path,
) -> None:
    in_force = files_of(pushed)
    orphans = [
        left_by_a_killed_writer(pushed, folder)
        for folder in ("lake/MGC/bars", "models/MGC/baseline/v", "studies/MGC/baseline/s")
    ]
    age(pushed, 8)
    young = left_by_a_killed_writer(pushed, "models/MGC/baseline/w")
    dataset = left_by_a_killed_writer(pushed, "datasets")
    os.utime(dataset, (1, 1))
    keys = [path.relative_to(pushed).as_posix() for path in orphans]

    assert run_json("store", "prune")["orphans"] == keys
    assert "3 objects that nothing names found" in run("store", "prune")
    assert all(path.exists() for path in orphans)

    assert "3 objects that nothing names removed" in run("store", "prune", "--remove")
    assert files_of(pushed) == {**in_force, young.relative_to(pushed).as_posix(): b"-"}
    assert dataset.exists()
    assert run("store", "prune", "--remove") == "nothing to remove\n"
    assert "store" not in run("verify")


def test_nothing_is_pruned_by_a_record_that_may_be_of_another_store(pushed: Path) -> None:
    orphan = left_by_a_killed_writer(pushed, "lake/MGC/bars")
    age(pushed, 8)
    next(path for path in (pushed / "studies").rglob("*") if path.is_file()).unlink()
    assert "which is not there" in run("store", "prune", "--remove", status=2)
    assert orphan.exists()


def test_nothing_is_pruned_by_an_empty_record(
    pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_DATABASE_URL", f"sqlite:///{tmp_path / 'other.sqlite'}")
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "other"))
    age(pushed, 8)
    before = files_of(pushed)
    assert "names nothing in it" in run("store", "prune", "--remove", status=2)
    assert files_of(pushed) == before


def test_an_object_stored_again_meanwhile_is_not_removed(
    pushed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"{}"
    digest = hashlib.sha256(content).hexdigest()
    orphan = pushed / "studies" / "left.json" / digest
    orphan.parent.mkdir()
    orphan.write_bytes(content)
    age(pushed, 8)
    shared = SharedStore(current_settings())
    listed = shared.orphans(now())
    assert len(listed) == 1
    file = pushed.parent / "left.json"
    file.write_bytes(content)
    assert not shared.store.put("studies/left.json", file, digest)
    monkeypatch.setattr(SharedStore, "orphans", lambda *_: listed)
    assert shared.prune(now()) == ()
    assert orphan.exists()
