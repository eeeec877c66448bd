"""`orbcast study setups` without a server: the verdict, the files, one-line errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app

NARROW = ("--range", "0900", "--range", "1800", "--rr", "1", "--day", "all", "--stop", "full")


def run(*arguments: str) -> tuple[int, str, str]:
    """Return the exit status, output and errors of a command run in this process."""
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with some simulated months without an edge."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(folder / "home"))
        database = str(folder / "sim.duckdb")
        assert run("simulate", "--days", "190", "--out", database)[0] == 0
        mapped = ("--column", "contract=contract")
        assert run("ingest", "--source", "duckdb", database, *mapped)[0] == 0
        yield folder / "home"


@pytest.mark.parametrize("command", [["study"], ["study", "setups"]], ids=" ".join)
def test_help_fits_a_terminal_and_has_an_example(command: list[str]) -> None:
    status, text, _ = run(*command, "--help")

    assert status == 0
    assert max(len(line) for line in text.splitlines()) <= 80
    assert command == ["study"] or "Example: orbcast study setups" in text


@pytest.mark.slow
def test_a_market_without_edge_has_no_survivor_and_leaves_its_figures(
    home: Path, tmp_path: Path
) -> None:
    figures = tmp_path / "setups.json"

    status, text, errors = run("study", "setups", *NARROW, "--figures", str(figures))

    assert status == 0, errors
    assert text.startswith("No setup survives:")
    page = home / "reports" / "setups-mgc.html"
    assert max(len(line) for line in text.splitlines() if str(page) not in line) <= 80
    study = json.loads(figures.read_text("utf-8"))
    assert study["summary"]["setups"] == len(study["setups"]) == 2 * 3 * 1 * 1 * 3 * 1
    assert f"Page: {page}" in " ".join(text.split())
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_the_page_is_written_to_the_given_path(home: Path, tmp_path: Path) -> None:
    del home
    page = tmp_path / "own" / "page.html"

    assert run("study", "setups", *NARROW, "--side", "long", "--report", str(page))[0] == 0
    assert "setup study" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2024-03-01", "--to", "2024-02-01"), "swap them"),
        (("--from", "2024-04-01"), "name a longer period"),
        (("--from", "soon"), "a day such as 2025-06-30"),
        (("--side", "up"), "long, short, both"),
        (("--size", "huge"), "any, small, large"),
        (("--rr", "0"), "above 0"),
        (("--range", "0700"), "use one of"),
        (("--min-trades", "2"), "give 10 or more"),
        (("--min-trades", "4000"), "ask for fewer with --min-trades"),
        (("--market", "gold"), "use one of these: mgc, nq"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line_with_its_remedy(
    home: Path, arguments: tuple[str, ...], words: str
) -> None:
    del home

    status, text, errors = run("study", "setups", *NARROW, *arguments)

    assert (status, text) == (2, "")
    assert words in errors
    assert errors.startswith("orbcast: ")
    assert errors.count("\n") == 1


def test_a_market_without_bars_says_how_to_take_some_in(home: Path) -> None:
    del home

    status, _, errors = run("study", "setups", "--market", "nq")

    assert status == 2
    assert "orbcast ingest --market nq" in errors
