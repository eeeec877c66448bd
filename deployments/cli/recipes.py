"""`orbcast recipes`: what can be trained, whole, and what one has that another has not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.terminal import out

if TYPE_CHECKING:
    from ml_core.learning.recipe import Recipe

app = typer.Typer(no_args_is_help=True, help="Recipes: what to train, and how.")

Name = Annotated[str, typer.Argument(help="Name of a recipe file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def recipes() -> None:
    """Look at recipes; each is a small TOML file, and one of your own may join them."""


@app.command("list")
def list_recipes(as_json: AsJson = False) -> None:
    """List every recipe with its hash; a file that cannot be used is listed with its fault."""
    from rich.table import Table  # noqa: PLC0415 - after --help

    from ml_core.learning.recipe import RecipeFileError  # noqa: PLC0415
    from tasks.settings import settings  # noqa: PLC0415

    where, rows = settings(), []
    for name in where.recipe_names():
        try:
            recipe = where.recipe(name)
        except RecipeFileError as error:
            rows.append({"file": name, "fault": str(error)})
            continue
        rows.append(
            {
                "file": name,
                "name": recipe.name,
                "kind": recipe.kind,
                "hash": recipe.hash,
                "about": recipe.about,
            }
        )
    if as_json:
        out().print_json(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("recipe", "kind", "hash", "about"):
        table.add_column(heading, no_wrap=heading in {"recipe", "hash"})
    for row in rows:
        if "fault" in row:
            table.add_row(row["file"], "-", "-", row["fault"])
        else:
            table.add_row(row["name"], row["kind"], row["hash"][:12], row["about"])
    out().print(table)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show the whole of a recipe, what it leaves at its default included.

    Example: orbcast recipes show residual-small
    """
    from tasks.settings import settings  # noqa: PLC0415 - after --help

    recipe = settings().recipe(name)
    if as_json:
        told = {**recipe.model_dump(mode="json"), "hash": recipe.hash}
        out().print_json(json.dumps(told))
        return
    out().print(f"# {recipe.hash}", markup=False)
    for key, value in _flat(recipe).items():
        out().print(f"{key} = {json.dumps(value)}", markup=False, soft_wrap=True)


@app.command()
def diff(first: Name, second: Name, as_json: AsJson = False) -> None:
    """Show where two recipes differ.

    Example: orbcast recipes diff residual-small plain-lightgbm
    """
    from rich.table import Table  # noqa: PLC0415 - after --help

    from tasks.settings import settings  # noqa: PLC0415

    where = settings()
    one, other = where.recipe(first), where.recipe(second)
    left, right = _flat(one), _flat(other)
    changed = {key: [left[key], right[key]] for key in left if left[key] != right[key]}
    if as_json:
        out().print_json(json.dumps(changed))
        return
    if one.hash == other.hash:
        out().print(f"{first} and {second} are the same recipe, {one.hash[:12]}", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("", first, second):
        table.add_column(heading)
    for key, values in changed.items():
        table.add_row(key, *(json.dumps(value) for value in values))
    out().print(table)


def _flat(recipe: Recipe) -> dict[str, Any]:
    """Give every field by its dotted name, in the recipe's own order."""
    found: dict[str, Any] = {}
    for key, value in recipe.model_dump(mode="json").items():
        if isinstance(value, dict):
            found |= {f"{key}.{name}": each for name, each in value.items()}
        else:
            found[key] = value
    return found
