"""Every kind of damage to every file of a version: the slot is predicted, the file is named."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.decision.entry import PredictionEntry
from ml_core.files import sha256_of
from ml_core.learning.version_folder import SUMS
from registry.models.versions import VersionRecord
from registry.tables.versions import ModelVersion
from tasks.prediction import slot_context
from tasks.prediction.predict import decided_entries
from tasks.prediction.slots import in_zone, latest_slot
from tasks.settings import Settings, current_settings

AT = "2024-11-28T09:20"


@pytest.fixture(scope="module", autouse=True)
def damaged_home(trained_home: Path) -> Iterator[Path]:
    """The test file's home, whose champion is the model, with the baseline as fallback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(trained_home))
        settings = current_settings()
        model = next(
            record for record in settings.models().versions("MGC") if record.kind != "baseline"
        )
        settings.models().set_alias(
            "MGC", "champion", model.version, at=model.created_at, by="ann", reason="to be damaged"
        )
        yield trained_home


def version_of(settings: Settings, *, baseline: bool) -> VersionRecord:
    versions = settings.models().versions("MGC")
    return next(record for record in versions if (record.kind == "baseline") == baseline)


def champion_entry(settings: Settings) -> PredictionEntry:
    slot_context._loaded.cache_clear()
    market = settings.market("mgc")
    slot = latest_slot(market, in_zone(datetime.fromisoformat(AT), market), None)
    return decided_entries(settings, market, slot, slot.decision, "replay")[0]


def orbcast(*arguments: str) -> tuple[int, str, str]:
    slot_context._loaded.cache_clear()
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@contextmanager
def put_back(folder: Path, tmp_path: Path) -> Iterator[None]:
    """Restore the folder afterwards."""
    kept = shutil.copytree(folder, tmp_path / "kept" / folder.name)
    try:
        yield
    finally:
        shutil.rmtree(folder)
        shutil.move(kept, folder)


def in_its_place(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x80" + path.read_bytes()),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "one byte changed": lambda path: path.write_bytes(b"~" + path.read_bytes()[1:]),
    "a folder": in_its_place(Path.mkdir),
    "a pipe": in_its_place(os.mkfifo),
    "a link to nothing": in_its_place(lambda path: path.symlink_to(path.parent / "nothing")),
    "a link to a device": in_its_place(lambda path: path.symlink_to("/dev/zero")),
    "unreadable": lambda path: path.chmod(0),
}


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a mode of 0 effective even for root."""
    opened = io.open

    def open_by_mode(file: Any, *given: Any, **more: Any) -> Any:
        path = Path(file) if isinstance(file, str | os.PathLike) else None
        if path is not None and path.is_file() and not path.stat().st_mode & 0o777:
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *given, **more)

    monkeypatch.setattr("io.open", open_by_mode)


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("kind", DAMAGE)
def test_whatever_becomes_of_a_file_the_slot_is_answered_by_the_next_version(
    kind: str, tmp_path: Path
) -> None:
    settings = current_settings()
    model, baseline = (version_of(settings, baseline=which) for which in (False, True))
    for name in sorted(path.name for path in model.folder.iterdir()):
        with put_back(model.folder, tmp_path):
            DAMAGE[kind](model.folder / name)
            entry = champion_entry(settings)
            assert (entry.status, entry.version) == ("predicted", baseline.version), name
            faults = settings.models().faults(model)
            assert any(name in fault for fault in faults), (name, faults)
            assert name in str(entry.outputs.fallback), name
    assert champion_entry(settings).version == model.version


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("kind", "name"),
    [("not text", SUMS), ("a folder", "directional.txt"), ("unreadable", "recipe.json"),
     ("a pipe", SUMS), ("truncated", "reference.parquet")],
)  # fmt: skip
def test_each_command_names_the_file_in_a_line_with_its_status(
    kind: str, name: str, tmp_path: Path
) -> None:
    settings = current_settings()
    model, baseline = (version_of(settings, baseline=which) for which in (False, True))
    with put_back(model.folder, tmp_path):
        DAMAGE[kind](model.folder / name)
        for arguments, expected in (
            (("verify",), 1),
            (("status", "--market", "mgc"), 0),
            (("models", "verify"), 3),
            (("predict", "--at", AT), 0),
            (("predict", "--at", AT, "--version", model.version), 3),
        ):
            status, out, errors = orbcast(*arguments)
            assert status == expected, (arguments, out, errors)
            assert name in out + errors, arguments
            assert "internal error" not in out + errors
            assert errors.count("orbcast: ") == errors.count("\n") or arguments[0] == "verify"
        with put_back(baseline.folder, tmp_path / "both"):
            (baseline.folder / "calibrators.json").unlink()
            entry = champion_entry(settings)
            assert (entry.status, entry.reason) == ("abstained", "model_unusable")
            assert name in str(entry.outputs.detail)
            status, _, errors = orbcast("predict", "--at", AT)
            assert (status, errors.count("\n")) == (3, 1)
            assert name in errors
            status, out, _ = orbcast("status", "--market", "mgc")
            assert (status, name in out) == (0, True)


CONTENT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "not text": lambda whole: b"\xff" + whole,
    "half": lambda whole: whole[: len(whole) // 2],
    "another kind": lambda _: b"[]",
    "words": lambda _: b"nothing of the kind\n",
    "no numbers": lambda whole: whole.replace(b"leaf_value=", b"leaf_value=nan ").replace(
        b": 0.", b': null, "x": 0.'
    ),
}


@pytest.mark.parametrize("kind", CONTENT)
def test_an_intact_version_that_fails_to_predict_is_passed_over(kind: str, tmp_path: Path) -> None:
    settings = current_settings()
    model, baseline = (version_of(settings, baseline=which) for which in (False, True))
    for name in sorted(path.name for path in model.folder.iterdir() if path.name != SUMS):
        with put_back(model.folder, tmp_path), registered_as_it_is(settings, model):
            file = model.folder / name
            file.write_bytes(CONTENT[kind](file.read_bytes()))
            list_anew(settings, model)
            registered = version_of(settings, baseline=False)
            assert all(name in fault for fault in settings.models().faults(registered))
            entry = champion_entry(settings)
            assert entry.status == "predicted", (name, entry.reason, entry.outputs.detail)
            assert entry.version in {model.version, baseline.version}
            assert 0 < (entry.p_up or 0) < 1


@contextmanager
def registered_as_it_is(settings: Settings, record: VersionRecord) -> Iterator[None]:
    try:
        yield
    finally:
        note_sums(settings, record, record.sums_hash)


def list_anew(settings: Settings, record: VersionRecord) -> None:
    """Write the hashes of the files as they are now, and register them."""
    names = sorted(path.name for path in record.folder.iterdir() if path.name != SUMS)
    lines = [f"{sha256_of(record.folder / name)}  {name}\n" for name in names]
    (record.folder / SUMS).write_text("".join(lines), "utf-8")
    note_sums(settings, record, hashlib.sha256("".join(lines).encode()).hexdigest())


def note_sums(settings: Settings, record: VersionRecord, sums_hash: str) -> None:
    with settings.database().session() as session:
        same = ModelVersion.version == record.version
        session.execute(update(ModelVersion).where(same).values(sums_hash=sums_hash))
