"""What `orbcast evaluate` and `orbcast tune` refuse before they start anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--refit", "week"], "write month or quarter"),
        (["--window", "rolling"], "rolling:24"),
        (["--recipe", "nothing"], "residual-mirrored"),
        (["--market", "mgc,nothing"], "nothing"),
        (["--from", "yesterday"], "2025-06-30"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused_before_a_server_starts(
    options: list[str], words: str
) -> None:
    assert words in run("evaluate", *options, status=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--question", "magic"], "directional, quality, r_multiple"),
        (["--recipe", "nothing"], "residual-mirrored"),
        (["--trials", "0"], "trials"),
    ],
)
def test_a_search_that_cannot_be_is_refused_before_a_server_starts(
    options: list[str], words: str
) -> None:
    assert words in run("tune", *options, status=2)
