"""Versions are published completely or not at all; the champion's history can be queried."""

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
    AliasChangedError,
    BackdatedChangeError,
    NothingToRollBackError,
    UnknownVersionError,
    UnsignedChangeError,
    UnusableVersionError,
)
from registry.models.model_store import ModelStore
from registry.models.versions import CHALLENGER, CHAMPION, LEARNED_UNTIL, VersionRecord
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


def test_a_version_is_found_by_its_beginning_and_several_are_named(store: ModelStore) -> None:
    a, b = register(store, bundle("a")), register(store, bundle("b"))

    assert store.find("TEST", a.version[:14]) == a
    with pytest.raises(UnknownVersionError) as caught:
        store.find("TEST", a.version[:8])
    assert set(caught.value.candidates) == {a.version, b.version}
    with pytest.raises(UnknownVersionError, match="nightly-retrain"):
        store.find("OTHER", "champion")


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


def test_the_age_counts_from_the_end_of_the_last_training_day(store: ModelStore) -> None:
    made = bundle()
    until = {LEARNED_UNTIL: "2024-05-01"}
    record = store.register(made, writer(made), metrics=until, at=AT)  # type: ignore[arg-type]

    assert store.expires_at(record) == datetime(2024, 5, 2, tzinfo=UTC) + timedelta(days=400)
    # one of before the last day was kept: from when it was made
    assert store.expires_at(replace(record, metrics={})) == AT + timedelta(days=400)


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
