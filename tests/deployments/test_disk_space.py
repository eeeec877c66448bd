"""Full and read-only disks, and refusing servers: one line before any work starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deployments.cli.errors import OPERATOR, error_line, exit_status
from deployments.disk_space import NoRoomError, NotWritableError, require_room


def test_a_home_with_room_is_made_and_left_as_it_was(tmp_path: Path) -> None:
    require_room(tmp_path / "a" / "home")
    assert list((tmp_path / "a" / "home").iterdir()) == []


def test_a_disk_that_is_nearly_full_is_reported_with_the_space_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=7 * 1024**2))
    with pytest.raises(NoRoomError, match=r"has 7 MB left, and a run needs 200; make room"):
        require_room(tmp_path)


def test_a_home_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    # a file in place of a folder, as permissions would not stop a test that runs as root
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(NotWritableError, match=r"cannot be written to .*Not a directory.*--home"):
        require_room(tmp_path / "file" / "home")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("Failed to reach API at http://127.0.0.1:1/api/", "is PREFECT_API_URL right"),
        ("Timed out connecting to ephemeral Prefect API server.", "is PREFECT_API_URL right"),
    ],
)
def test_a_server_that_cannot_be_reached_is_no_defect_of_ours(words: str, remedy: str) -> None:
    assert remedy in error_line(RuntimeError(words))
    assert exit_status(RuntimeError(words)) == OPERATOR
    assert exit_status(RuntimeError("anything else")) != OPERATOR


def test_a_server_that_requires_another_secret_has_a_message_of_its_own() -> None:
    class PrefectHTTPStatusError(Exception):
        pass

    refused = PrefectHTTPStatusError("Client error '401 Unauthorized' for url 'http://x/api'")
    assert "set ORBCAST_AUTH" in error_line(refused)
    assert "ORBCAST_AUTH" not in error_line(PrefectHTTPStatusError("Server error '503'"))
