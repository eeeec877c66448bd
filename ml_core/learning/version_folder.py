"""The folder of a model version: which files it holds, and whether they are unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from ml_core.errors import OperatorError, OrbcastError
from ml_core.files import sha256_of
from ml_core.json_values import parse_json
from ml_core.learning.recipe import Recipe

SUMS = "SHA256SUMS"
RECIPE = "recipe.json"
METADATA = "metadata.json"
BASELINES = "baselines.json"
CALIBRATION = "calibrators.json"
SCHEMA = "feature_schema.json"

Question = Literal["directional", "quality", "r_multiple"]
QUESTIONS: tuple[Question, ...] = ("directional", "quality", "r_multiple")
"""The questions of a version's models; each model is a text file of that name, if present."""


class BundleCorruptError(OperatorError):
    """A version folder whose content is not what was written."""

    folder: str
    file: str
    fault: str
    template = (
        "{folder}: {file} {fault}; this version must not be used. `orbcast models rollback` goes "
        "back to the champion before it"
    )


@contextmanager
def reading(folder: Path, file: str) -> Iterator[Path]:
    """Yield the path of a version's file; any error while it is read names the file.

    Raises
    ------
    BundleCorruptError
        The file cannot be read, or its content is invalid.
    """
    path = folder / file
    try:
        no_file = path.exists() and not (path.is_file() or path.is_dir())
    except OSError as error:
        raise BundleCorruptError(str(folder), file, _fault_of(error)) from error
    if no_file:
        raise BundleCorruptError(
            str(folder), file, "is not a file"
        )  # reading a pipe would not end
    try:
        yield path
    except OrbcastError:
        raise
    except Exception as error:
        raise BundleCorruptError(str(folder), file, _fault_of(error)) from error


def _fault_of(error: Exception) -> str:
    """Return why a file could not be read, as text that follows its name."""
    match error:
        case FileNotFoundError():
            return "is missing"
        case IsADirectoryError():
            return "is a folder"
        case OSError(strerror=str() as words):
            return f"cannot be read ({words})"
        case UnicodeDecodeError():
            return "is not text in UTF-8"
    first_line = (str(error).splitlines() or [""])[0]
    return f"has invalid content ({type(error).__name__}: {first_line})"


OWN_FEATURES = "own_features"
"""Key in a version's metadata for the own features that it learned from."""


def version_name(
    recipe_hash: str,
    trained: Mapping[str, Any],
    baselines: str,
    calibration: str,
    models: Iterable[str],
) -> str:
    """Return a version's name: last training day, and a hash of all that decides predictions.

    Parameters
    ----------
    recipe_hash
        Hash of the recipe.
    trained
        Record of the training data: ``last_day``, ``data_fingerprint``, ``market_hash`` if it was
        kept, ``own_features`` if there were any.
    baselines, calibration
        The texts of the files of those names.
    models
        The text of each model, in the order of :data:`QUESTIONS`; "" for one that is missing.
    """
    market_hash = trained.get("market_hash", "")
    own = [f"{column['name']} {column['code']}" for column in trained.get(OWN_FEATURES, [])]
    digest = hashlib.sha256()
    for part in (
        recipe_hash,
        trained["data_fingerprint"],
        baselines,
        calibration,
        *([market_hash] if market_hash else []),
        *own,
        *models,
    ):
        digest.update(part.encode())
        digest.update(b"\0")
    day = trained["last_day"].replace("-", "")
    return f"{day}-{digest.hexdigest()[:12]}"


def name_of(folder: Path) -> str:
    """Return the name computed from a version's files: its own, unless they were changed.

    Raises
    ------
    BundleCorruptError
        A file is missing or cannot be read.
    """
    files = [f"{question}.txt" for question in QUESTIONS]
    recipe_hash = recipe_of(folder).hash
    texts = [text_of(folder, file) if (folder / file).exists() else "" for file in files]
    baselines, calibration = text_of(folder, BASELINES), text_of(folder, CALIBRATION)
    with reading(folder, METADATA) as path:
        trained = parse_json(path.read_text("utf-8"))
        return version_name(recipe_hash, trained, baselines, calibration, texts)


def market_hash_of(folder: Path) -> str:
    """Return the market definition hash in a version's files; "" if they hold none.

    Raises
    ------
    BundleCorruptError
        The file that would hold it cannot be read.
    """
    if not (folder / METADATA).exists():
        return ""
    with reading(folder, METADATA) as path:
        return str(parse_json(path.read_text("utf-8")).get("market_hash", ""))


def own_codes_of(folder: Path) -> dict[str, str]:
    """Return the hash of the file of each own feature a version learned from, by name.

    Empty if it learned from none, or if its files cannot be read, which other checks report.
    """
    try:
        with reading(folder, METADATA) as path:
            kept = parse_json(path.read_text("utf-8")).get(OWN_FEATURES, [])
            return {str(column["name"]): str(column["code"]) for column in kept}
    except BundleCorruptError:
        return {}


def damage(folder: Path) -> list[str]:
    """Name every file of a version folder that is not as written; empty if it is intact.

    This never raises: a file may be missing, changed, extra, not a regular file, or unreadable.
    """
    try:
        listed = listed_in(folder)
        here = {path.name for path in folder.iterdir()} - {SUMS}
    except BundleCorruptError as error:
        return [f"{error.file} {error.fault}"]
    except OSError as error:
        return [f"its folder {_fault_of(error)}"]
    faults = [f"{name} is missing" for name in sorted(set(listed) - here)]
    faults += [f"{name} is not listed in {SUMS}" for name in sorted(here - set(listed))]
    for name in sorted(set(listed) & here):
        try:
            with reading(folder, name) as path:
                if sha256_of(path) != listed[name]:
                    faults.append(f"{name} was changed")
        except BundleCorruptError as error:
            faults.append(f"{name} {error.fault}")
    return faults


def text_of(folder: Path, file: str) -> str:
    """Return a text file of a version.

    Raises
    ------
    BundleCorruptError
        The file is missing or cannot be read.
    """
    with reading(folder, file) as path:
        return path.read_text("utf-8")


def recipe_of(folder: Path) -> Recipe:
    """Read the recipe of a version's folder, and nothing else from it.

    Raises
    ------
    BundleCorruptError
        The file is missing or cannot be read.
    """
    with reading(folder, RECIPE):
        return Recipe.model_validate_json(text_of(folder, RECIPE))


def listed_in(folder: Path) -> dict[str, str]:
    """Return the hash of each file that a version lists, by file name."""
    return hashes_of(text_of(folder, SUMS))


def hashes_of(sums: str) -> dict[str, str]:
    """Return the hash of each file by its name, from the text of a list of hashes."""
    lines = (line.partition("  ") for line in sums.splitlines())
    return {name: digest for digest, _, name in lines}
