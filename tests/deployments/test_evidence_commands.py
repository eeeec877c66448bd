"""`orbcast power`, `orbcast recipes` and what `orbcast evaluate` refuses."""

from __future__ import annotations

import json
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


def test_power_tells_trades_days_and_what_a_coin_does() -> None:
    told = run("power", "--lift", "0.05")
    assert "617 trades, 103 days of 6" in told
    assert "18.7%" in told
    assert all(len(line) <= 80 for line in told.splitlines()[1:])
    figures = json.loads(run("power", "--lift", "0.05", "--json"))
    assert figures["needed"] == 617
    assert [row["trades"] for row in figures["rows"]] == [62, 124, 250, 617]


def test_power_judges_what_there_is() -> None:
    told = run("power", "--lift", "0.02", "--trades", "250", "--correct", "141")
    assert "56.4% of 250 trades" in told
    assert "more trades are needed" in told
    assert "needs --trades" in run("power", "--lift", "0.02", "--correct", "1", status=2)
    assert "lift = -1.0" in run("power", "--lift", "-1", status=2)


def test_recipes_are_listed_shown_and_compared() -> None:
    listed = json.loads(run("recipes", "list", "--json"))
    assert {"baseline", "residual-small", "plain-lightgbm"} <= {each["file"] for each in listed}
    shown = json.loads(run("recipes", "show", "residual-small", "--json"))
    assert shown["window"] == "expanding"
    assert "directional.num_leaves = " in run("recipes", "show", "residual-small")
    changed = json.loads(run("recipes", "diff", "residual-small", "plain-lightgbm", "--json"))
    assert changed["kind"] == ["residual", "plain"]
    assert changed["directional.num_leaves"][1] == 31
    assert "are the same recipe" in run("recipes", "diff", "baseline", "baseline")


def test_a_broken_recipe_of_one_s_own_is_listed_with_its_fault(tmp_path: Path) -> None:
    own = tmp_path / "home" / "recipes"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text('name = "mine"\nkind = "magic"\n')
    (own / "good.toml").write_text('name = "good"\nkind = "baseline"\n')
    listed = {each["file"]: each for each in json.loads(run("recipes", "list", "--json"))}
    assert "kind" in listed["mine"]["fault"]
    assert listed["good"]["kind"] == "baseline"
    assert "refused" in run("recipes", "show", "mine", status=2)
    assert "no recipe" in run("recipes", "show", "nothing", status=2).lower()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--refit", "week"], "write month or quarter"),
        (["--window", "rolling"], "rolling:24"),
        (["--recipe", "nothing"], "residual-small"),
        (["--market", "mgc,nothing"], "nothing"),
        (["--from", "yesterday"], "2025-06-30"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused_before_a_server_starts(
    options: list[str], words: str
) -> None:
    assert words in run("evaluate", *options, status=2)
