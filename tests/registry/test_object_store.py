"""The store: whole, verified objects on any file system, and errors that name what to do."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_core.errors import InputError, OperatorError, TransientError
from registry.object_store import ObjectStore, StoreUrlError
from tests.registry.s3_server import KEYS, s3_server

CONTENT = b"bars " * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "lake/MGC/bars/2024-01.parquet/0a1b"


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        with s3_server(tmp_path_factory.mktemp("s3") / "log.txt") as url:
            yield url


@pytest.fixture(params=["file", "memory", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    kind = request.param
    if kind == "s3":
        return ObjectStore(request.getfixturevalue("s3_url").replace("?", f"/{tmp_path.name}?"))
    root = tmp_path / "store" if kind == "file" else tmp_path.name
    return ObjectStore(f"{kind}://{root}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "month.parquet"
    path.write_bytes(CONTENT)
    return path


def test_a_file_is_stored_once_and_comes_back_as_it_was(
    store: ObjectStore, file: Path, tmp_path: Path
) -> None:
    assert store.put(NAME, file, DIGEST)
    assert not store.put(NAME, file, DIGEST)
    there = pickle.loads(pickle.dumps(store))  # noqa: S301 - it is the one made here
    there.fetch(NAME, DIGEST, tmp_path / "new" / "copy.parquet")
    assert (tmp_path / "new" / "copy.parquet").read_bytes() == CONTENT
    assert list(store.objects("lake")) == [f"{NAME}/{DIGEST}"]
    store.remove(NAME, DIGEST)
    store.remove(NAME, DIGEST)
    assert store.objects("lake") == {}


def test_a_missing_object_is_named_with_the_remedy(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(
        OperatorError, match=rf"{NAME}/{DIGEST} .* is missing; `orbcast store push"
    ):
        store.fetch(NAME, DIGEST, tmp_path / "copy.parquet")
    assert not (tmp_path / "copy.parquet").exists()


def test_a_damaged_object_is_named_and_no_file_is_written(
    store: ObjectStore, file: Path, tmp_path: Path
) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    store.put(NAME, file, DIGEST)
    damaged = ObjectStore(store.url)
    with pytest.MonkeyPatch.context() as patch:  # what was written is not what was meant
        patch.setattr("registry.object_store.hashlib.sha256", lambda _: _Digest(other))
        damaged.put(NAME, file, other)
    with pytest.raises(OperatorError, match=f"{NAME}/{other} .* is damaged"):
        store.fetch(NAME, other, tmp_path / "copy.parquet")
    assert not (tmp_path / "copy.parquet").exists()


class _Digest:
    def __init__(self, value: str) -> None:
        self._value = value

    def hexdigest(self) -> str:
        return self._value


def test_a_half_written_object_is_written_again(file: Path, tmp_path: Path) -> None:
    store = ObjectStore(f"file://{tmp_path / 'store'}")
    store.put(NAME, file, DIGEST)
    there = tmp_path / "store" / NAME / DIGEST
    there.write_bytes(CONTENT[:100])
    assert store.put(NAME, file, DIGEST)
    assert store.read(NAME, DIGEST) == CONTENT


def test_a_file_that_is_changed_meanwhile_is_not_stored(store: ObjectStore, file: Path) -> None:
    file.write_bytes(CONTENT + b"x")
    with pytest.raises(TransientError, match=f"{file} was changed meanwhile"):
        store.put(NAME, file, DIGEST)
    assert store.objects("lake") == {}


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("bucket/prefix", r"ORBCAST_STORE=\(not shown\) .*no protocol"),
        ("s4://bucket/prefix", "Protocol not known: s4"),
        ("s3://", "names no folder or bucket"),
        ("file:///", "names no folder or bucket"),
        ("s3://id:canary7@bucket/x?color=red", "color"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secrets(url: str, fault: str) -> None:
    with pytest.raises(StoreUrlError, match=fault) as refused:
        ObjectStore(url).objects("lake")
    assert isinstance(refused.value, InputError)
    assert "canary7" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert "canary7" not in repr(ObjectStore(url)) + ObjectStore(url).shown_url


def test_a_store_that_does_not_answer_is_named_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        type_name = "s3"

        def get_file_info(self, _: object) -> object:
            raise OSError("cannot reach http://ann:canary7@host/x: secret=canary7\nmore")

    monkeypatch.setattr("registry.object_store._opened", lambda *_: (Broken(), "x"))
    with pytest.raises(TransientError, match="the store s3://b/x cannot be used now") as refused:
        ObjectStore("s3://b/x").objects("lake")
    assert "canary7" not in str(refused.value)
    assert not list(tmp_path.iterdir())
