"""The folder of a model version: which files it holds, and whether they are what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from ml_core.files import sha256_of
from ml_core.learning.recipe import Recipe

SUMS = "SHA256SUMS"
RECIPE = "recipe.json"
METADATA = "metadata.json"
BASELINES = "baselines.json"
CALIBRATION = "calibrators.json"

Question = Literal["directional", "quality", "r_multiple"]
QUESTIONS: tuple[Question, ...] = ("directional", "quality", "r_multiple")
"""What a version's models answer; each is a text file of that name, where there is one."""


def version_name(
    recipe_hash: str,
    trained: Mapping[str, Any],
    baselines: str,
    calibration: str,
    models: Iterable[str],
) -> str:
    """Return a version's name: last day trained on, and a hash of all that decides predictions.

    Parameters
    ----------
    recipe_hash
        Hash of its recipe.
    trained
        On what it was trained: ``last_day``, ``data_fingerprint``, ``market_hash`` if it was kept.
    baselines, calibration
        The texts of those files.
    models
        The text of each model, in the order of :data:`QUESTIONS`; "" for one that is not there.
    """
    market_hash = trained.get("market_hash", "")
    digest = hashlib.sha256()
    for part in (
        recipe_hash,
        trained["data_fingerprint"],
        baselines,
        calibration,
        *([market_hash] if market_hash else []),
        *models,
    ):
        digest.update(part.encode())
        digest.update(b"\0")
    day = trained["last_day"].replace("-", "")
    return f"{day}-{digest.hexdigest()[:12]}"


def name_of(folder: Path) -> str:
    """Return the name that a version's files give it: its own, unless they are others.

    Raises
    ------
    OSError, ValueError, KeyError
        A file is missing or cannot be read.
    """
    files = [folder / f"{question}.txt" for question in QUESTIONS]
    return version_name(
        recipe_of(folder).hash,
        json.loads((folder / METADATA).read_text("utf-8")),
        (folder / BASELINES).read_text("utf-8"),
        (folder / CALIBRATION).read_text("utf-8"),
        [file.read_text("utf-8") if file.exists() else "" for file in files],
    )


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
