"""`orbcast recipes`: list recipes, show one completely, compare two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments import cli
from deployments.cli import completion
from deployments.cli.errors import error_line
from deployments.cli.terminal import AsJson, echo, print_json, show_table
from ml_core import learning
from ml_core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from tasks.settings import Settings

app = typer.Typer(no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="Name of a recipe file.", autocompletion=completion.recipes)
]


@app.callback()
def recipes() -> None:
    """Show recipes; each is a small TOML file, and you can add your own."""


@app.command("list")
def list_recipes(as_json: AsJson = False) -> None:
    """List every recipe with its hash and its origin.

    Your own are in the recipes folder of ORBCAST_HOME and override shipped ones of the same name.
    A file that cannot be used is listed with its fault.

    Example: orbcast recipes list --json
    """
    settings = tasks.settings.current_settings()
    rows = [_listed(settings, name) for name in settings.recipe_names()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        echo(
            f"no recipe in {settings.recipes_dir} or {settings.own_recipes_dir}; "
            "write NAME.toml there",
        )
        return
    name, kind = (max(len(row[field]) for row in rows) for field in ("file", "kind"))
    for row in rows:
        # the description is on a line of its own, because names may be long and are to be copied
        echo(f"{row['file']:{name}}  {row['kind']:{kind}}  {row['hash'][:12]:12}  {row['from']}")
        if row["about"]:
            echo(f"  {row['about']}")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show every field of a recipe, including its defaults.

    The output is itself a recipe file: save it under another name, change it, train it.

    Example: orbcast recipes show residual-mirrored
    """
    settings = tasks.settings.current_settings()
    recipe = settings.recipe(name)
    if as_json:
        values = {**recipe.model_dump(mode="json"), "hash": recipe.hash}
        print_json(values)
        return
    lines = [f"# {recipe.hash}", f"# {settings.recipe_file(name)}"]
    for key, value in learning.recipe_difference.flat(recipe.model_dump(mode="json")):
        # TOML has no null: unset fields are not written
        lines.append(f"# {key} is not set" if value is None else f"{key} = {_text(value)}")
    typer.echo("\n".join(lines))


@app.command(short_help="Show the differences between two recipes.")
def diff(first: Name, second: Name, as_json: AsJson = False) -> None:
    """Show where two recipes differ; their descriptions are not compared.

    Example: orbcast recipes diff residual-mirrored plain-lightgbm
    """
    settings = tasks.settings.current_settings()
    one, other = settings.recipe(first), settings.recipe(second)
    changed = learning.recipe_difference.recipe_difference(one, other)
    if as_json:
        print_json(changed)
        return
    if one.hash == other.hash:
        words = f"{first} and {second} are the same recipe, {one.hash[:12]}"
        echo(words)
        return
    table = _table("", first, second)
    for key, values in changed.items():
        _add(table, key, *(_text(value) for value in values))
    show_table(table)


def _listed(settings: Settings, name: str) -> dict[str, str]:
    """Return a row of the list.

    If the file has a fault, the row shows it instead of the description.
    """
    row = {"file": name, "kind": "-", "hash": "-", "from": "-", "about": ""}
    if name != name.lower():
        fault = f"cannot be found by its name: rename the file to {name.lower()}.toml"
        return {**row, "fault": fault, "about": fault}
    try:
        path = settings.recipe_file(name)
        row |= {
            "from": "own" if path.parent == settings.own_recipes_dir else "shipped",
            "path": str(path),
        }
        recipe = settings.recipe(name)
    except UnicodeDecodeError:
        fault = "is not UTF-8 text: save it as such"
    except (InputError, OSError) as error:
        fault = error_line(error)
    else:
        values = {"name": recipe.name, "kind": recipe.kind, "hash": recipe.hash}
        return {**row, **values, "about": recipe.about}
    return {**row, "fault": fault, "about": fault}


def _table(*headings: str) -> Table:
    table = cli.drawing.borderless_table()
    for heading in headings:
        # names and hashes are to be copied, so they stay whole, on one line
        whole = heading in {headings[0], "hash"}
        table.add_column(cli.drawing.Text(heading), no_wrap=whole, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    """Add a row of user texts, without interpreting markup or emoji."""
    table.add_row(*(cli.drawing.Text(cell) for cell in cells))


def _text(value: object) -> str:
    """Write a value as JSON, which is also valid TOML for the values of a recipe."""
    return json.dumps(value, ensure_ascii=False)
