"""`orbcast power`: helpful help, a table that fits, impossible options refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["power", *arguments])
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


def test_the_help_teaches_power_and_fits_a_terminal() -> None:
    help_page = run("--help")
    assert max(len(line) for line in help_page.splitlines()) <= 80
    whole = " ".join(help_page.split())
    assert "Power is the chance that an edge that is there is found" in whole
    assert "orbcast power --lift 0.02 --trades 250 --correct 141" in whole


def test_without_trades_the_usual_counts_are_shown_up_to_those_needed() -> None:
    printed = run("--lift", "0.05", "--per-day", "5")
    assert "617 trades, 124 days of 5 trades" in printed
    table = [line.split() for line in printed.splitlines()[2:]]
    assert [row[:3] for row in table] == [
        ["62", "13", "18.7%"],
        ["124", "25", "12.1%"],
        ["250", "50", "5.7%"],
        ["617", "124", "0.6%"],
    ]
    assert table[-1][-1] == "80.0%"


def test_present_trades_are_listed_beside_those_needed() -> None:
    figures = json.loads(run("--lift", "0.02", "--trades", "100", "--json"))
    assert [row["trades"] for row in figures["rows"]] == [100, 3863]
    assert figures["rows"][0]["coin_passes"] == pytest.approx(0.13563, abs=1e-5)
    assert figures["gate"] is None


def test_a_gate_is_reported_in_words_and_figures() -> None:
    given = ("--lift", "0.02", "--trades", "250", "--correct", "141")
    printed = run(*given)
    assert printed.startswith(
        "56.4% of 250 trades, 95 % interval 50.0% to 62.6%; a coin passes 55%"
    )
    assert "3,613 more trades are needed to detect a lift of 2 points over 50%" in printed
    gate = json.loads(run(*given, "--json"))["gate"]
    assert (gate["correct"], gate["missing"]) == (141, 3613)
    assert gate["words"] in printed


def test_a_threshold_is_shown_as_it_was_given() -> None:
    assert "coin > 55.5%" in run("--lift", "0.02", "--threshold", "0.555")


@pytest.mark.parametrize(
    "given",
    [
        ["--lift", "0.02"],
        ["--lift", "0.0000001"],
        ["--lift", "0.02", "--threshold", "0.5555", "--trades", "1000000000"],
    ],
)
def test_the_table_fits_eighty_columns(given: list[str]) -> None:
    table = run(*given).splitlines()[1:]
    assert table
    assert max(len(line) for line in table) <= 80


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--lift", "0"], "lift = 0.0: give"),
        (["--lift", "nan"], "lift = nan: give"),
        (["--lift", "2"], "lift = 2.0"),
        (["--lift", "1e-300"], "lift = 1e-300"),
        (["--lift", "0.02", "--threshold", "55"], "threshold = 55.0: give a share"),
        (["--lift", "0.02", "--power", "0.05"], "power = 0.05: give more than alpha"),
        (["--lift", "0.02", "--per-day", "0"], "per-day = 0.0: give the trades"),
        (["--lift", "0.02", "--per-day", "nan"], "per-day = nan: give the trades"),
        (["--lift", "0.02", "--trades", "0"], "trades = 0: give a whole number"),
        (["--lift", "0.02", "--trades", "10", "--correct", "11"], "correct = 11: give"),
        (["--lift", "0.02", "--correct", "11"], "--correct needs --trades"),
    ],
    ids=" ".join,
)
def test_an_option_that_cannot_be_is_one_line_with_its_remedy(
    given: list[str], words: str
) -> None:
    errors = run(*given, status=2)
    assert words in errors
    assert errors.startswith("orbcast: ")
    assert errors.count("\n") == 1


def test_it_states_how_many_breaks_the_whole_promotion_rule_needs_for_a_gain() -> None:
    def needs_of(*more: str) -> dict[str, Any]:
        rule = json.loads(run("--lift", "0.02", "--gain", "0.01", "--json", *more))["rule"]
        return dict(rule)

    alone, fifty = needs_of(), needs_of("--questions", "50")

    # one plain interval needs 1,570
    assert 1570 < alone["rows"] < fifty["rows"]
    assert 0 < alone["error"] < alone["rows"] / 10
    printed = run("--lift", "0.02", "--gain", "0.01", "--questions", "50")
    assert f"with {fifty['rows']:,} breaks, 50 questions tested" in " ".join(printed.split())
    assert json.loads(run("--lift", "0.02", "--json"))["rule"] is None
