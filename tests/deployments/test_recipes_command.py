"""`orbcast recipes`: all listed, fully shown and compared, whatever is in the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import deployments
from deployments.cli.app import app
from ml_core.learning.recipe import Recipe, load_recipe
from tasks.settings import current_settings


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trader's own recipe folder, empty."""
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "recipes"
    folder.mkdir(parents=True)
    return folder


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["recipes", *arguments])
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


def listed() -> dict[str, dict[str, Any]]:
    return {recipe["file"]: recipe for recipe in json.loads(run("list", "--json"))}


@pytest.mark.parametrize("command", [[], ["list"], ["show"], ["diff"]], ids=" ".join)
def test_help_fits_a_terminal(command: list[str]) -> None:
    help_page = run(*command, "--help")
    assert max(len(line) for line in help_page.splitlines()) <= 80


def test_the_list_has_kind_hash_and_origin(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (own / "mine.toml").write_text('name = "mine"\nkind = "residual"\nabout = "My own."\n')
    lines = run("list").splitlines()
    assert all(len(line) <= 80 for line in lines)
    hash_ = current_settings().recipe("mine").hash[:12]
    mine = next(index for index, line in enumerate(lines) if line.startswith("mine"))
    assert lines[mine].split() == ["mine", "residual", hash_, "own"]
    assert lines[mine + 1] == "  My own."
    assert next(line for line in lines if line.startswith("baseline")).split()[3] == "shipped"
    assert listed()["mine"]["path"] == str(own / "mine.toml")


def test_an_own_recipe_goes_before_a_shipped_one_of_its_name(own: Path) -> None:
    (own / "baseline.toml").write_text('name = "baseline"\nkind = "plain"\n')
    assert (listed()["baseline"]["from"], listed()["baseline"]["kind"]) == ("own", "plain")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("typed", b'name = "typed"\nkind = "[/b]"\n', "kind = '[/b]'"),
        ("torn", b"name = ", "is not TOML"),
        ("bytes", b"\xff\xfe", "UTF-8"),
        ("Capital", b'name = "capital"\nkind = "plain"\n', "rename the file to capital.toml"),
    ],
)
def test_a_broken_file_is_listed_with_its_fault_beside_the_others(
    own: Path, name: str, content: bytes, words: str
) -> None:
    (own / f"{name}.toml").write_bytes(content)
    rows = listed()
    assert words in rows[name]["fault"]
    assert "fault" not in rows["baseline"]
    assert words.split(maxsplit=1)[0] in run("list")


def test_a_folder_named_like_a_recipe_does_not_break_the_list(own: Path) -> None:
    (own / "folder.toml").mkdir()
    assert "fault" in listed()["folder"]


def test_what_a_recipe_is_about_is_printed_as_it_stands(own: Path) -> None:
    (own / "loud.toml").write_text('name = "loud"\nkind = "plain"\nabout = "[red]x[/] :smile:"\n')
    assert "[red]x[/] :smile:" in run("list")
    assert "[red]x[/] :smile:" in run("show", "loud")


@pytest.mark.parametrize("name", ["baseline", "plain-lightgbm", "residual-mirrored"])
def test_what_is_shown_is_the_recipe_whole(tmp_path: Path, name: str) -> None:
    printed = run("show", name)
    (tmp_path / "again.toml").write_text(printed, encoding="utf-8")
    recipe = current_settings().recipe(name)
    assert load_recipe(tmp_path / "again.toml") == recipe
    assert printed.startswith(f"# {recipe.hash}\n")
    # every field is shown, including those added later
    assert all(
        f"{field} = " in printed or f"{field}." in printed or f"# {field} is not set" in printed
        for field in Recipe.model_fields
    )
    as_json = json.loads(run("show", name, "--json"))
    assert as_json.pop("hash") == recipe.hash
    assert as_json == recipe.model_dump(mode="json")


def test_only_differing_fields_are_listed(own: Path) -> None:
    (own / "one.toml").write_text('name = "one"\nkind = "plain"\n[directional]\nnum_leaves = 9\n')
    (own / "two.toml").write_text('name = "two"\nkind = "plain"\nselect_features = 5\n')
    lines = run("diff", "one", "two").splitlines()
    assert [line.split() for line in lines] == [
        ["one", "two"],
        ["name", '"one"', '"two"'],
        ["select_features", "null", "5"],
        ["directional.num_leaves", "9", "4"],
    ]
    assert json.loads(run("diff", "one", "two", "--json")) == {
        "name": ["one", "two"],
        "select_features": [None, 5],
        "directional.num_leaves": [9, 4],
    }


def test_no_key_is_cut_short() -> None:
    printed = run("diff", "residual-mirrored", "plain-lightgbm")
    assert "directional.feature_fraction" in printed
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    assert all(len(line) <= 80 for line in printed.splitlines())


def test_recipes_that_differ_in_words_alone_are_the_same(own: Path) -> None:
    (own / "baseline.toml").write_text('name = "b"\nkind = "baseline"\nabout = "One."\nseed = 7\n')
    (own / "b.toml").write_text('name = "b"\nkind = "baseline"\n')
    assert "b and baseline are the same recipe" in run("diff", "b", "baseline")


@pytest.mark.parametrize("command", [["show", "none"], ["diff", "baseline", "none"]], ids=" ".join)
def test_a_recipe_there_is_none_of_is_refused_with_those_there_are(command: list[str]) -> None:
    errors = run(*command, status=2)
    assert "residual-mirrored" in errors
    assert errors.count("\n") == 1


def test_an_empty_folder_prints_where_to_write_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_RECIPES_DIR", str(tmp_path))
    assert "write NAME.toml there" in run("list")
    assert json.loads(run("list", "--json")) == []


def test_a_shipped_recipe_is_for_ever_what_homes_have_on_record() -> None:
    """A home refuses to train a changed recipe of the same name: a change needs a new name."""
    shipped = Path(deployments.__path__[0]) / "recipes"
    assert {path.stem: load_recipe(path).hash[:16] for path in shipped.glob("*.toml")} == {
        "baseline": "cc2170baa81eabe5",
        "plain-lightgbm": "46c35ea98eed065a",
        "residual-mirrored": "292928622a4ab357",
        "residual-small": "33842806953ee632",
    }
