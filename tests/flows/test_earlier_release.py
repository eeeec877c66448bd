"""A home of the release of 2026-11-26: opened, upgraded, verified, and used.

It holds a simulated market's last two months of bars, two versions, replayed days, and a live day
with its outcomes, made by `benchmarks/upgrade.py` with that release (commit f45ccec), whose schema
was 0007. That benchmark also tries a retrain, a server's database and the downgrade.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app

KEPT = Path(__file__).resolve().parents[1] / "homes" / "release-2026-11-26.tar.xz"
HEAD = "0a43fa1a2b7647f65109e336d0ef8734832f5910ebb558be24b0ec1ea4203dab"
"""Head of its predictions, as printed by that release's own `verify`."""


@pytest.fixture
def earlier(home: Path) -> Path:
    with tarfile.open(KEPT) as kept:
        kept.extractall(home, filter="data")
    return home


def run_json(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def schema_of(home: Path) -> str:
    with closing(sqlite3.connect(home / "orbcast.sqlite")) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_it_is_brought_up_to_date_and_nothing_is_lost(earlier: Path) -> None:
    assert schema_of(earlier) == "0007"
    verified = run_json("verify", "--head", HEAD)
    assert schema_of(earlier) > "0007"
    assert verified["faults"] == []
    assert (verified["rows"], verified["head"], verified["outcomes"]) == (42, HEAD, 20)
    chained = {table["table"]: table["rows"] for table in verified["chained_as_they_stood"]}
    assert (chained["model_versions"], chained["aliases"]) == (2, 2)
    (market,) = run_json("status")["markets"]
    assert market["serves"].startswith("20240918-3021b2c6b407 (baseline)")
    assert market["trouble"] is None


@pytest.mark.usefixtures("earlier")
def test_its_versions_answer_as_they_did() -> None:
    rows = run_json("predictions", "--from", "2024-11-25")["rows"]
    assert len(rows) == 6
    for row in rows:
        at = f"2024-11-25T{row['opening_range'][:2]}:05"
        now = run_json("predict", "--at", at, "--version", row["role"])
        assert now["version"] == row["version"]
        assert now["p_up_given_break"] == pytest.approx(row["p_up"], abs=1e-12)
