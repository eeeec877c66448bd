"""The notebooks run from first to last cell on the demo's home, and contain no output."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "docs" / "notebooks").glob("*.ipynb"))

CELL_BY_CELL = """
import json, sys

names = {"__name__": "__main__"}
for number, cell in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))["cells"], 1):
    if cell["cell_type"] == "code":
        print(f"cell {number}", flush=True)
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
print("all cells ran")
"""


def cells_of(path: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return read


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_output(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    code = [cell for cell in cells_of(path) if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells_of(path)}) == len(cells_of(path))
    assert not any(line.startswith(("%", "!")) for cell in code for line in cell["source"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_runs(
    path: Path, demo: Path, tmp_path: Path, prefect_server: None
) -> None:
    del prefect_server
    shutil.copytree(demo / "served", tmp_path / "var" / "demo")
    done = subprocess.run(
        [sys.executable, "-c", CELL_BY_CELL, str(path)],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if "ORBCAST" not in name},
            "MPLBACKEND": "agg",
            "ORBCAST_TASK_RUNNER": "threads",
            "PREFECT_API_URL": str(PREFECT_API_URL.value()),
            "PYTHONPATH": str(PROJECT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.endswith("all cells ran\n")
