"""Commands on a home with bars and versions, and a real process with its own server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from deployments.cli.app import app


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_predict_prints_the_champion_s_prediction_and_logs_nothing(trained: Path) -> None:
    before = (trained / "orbcast.sqlite").read_bytes()
    text = run("predict", "--at", "2024-11-21T09:05")
    assert text.startswith("MGC:2024-11-21:0900, decided 2024-11-20 23:05 UTC by baseline")
    assert "a driftless price would break up" in " ".join(text.split())
    assert (trained / "orbcast.sqlite").read_bytes() == before


@pytest.mark.parametrize("at", ["2024-11-21T09:05", "2024-11-20T23:05+00:00"])
def test_predict_as_json_is_the_same_whatever_zone_the_time_is_in(trained: Path, at: str) -> None:
    del trained
    prediction = json.loads(run("predict", "--at", at, "--json", "--version", "challenger"))
    assert prediction["slot"] == "MGC:2024-11-21:0900"
    assert prediction["p_up"] + prediction["p_down"] + prediction["p_none"] == pytest.approx(1.0)
    assert prediction["model"] == "residual-mirrored"


def test_versions_are_listed_with_their_aliases_and_verified(trained: Path) -> None:
    del trained
    listed = run("models", "list")
    assert "champion" in listed
    assert run("models", "verify").count("whole") == 2
    assert "corridor" in run("models", "show", "champion")


def test_a_promotion_and_a_rollback_say_who_and_why(trained: Path) -> None:
    del trained
    word = ("models", "promote", "challenger", "--by", "ann", "--reason", "a trial", "--override")
    assert "is champion of MGC, by ann" in run(*word)
    assert "champion since" in run("models", "show", "challenger")
    history = run("models", "history")
    assert "against the evidence: a trial" in history
    assert "by ann" in history
    assert "by bob" in run("models", "rollback", "--by", "bob", "--reason", "enough")


def test_a_promotion_without_evidence_is_refused_with_every_reason(trained: Path) -> None:
    del trained
    word = ["models", "promote", "challenger", "--by", "ann", "--reason", "I like it"]
    refused = CliRunner().invoke(app, word)
    assert refused.exit_code == 2
    assert "better than corridor unknown" in refused.stderr
    assert "orbcast evaluate" in refused.stderr
    assert "I like it" not in run("models", "history")


def test_the_history_says_who_was_champion_at_a_time(trained: Path) -> None:
    del trained
    assert "had no champion" in run("models", "history", "--at", "2020-01-01T00:00+00:00")
    first = json.loads(run("models", "history", "--json"))[0]
    changes = json.loads(run("models", "history", "--at", first["at"], "--json"))
    assert changes == [first]


def test_a_damaged_version_is_named_and_the_status_is_the_operator_s(trained: Path) -> None:
    card = next((trained / "models" / "MGC" / "baseline").iterdir()) / "model_card.md"
    whole = card.read_bytes()
    card.write_bytes(b"better than random")
    try:
        result = CliRunner().invoke(app, ["models", "verify"])
    finally:
        card.write_bytes(whole)
    assert result.exit_code == 3
    assert "model_card.md was changed" in result.stdout
    assert "orbcast models rollback" in result.stderr


def test_a_dataset_has_a_row_for_every_slot_with_baselines_beside(
    trained: Path, tmp_path: Path
) -> None:
    del trained
    file = tmp_path / "slots.parquet"
    run("dataset", "--from", "2024-11-04", "--to", "2024-11-15", "--out", str(file))
    table = pq.read_table(file)
    assert len(table) == 10 * 6
    usable = table.filter(table["exclusion"].is_null())
    for name in ("baseline_p_up", "baseline_p_win", "close_position", "break_direction"):
        assert usable[name].null_count == 0
    assert usable["baseline_p_win"].to_pylist() == pytest.approx([0.5] * len(usable))


@pytest.mark.slow
def test_a_flow_runs_from_the_shell_without_any_server(home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "run", "shadow-predict", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "ORBCAST_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["entries"][0]["reason"] == "no_model"
    assert (home / "prefect" / "prefect.db").exists()
    failed = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "run", "nightly-retrain", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "ORBCAST_HOME": str(home)},
    )
    assert failed.returncode == 2
    # Prefect may still print something after it
    errors = [line for line in failed.stderr.splitlines() if line.startswith("orbcast: ")]
    assert len(errors) == 1
    assert errors[0].startswith("orbcast: the lake has no bars of mgc")
    assert "Traceback" not in failed.stderr
