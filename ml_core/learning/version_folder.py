"""The folder of a model version: which files it holds, and whether they are what was written."""

from __future__ import annotations

import json
from pathlib import Path

from ml_core.files import sha256_of
from ml_core.learning.recipe import Recipe

SUMS = "SHA256SUMS"
RECIPE = "recipe.json"
METADATA = "metadata.json"


def market_hash_of(folder: Path) -> str:
    """Return the market definition that a version's own files name; "" where they name none."""
    try:
        trained = json.loads((folder / METADATA).read_text("utf-8"))
    except FileNotFoundError:
        return ""
    return str(trained.get("market_hash", ""))


def damage(folder: Path) -> list[str]:
    """Name every file of a version folder that is missing, changed or extra; empty when whole."""
    sums = folder / SUMS
    if not sums.is_file():
        return [f"{SUMS} is missing"]
    listed = {}
    for line in sums.read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    here = {path.name for path in folder.iterdir()} - {SUMS}
    faults = [f"{name} is missing" for name in sorted(set(listed) - here)]
    faults += [f"{name} is not listed in {SUMS}" for name in sorted(here - set(listed))]
    faults += [
        f"{name} was changed"
        for name in sorted(set(listed) & here)
        if sha256_of(folder / name) != listed[name]
    ]
    return faults


def recipe_of(folder: Path) -> Recipe:
    """Read the recipe of a version's folder, and nothing else of it."""
    return Recipe.model_validate_json((folder / RECIPE).read_text("utf-8"))
