"""Recipes as first used: a name always means the same recipe."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ml_core.learning.recipe import Recipe
from registry.chains.chain import chain_of
from registry.errors import EditedRecipeError
from registry.tables.versions import RecipeRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.database import Database


def require_unedited(database: Database, recipe: Recipe) -> None:
    """Refuse a recipe whose name is already used for a different recipe.

    Parameters
    ----------
    recipe
        The recipe as in its file.

    Raises
    ------
    EditedRecipeError
        The recipe was changed without a new name.
    BusyDatabaseError
        The connection to the server was lost.
    """
    with database.reading() as session:
        _require(session, recipe)


def remember_recipe(session: Session, recipe: Recipe, at: datetime) -> None:
    """Record a recipe within a transaction; one that is already on record is not changed.

    Raises
    ------
    EditedRecipeError
        The name is already used for a different recipe.
    """
    if session.get(RecipeRow, recipe.hash) is not None:
        return
    _require(session, recipe)
    values = {
        "recipe_hash": recipe.hash,
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "first_seen": at,
    }
    chain_of(RecipeRow).append(session, values)


def recipe_faults(database: Database) -> tuple[str, ...]:
    """Return a fault for each recipe whose recorded content does not match its hash.

    A recipe that this release can no longer read is not checked.
    """
    with database.reading() as session:
        rows = list(session.scalars(select(RecipeRow)))
    return tuple(
        f"recipes row {row.id} ({row.name}) was edited: its content has another hash"
        for row in rows
        if _hash_of(row.recipe) not in {None, row.recipe_hash}
    )


def _hash_of(values: dict[str, Any]) -> str | None:
    try:
        return Recipe.model_validate(values).hash
    except ValueError:
        return None


def _require(session: Session, recipe: Recipe) -> None:
    same_name = select(RecipeRow.recipe_hash).where(RecipeRow.name == recipe.name)
    hashes = set(session.scalars(same_name))
    if hashes and recipe.hash not in hashes:
        raise EditedRecipeError(recipe.name, recipe.hash, min(hashes))
