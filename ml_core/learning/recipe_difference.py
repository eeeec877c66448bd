"""The differences between two recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_core.learning.recipe import Recipe


def recipe_difference(one: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return each setting that differs, by dotted name, with both values; None where absent.

    >>> first, second = Recipe(name="a", kind="plain"), Recipe(name="b", kind="plain", seed=8)
    >>> recipe_difference(first, second)
    {'name': ('a', 'b'), 'seed': (7, 8)}
    """
    left, right = (dict(flat(recipe.model_dump(mode="json"))) for recipe in (one, other))
    names = dict.fromkeys((*left, *right))
    return {
        name: (left.get(name), right.get(name))
        for name in names
        if left.get(name) != right.get(name)
    }


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its dotted name, in the order of the input.

    >>> dict(flat({"seed": 7, "quality": {"num_leaves": 4}}))
    {'seed': 7, 'quality.num_leaves': 4}
    """
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
