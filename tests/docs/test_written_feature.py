"""docs/write-a-feature.md followed by the letter in a copy of the code: tried, installed, audited.

Its `orbcast evaluate` takes a minute and is not run here; the audit goes through the same
recipe, catalogue and bars.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from deployments.simulated import write_database
from tasks.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("ml_core", "registry", "monitoring", "tasks", "flows", "deployments")
PAGE = (ROOT / "docs" / "write-a-feature.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the code with the page's bars in it, from July to October 2025."""
    folder = tmp_path_factory.mktemp("clone")
    for each in PACKAGES:
        shutil.copytree(ROOT / each, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
    bars = folder / "bars.duckdb"
    market = Settings().market("mgc")
    write_database(bars, market, date(2025, 7, 1), date(2025, 10, 31), 0.03, 3)
    orbcast(folder, "ingest", "--source", "duckdb", str(bars), "--column", "contract=contract")
    for title, text in re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL):
        (folder / title).parent.mkdir(parents=True, exist_ok=True)
        (folder / title).write_text(text, encoding="utf-8")
    return folder


def test_the_audit_finds_the_planted_mistake_and_lets_the_honest_feature_pass(
    clone: Path,
) -> None:
    said = _run(clone, [sys.executable, "try_feature.py"])

    assert "looked at 24 decisions; leaking: ('price_half_an_hour_later',)" in said
    assert "with the real future" in said


def test_the_feature_is_installed_as_the_page_says_and_audited_in_its_recipe(clone: Path) -> None:
    groups = clone / "ml_core" / "features" / "all.py"
    text = groups.read_text(encoding="utf-8")
    groups.write_text(text.replace("    cost,\n", "    cost,\n    first_minute,\n"), "utf-8")

    said = orbcast(clone, "audit", "lookahead", "--recipe", "first-minute", "--days", "4")

    for line in (
        "MGC: 3 features at 24 decisions, the future deleted and scrambled.",
        "Clean: none moved by a bit.",
    ):
        assert line in PAGE
        assert line in said


def orbcast(clone: Path, *arguments: str) -> str:
    """Run the clone's own command on the home that the page names."""
    command = [sys.executable, "-m", "deployments.cli", "--home", "var/demo", *arguments]
    return _run(clone, command)


def _run(clone: Path, command: list[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(clone), "COLUMNS": "120"}
    done = subprocess.run(
        command, cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
