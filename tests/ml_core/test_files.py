"""A file gets its name once it is on disk, and the writer continues once the name is, too."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ml_core.files import written_atomically


def test_the_content_is_synced_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    synced, replaced = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("sync folder" if is_folder else "sync file")
        synced(descriptor)

    def name(source: Path, target: Path) -> None:
        done.append("name")
        replaced(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", name)

    path = tmp_path / "a" / "note.txt"
    with written_atomically(path) as temporary:
        temporary.write_text("whole")
        assert done == []

    assert done == ["sync file", "name", "sync folder"]
    assert path.read_text() == "whole"
