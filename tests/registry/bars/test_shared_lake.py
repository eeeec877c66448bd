"""The lake in a store: two machines, one state, whoever writes, stops or is killed."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.shared_bars import LakeMovedError
from registry.bars.shared_lake import SharedLake, UnsharedBarsError
from registry.database import Database, open_database
from registry.object_store import ObjectStore, StoreObjectError, StoreUnreachableError
from tests.ml_core.bars.lake.test_lake import NOW, bar, batch, contents
from tests.ml_core.bars.lake.test_lake_interrupted import Killed
from tests.ml_core.builders import mgc

FIRST = batch([bar(0), bar(1), bar(40 * 1440)], "first")
SECOND = batch([bar(0, 2001.0), bar(2)], "second")
THIRD = batch([bar(3)], "third")


@dataclass(frozen=True)
class Place:
    """A database and a store that machines share."""

    folder: Path

    @property
    def store(self) -> ObjectStore:
        return ObjectStore(f"file://{self.folder / 'store'}")

    def database(self) -> Database:
        return open_database(f"sqlite:///{self.folder / 'shared.sqlite'}")

    def shared(self, machine: str) -> SharedLake:
        return SharedLake(self.database(), self.store, self.folder / machine)

    def lake(self, machine: str) -> Lake:
        return Lake(self.folder / machine, self.shared(machine))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def calm(folder: Path, *batches: Any) -> Lake:
    """Return a lake of one machine with these batches."""
    lake = Lake(folder / f"calm{len(batches)}")
    lake.ingest(batches, mgc(), NOW)
    return lake


def files(lake: Lake) -> dict[str, bytes]:
    folder = lake.root / "MGC"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_bars_imported_on_one_machine_are_read_on_the_other(place: Place, tmp_path: Path) -> None:
    one, other = place.lake("one"), place.lake("other")
    one.ingest([FIRST], mgc(), NOW)
    assert contents(other) == contents(calm(tmp_path, FIRST))
    other.ingest([SECOND], mgc(), NOW)
    assert one.last_bar("MGC") == other.last_bar("MGC")
    assert one.fingerprint(mgc()) == calm(tmp_path, FIRST, SECOND).fingerprint(mgc())
    assert files(one) == files(other) == files(calm(tmp_path, FIRST, SECOND))
    one.forget(other.batches("MGC")[-1].batch_id, mgc(), NOW)
    assert contents(other) == contents(calm(tmp_path, FIRST))


def test_without_a_change_nothing_is_published_and_nothing_replaced_is_left(place: Place) -> None:
    one = place.lake("one")
    one.ingest([FIRST], mgc(), NOW)
    before = place.store.objects("lake")
    one.ingest([FIRST], mgc(), NOW)
    assert place.store.objects("lake") == before
    one.ingest([SECOND], mgc(), NOW)
    named = {f"{name}/{digest}" for name, digest in place.shared("one").objects("MGC").items()}
    assert set(place.store.objects("lake")) == named
    assert not named <= set(before)


def test_of_two_writers_at_once_the_second_starts_from_what_the_first_published(
    place: Place, tmp_path: Path
) -> None:
    one, other = place.lake("one"), place.lake("other")
    one.ingest([FIRST], mgc(), NOW)

    def meanwhile() -> Iterator[Any]:
        yield SECOND
        one.ingest([THIRD], mgc(), NOW)

    with pytest.raises(LakeMovedError, match="another machine changed the bars of MGC"):
        other.ingest(meanwhile(), mgc(), NOW)
    assert contents(one) == contents(calm(tmp_path, FIRST, THIRD))
    other.ingest([SECOND], mgc(), NOW)
    assert contents(one) == contents(other) == contents(calm(tmp_path, FIRST, SECOND, THIRD))


def test_a_change_published_during_the_upload_of_another_is_not_lost(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = place.lake("one"), place.lake("other")
    one.ingest([FIRST], mgc(), NOW)
    put = ObjectStore.put

    def faster(*given: Any) -> bool:
        monkeypatch.setattr(ObjectStore, "put", put)
        one.ingest([THIRD], mgc(), NOW)
        return put(*given)

    monkeypatch.setattr(ObjectStore, "put", faster)
    with pytest.raises(LakeMovedError):
        other.ingest([SECOND], mgc(), NOW)
    other.ingest([SECOND], mgc(), NOW)
    assert contents(one) == contents(other) == contents(calm(tmp_path, FIRST, SECOND, THIRD))


def test_a_reader_does_not_wait_for_a_writer_on_its_machine(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = place.lake("one"), place.lake("other")
    one.ingest([FIRST], mgc(), NOW)
    before = contents(other)
    monkeypatch.setattr("ml_core.bars.lake.lake._FETCH_SECONDS", 0.0)
    with other._locked("MGC"):
        one.ingest([SECOND], mgc(), NOW)
        assert contents(other) == before
    assert contents(other) == contents(one) != before


class CutShort:
    """Ends a run at the nth step of a publishing or a fetch."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.steps = itertools.count()

    def at(self, last: int) -> None:
        self.steps = itertools.count()
        for kind, name in [
            (ObjectStore, "put"),
            (ObjectStore, "read"),
            (ObjectStore, "remove"),
            (SharedLake, "_commit"),
            (SharedLake, "_note"),
        ]:
            self._patch.setattr(kind, name, self._cut(getattr(kind, name), last))

    def _cut(self, real: Any, last: int) -> Any:
        def step(*given: Any) -> Any:
            if next(self.steps) == last:
                raise Killed
            return real(*given)

        return step


def test_cut_short_at_any_step_no_machine_sees_half_of_it_and_another_run_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = (files(calm(tmp_path, FIRST)), files(calm(tmp_path, FIRST, SECOND)))
    Place(tmp_path).database().close()
    for last in itertools.count():
        place = Place(tmp_path / f"cut{last}")
        place.folder.mkdir()
        shutil.copy(tmp_path / "shared.sqlite", place.folder)
        place.lake("one").ingest([FIRST], mgc(), NOW)
        was_cut = False
        with monkeypatch.context() as patch:
            CutShort(patch).at(last)
            try:
                place.lake("two").ingest([SECOND], mgc(), NOW)
            except Killed:
                was_cut = True
        third = place.lake("three")
        third.count("MGC")
        assert files(third) in complete, last
        place.lake("two").ingest([SECOND], mgc(), NOW)
        for name in ("one", "two", "three"):
            machine = place.lake(name)
            machine.count("MGC")
            assert files(machine) == complete[1], (last, name)
        if not was_cut:
            break
    assert last > 10


_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from ml_core.bars.lake import month_changes
    from tests.registry.bars.test_shared_lake import Place, SECOND, NOW, mgc
    from registry.object_store import ObjectStore

    kind, name = {"ingest": (month_changes, "write_rows"), "publish": (ObjectStore, "put")}[
        sys.argv[2]
    ]
    real, calls = getattr(kind, name), []
    def step(*given):
        calls.append(given)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given)
    setattr(kind, name, step)
    Place(Path(sys.argv[1])).lake("two").ingest([SECOND], mgc(), NOW)
"""


@pytest.mark.slow
@pytest.mark.parametrize("during", ["ingest", "publish"])
def test_a_writer_killed_for_good_leaves_the_others_as_they_were(
    place: Place, tmp_path: Path, during: str
) -> None:
    one = place.lake("one")
    one.ingest([FIRST], mgc(), NOW)
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), str(place.folder), during],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    one.ingest([THIRD], mgc(), NOW)  # the killed one's copy is now older
    two = place.lake("two")
    assert contents(two) == contents(one) == contents(calm(tmp_path, FIRST, THIRD))
    two.ingest([SECOND], mgc(), NOW)
    assert contents(one) == contents(calm(tmp_path, FIRST, SECOND, THIRD))


def test_a_machine_works_on_while_the_store_is_out_of_reach(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = place.lake("one")
    one.ingest([FIRST], mgc(), NOW)

    def refuses(*_: object) -> None:
        raise OSError("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr("registry.object_store._write", refuses)
        for more in (SECOND, THIRD):
            with pytest.raises(StoreUnreachableError, match="cannot be used now"):
                one.ingest([more], mgc(), NOW)
        assert contents(one) == contents(calm(tmp_path, FIRST, SECOND, THIRD))
    assert contents(place.lake("other")) == contents(calm(tmp_path, FIRST))
    one.ingest([SECOND], mgc(), NOW)
    assert contents(place.lake("other")) == contents(one)


def test_an_existing_lake_is_put_there_by_its_next_change(place: Place, tmp_path: Path) -> None:
    Lake(place.folder / "one").ingest([FIRST], mgc(), NOW)
    place.lake("one").ingest([SECOND], mgc(), NOW)
    assert contents(place.lake("other")) == contents(calm(tmp_path, FIRST, SECOND))


def test_a_home_with_other_bars_is_refused_and_may_replace_those_there(place: Place) -> None:
    place.lake("one").ingest([FIRST], mgc(), NOW)
    Lake(place.folder / "other").ingest([SECOND], mgc(), NOW)
    other = place.lake("other")
    before = files(other)
    for use in (lambda: other.count("MGC"), lambda: other.ingest([THIRD], mgc(), NOW)):
        with pytest.raises(UnsharedBarsError, match=r"MGC that were not fetched .*--replace"):
            use()
    assert files(other) == before
    other.share("MGC", replace=True)
    assert contents(place.lake("one")) == contents(other)
    assert files(other) == before


def test_the_same_bars_from_before_are_taken_for_a_copy(place: Place) -> None:
    place.lake("one").ingest([FIRST], mgc(), NOW)
    Lake(place.folder / "other").ingest([FIRST], mgc(), NOW)
    assert contents(place.lake("other")) == contents(place.lake("one"))


def test_a_file_lost_here_is_fetched_before_the_next_change(place: Place, tmp_path: Path) -> None:
    one = place.lake("one")
    one.ingest([FIRST], mgc(), NOW)
    next((one.root / "MGC" / "bars").iterdir()).unlink()
    one.ingest([SECOND], mgc(), NOW)
    assert contents(place.lake("other")) == contents(calm(tmp_path, FIRST, SECOND))


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_an_object_lost_or_damaged_in_the_store_is_named(place: Place, damage: str) -> None:
    place.lake("one").ingest([FIRST], mgc(), NOW)
    name, digest = next(
        (name, digest)
        for name, digest in place.shared("one").objects("MGC").items()
        if "/bars/" in name
    )
    path = place.folder / "store" / name / digest
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(StoreObjectError, match=f"{name}/{digest} .* is {damage}"):
        contents(place.lake("other"))
