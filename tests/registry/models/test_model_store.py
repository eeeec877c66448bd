"""Versions are published completely or not at all; changed files are named and not served."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from ml_core.files import sha256_of
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import write_bundle
from registry.database import Database
from registry.errors import (
    UnknownVersionError,
    UnusableVersionError,
)
from registry.models.model_store import ModelStore
from registry.models.versions import CHALLENGER, CHAMPION, VersionRecord
from tests.ml_core.learning.synthetic import dataset

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
DATA = dataset(260)


@cache
def bundle(fingerprint: str = "a", kind: str = "baseline") -> Bundle:
    recipe = Recipe.model_validate({"name": f"test-{kind}", "kind": kind})
    return fit(DATA, recipe, fingerprint).bundle


def writer(made: Bundle, data: Dataset = DATA) -> object:
    def write(folder: Path) -> None:
        write_bundle(made, folder, metrics={"n": 1}, card="# card", reference=data)

    return write


@pytest.fixture
def store(database: Database, tmp_path: Path) -> ModelStore:
    return ModelStore(database, tmp_path / "models")


def register(store: ModelStore, made: Bundle, at: datetime = AT) -> VersionRecord:
    return store.register(made, writer(made), metrics={"n": 1}, at=at)  # type: ignore[arg-type]


def test_registering_twice_changes_nothing(store: ModelStore) -> None:
    made = bundle()

    first = register(store, made)
    again = register(store, made, AT + timedelta(days=1))

    assert first == again
    assert store.versions("TEST") == (first,)
    assert store.faults(first) == ()


def test_a_writer_that_fails_leaves_nothing(store: ModelStore, tmp_path: Path) -> None:
    made = bundle()

    def fails(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.register(made, fails, metrics={}, at=AT)

    assert store.versions() == ()
    assert not [p for p in (tmp_path / "models").rglob("*") if p.is_file()]


def test_a_version_s_name_is_recomputed_from_its_files(store: ModelStore) -> None:
    """Files consistent with one another and the row do not suffice: another version's are, too."""
    own, other = register(store, bundle("a")), register(store, bundle("b"))
    assert store.content_faults(own) == store.content_faults(other) == ()
    shutil.rmtree(own.folder)
    shutil.copytree(other.folder, own.folder)
    forged = replace(own, sums_hash=other.sums_hash)

    assert store.faults(forged) == ()
    assert store.content_faults(forged) == (f"its files give it the name {other.version}",)


def test_a_row_that_names_another_recipe_than_the_files_is_named(store: ModelStore) -> None:
    own = register(store, bundle("a"))
    assert store.content_faults(replace(own, recipe_hash="other")) == (
        "its row names another recipe than its files",
    )


def test_a_version_whose_name_cannot_be_recomputed_is_reported(store: ModelStore) -> None:
    own = register(store, bundle("a"))
    (own.folder / "metadata.json").write_text("{}")
    sums = own.folder / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines() if "metadata.json" not in line]
    lines.append(f"{sha256_of(own.folder / 'metadata.json')}  metadata.json")
    sums.write_text("".join(f"{line}\n" for line in lines))

    forged = replace(own, sums_hash=hashlib.sha256(sums.read_bytes()).hexdigest())

    (fault,) = store.content_faults(forged)
    assert fault.startswith("its name cannot be computed: metadata.json ")


def test_a_version_whose_files_were_touched_is_named_and_not_served(store: ModelStore) -> None:
    old, new = register(store, bundle("a")), register(store, bundle("b"), AT + timedelta(hours=1))
    store.set_alias("TEST", CHAMPION, old.version, at=AT, by="ann", reason="first")
    store.set_alias("TEST", CHAMPION, new.version, at=AT + timedelta(days=1), by="ann", reason="b")
    (new.folder / "baselines.json").write_text("{}")

    serving = store.serving("TEST", AT)

    assert store.faults(new) == ("baselines.json was changed",)
    assert serving.record == old
    assert serving.fallback is not None
    assert "baselines.json was changed" in serving.fallback
    with pytest.raises(UnusableVersionError, match=r"baselines.json was changed"):
        store.set_alias("TEST", CHALLENGER, new.version, at=AT, by="ann", reason="no")


def test_files_changed_together_with_their_sums_are_noticed(store: ModelStore) -> None:
    record = register(store, bundle())
    card, sums = record.folder / "model_card.md", record.folder / "SHA256SUMS"
    import hashlib  # noqa: PLC0415 - as a forger would

    old = hashlib.sha256(card.read_bytes()).hexdigest()
    card.write_text("# better")
    new = hashlib.sha256(card.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(old, new))

    assert store.faults(record) == ("SHA256SUMS is not the one registered",)


_WRITES = """
    import sys
    from pathlib import Path
    from registry.database import open_database
    from registry.models.model_store import ModelStore
    from tests.registry.models.test_model_store import AT, bundle, writer

    made = bundle("of another")
    write = writer(made)

    def waits(folder):
        print("writes", flush=True)
        sys.stdin.readline()
        write(folder)

    root = Path(sys.argv[1])
    store = ModelStore(open_database(f"sqlite:///{root / 'orbcast.sqlite'}"), root / "models")
    store.register(made, waits, metrics={}, at=AT)
"""


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # the one the other process opens
def test_files_of_a_killed_process_are_removed_and_those_of_a_running_one_kept(
    tmp_path: Path, store: ModelStore
) -> None:
    model = tmp_path / "models" / "TEST" / "test-baseline"
    (model / ".incoming-left").mkdir(parents=True)
    (model / ".incoming-left" / "half.txt").write_text("half")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WRITES), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writes\n"
        record = register(store, bundle())
        (written,) = [path for path in model.iterdir() if path.name != record.version]
        assert written.name.startswith(".incoming-")
        assert written.name != ".incoming-left"
        other.communicate("go on\n")
        assert other.returncode == 0
    versions = store.versions("TEST")
    assert {path.name for path in model.iterdir()} == {version.version for version in versions}
    assert [store.faults(version) for version in versions] == [(), ()]


def test_a_version_is_found_by_its_beginning_and_several_are_named(store: ModelStore) -> None:
    a, b = register(store, bundle("a")), register(store, bundle("b"))

    assert store.find("TEST", a.version[:14]) == a
    with pytest.raises(UnknownVersionError) as caught:
        store.find("TEST", a.version[:8])
    assert set(caught.value.candidates) == {a.version, b.version}
    with pytest.raises(UnknownVersionError, match="nightly-retrain"):
        store.find("OTHER", "champion")


def test_two_that_publish_the_same_version_make_one(store: ModelStore) -> None:
    made = bundle()
    write = writer(made)

    def interrupted(folder: Path) -> None:
        register(store, made)  # another run gets there first, while this one is writing
        write(folder)  # type: ignore[operator]

    record = store.register(made, interrupted, metrics={"n": 1}, at=AT + timedelta(hours=1))

    assert store.versions("TEST") == (record,)
    assert record.created_at == AT
    assert [path.name for path in record.folder.parent.iterdir()] == [record.version]


_KILLED_AFTER = """
    import os, signal, sys
    from pathlib import Path
    from registry.models import model_store
    from registry.models import version_files
    from registry.database import open_database
    from tests.registry.models.test_model_store import AT, bundle, writer

    version_files.damage = lambda folder: os.kill(os.getpid(), signal.SIGKILL)  # renamed by then
    made = bundle()
    root = Path(sys.argv[1])
    database = open_database(f"sqlite:///{root / 'orbcast.sqlite'}")
    store = model_store.ModelStore(database, root / "models")
    store.register(made, writer(made), metrics={}, at=AT)
"""


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # the one the victim opens
def test_killed_between_folder_and_row_the_next_run_adopts_the_folder(
    tmp_path: Path, store: ModelStore
) -> None:
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED_AFTER), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    made = bundle()
    folder = tmp_path / "models" / "TEST" / "test-baseline" / made.version
    assert folder.is_dir()
    assert store.versions() == ()

    def unneeded(_folder: Path) -> None:
        raise AssertionError("the folder that stands is taken")

    record = store.register(made, unneeded, metrics={"n": 1}, at=AT)

    assert store.versions("TEST") == (record,)
    assert store.faults(record) == ()


_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from registry.database import open_database
    from registry.models.model_store import ModelStore
    from tests.registry.models.test_model_store import AT, bundle, writer

    made = bundle()
    write = writer(made)

    def dies(folder):
        write(folder)
        (folder / "model_card.md").unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    root = Path(sys.argv[1])
    store = ModelStore(open_database(f"sqlite:///{root / 'orbcast.sqlite'}"), root / "models")
    store.register(made, dies, metrics={}, at=AT)
"""


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # the one the victim opens
def test_killed_while_writing_nothing_is_visible_and_another_run_completes(
    tmp_path: Path, store: ModelStore
) -> None:
    project = Path(__file__).parents[3]
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(project)},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert store.versions() == ()
    model = tmp_path / "models" / "TEST" / "test-baseline"
    (left,) = model.iterdir()
    assert left.name.startswith(".incoming-")

    record = register(store, bundle())

    assert store.faults(record) == ()
    assert record.folder.name == record.version
