"""Recipes as first used: a name stands for the same recipe for ever."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from registry.errors import EditedRecipeError
from registry.tables.versions import RecipeRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ml_core.learning.recipe import Recipe
    from registry.database import Database


def require_unedited(database: Database, recipe: Recipe) -> None:
    """Refuse a recipe whose name stands for another one already.

    Parameters
    ----------
    recipe
        The recipe as its file says.

    Raises
    ------
    EditedRecipeError
        The file was edited under its old name.
    BusyDatabaseError
        The server went away.
    """
    with database.reading() as session:
        _require(session, recipe)


def remember_recipe(session: Session, recipe: Recipe, at: datetime) -> None:
    """Keep a recipe within a unit of work; one that is on record stays as it is.

    Raises
    ------
    EditedRecipeError
        Its name stands for another one already.
    """
    if session.get(RecipeRow, recipe.hash) is not None:
        return
    _require(session, recipe)
    session.add(
        RecipeRow(
            recipe_hash=recipe.hash,
            name=recipe.name,
            recipe=recipe.model_dump(mode="json"),
            first_seen=at,
        )
    )
    session.flush()


def _require(session: Session, recipe: Recipe) -> None:
    same_name = select(RecipeRow.recipe_hash).where(RecipeRow.name == recipe.name)
    hashes = set(session.scalars(same_name))
    if hashes and recipe.hash not in hashes:
        raise EditedRecipeError(recipe.name, recipe.hash, min(hashes))
