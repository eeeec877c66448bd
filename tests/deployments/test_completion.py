"""Tab completion, driven by the variables that each shell's own script sets."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shellingham
from typer.testing import CliRunner

from deployments.cli.app import app


def complete(home: Path, line: str, shell: str = "bash", **more: str) -> list[str]:
    """Return what a shell offers after ``line``, as its completion script requests it."""
    words = line.split(" ")
    variables = {
        "_ORBCAST_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "deployments.cli"],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env={**os.environ, **variables, "ORBCAST_HOME": str(home), **more},
    )
    assert done.returncode == 0, done.stderr
    loaded = {import_line.rpartition("|")[2].strip() for import_line in done.stderr.splitlines()}
    assert not loaded & {"tasks.settings", "pyarrow", "sqlalchemy", "prefect"}
    return done.stdout.split("\n")[:-1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a recipe and a strategy of its own, and a version."""
    for folder in ("recipes", "strategies"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text("")
    version = tmp_path / "models" / "MGC" / "mine" / "20250527-d6cb60b7ceb2"
    version.mkdir(parents=True)
    (version / "metadata.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("orbcast sta", ["status", "stats"]),
        ("orbcast models sh", ["show"]),
        ("orbcast status --market ", ["mgc", "nq"]),
        ("orbcast status --market n", ["nq"]),
        ("orbcast notices --market m", ["mgc"]),
        (
            "orbcast evaluate --recipe ",
            ["baseline", "mine", "plain-lightgbm", "residual-mirrored", "residual-small"],
        ),
        ("orbcast recipes diff mine resid", ["residual-mirrored", "residual-small"]),
        (
            "orbcast strategy show --strategy ",
            ["first-candle", "mine", "orb-default", "six-ranges"],
        ),
        ("orbcast models show ", ["champion", "challenger", "20250527-d6cb60b7ceb2"]),
        ("orbcast models card 2025", ["20250527-d6cb60b7ceb2"]),
        ("orbcast predict --version chal", ["challenger"]),
        ("orbcast rollout step-down --to s", ["shadow"]),
        ("orbcast run nightly", ["nightly-retrain"]),
        ("orbcast performance --by m", ["month"]),
        ("orbcast status --js", ["--json"]),
    ],
)
def test_bash_is_offered_names_without_a_heavy_import(
    home: Path, line: str, offered: list[str]
) -> None:
    assert complete(home, line) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_the_same(home: Path, shell: str) -> None:
    offered = "\n".join(complete(home, "orbcast status --market ", shell))
    assert "mgc" in offered
    assert "nq" in offered


def test_a_home_named_on_the_line_is_the_one_looked_into(home: Path, tmp_path: Path) -> None:
    elsewhere = {"ORBCAST_HOME": str(tmp_path / "elsewhere")}
    assert "mine" not in complete(home, "orbcast evaluate --recipe ", **elsewhere)
    assert "mine" in complete(home, f"orbcast --home {home} evaluate --recipe ", **elsewhere)


def test_market_files_of_ones_own_are_offered(home: Path) -> None:
    own = home / "markets"
    own.mkdir()
    (own / "es.toml").write_text("")
    offered = complete(home, "orbcast status --market ", ORBCAST_MARKETS_DIR=str(own))
    assert offered == ["es"]


@pytest.fixture
def prompt(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Run `orbcast` with an option from a shell of that name, whose home is empty."""
    bash = shutil.which("bash")
    assert bash
    (tmp_path / "bin").mkdir()
    shell = tmp_path / "bin" / request.param
    shell.symlink_to(bash)  # a shell is recognised by its name

    def orbcast(option: str) -> subprocess.CompletedProcess[str]:
        command = f"{shlex.quote(sys.executable)} -m deployments.cli {option}; exit $?"
        return subprocess.run(
            [shell, "-c", command],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(tmp_path)},
        )

    return orbcast


@pytest.mark.parametrize("prompt", ["bash", "zsh", "fish"], indirect=True)
def test_the_script_of_the_present_shell_is_shown_and_installed(
    prompt: Callable[[str], Any], tmp_path: Path
) -> None:
    script = prompt("--show-completion").stdout
    assert "_ORBCAST_COMPLETE=complete_" in script
    assert "completion installed in" in prompt("--install-completion").stdout
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(script.strip() in path.read_text("utf-8") for path in written)


@pytest.mark.parametrize("shell", ["", "tcsh"])
def test_an_unsupported_shell_is_reported_in_one_line(
    shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def detected() -> tuple[str, str]:
        if not shell:
            raise shellingham.ShellDetectionFailure
        return shell, f"/bin/{shell}"

    monkeypatch.setattr(shellingham, "detect_shell", detected)
    result = CliRunner().invoke(app, ["--install-completion"])
    assert result.exit_code == 2
    assert "in bash, zsh or fish" in result.stderr
    assert result.stderr.count("\n") == 1
