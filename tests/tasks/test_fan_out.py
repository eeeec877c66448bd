"""Workers are given a dataset's path; those on another machine fetch it from the store."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.dataset_file import UnreadableDatasetError
from registry.object_store import ObjectStore
from tasks.training import fan_out
from tasks.training.fan_out import Workers
from tests.ml_core.learning.synthetic import dataset

DATA = dataset(50)


def rows_of(data: Dataset, more: int) -> int:
    return len(data) + more


@pytest.fixture(autouse=True)
def _nothing_read() -> None:
    fan_out._last_read.cache_clear()


def test_a_worker_gets_a_path_and_reads_a_dataset_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = fan_out.read_dataset
    monkeypatch.setattr(fan_out, "read_dataset", lambda path: reads.append(path) or real(path))
    with ThreadPoolExecutor(1) as pool:
        workers = Workers(pool, tmp_path)
        path = workers.share(DATA)
        assert [workers.submit(rows_of, path, n).result() for n in (1, 2)] == [151, 152]
    assert reads == [path]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_is_sent_to_a_worker_is_small(tmp_path: Path) -> None:
    sent = []

    class Pool(ThreadPoolExecutor):
        def submit(self, call: Any, /, *given: Any, **named: Any) -> Any:
            sent.append(pickle.dumps((call, given, named)))
            return super().submit(call, *given, **named)

    with Pool(1) as pool:
        workers = Workers(pool, tmp_path)
        workers.submit(rows_of, workers.share(DATA), 0).result()
    assert len(sent[0]) < 1_000 < len(pickle.dumps(DATA))


def test_files_that_were_not_used_for_days_are_removed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        store = ObjectStore(f"file://{tmp_path / 'store'}")
        workers = Workers(pool, tmp_path / "datasets", store)
        old, new = workers.share(DATA), workers.share(dataset(51))
        then = new.stat().st_mtime - timedelta(days=3).total_seconds()  # by the disk's clock
        for path in (old, *(tmp_path / "store" / "datasets" / old.name).iterdir()):
            os.utime(path, (then, then))
        last = workers.share(dataset(52))
        assert set((tmp_path / "datasets").iterdir()) == {new, last}
        assert {key.split("/")[1] for key in store.objects("datasets")} == {new.name, last.name}


@pytest.mark.slow
def test_a_worker_on_another_machine_fetches_it_from_its_own_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setenv("ORBCAST_HOME", str(there))
    store = ObjectStore(f"file://{tmp_path / 'store'}")
    with ProcessPoolExecutor(1) as pool:
        path = Workers(pool, here / "datasets", store).share(DATA)
        path.rename(tmp_path / "out of reach")
        with pytest.raises(UnreadableDatasetError, match=r"ORBCAST_STORE"):
            Workers(pool, here / "datasets").submit(rows_of, path, 0).result()
    monkeypatch.setenv("ORBCAST_STORE", store.url)
    with ProcessPoolExecutor(1) as pool:
        assert Workers(pool, here, store).submit(rows_of, path, 0).result() == len(DATA)
    assert (there / "datasets" / path.name).is_file()
