"""A model folder of another system, read as text; its pickle files are named but never opened."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

MODEL, METADATA, FEATURES = "model.txt", "metadata.json", "feature_names.json"
PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".dill")
"""Suffixes of pickle files. Loading one runs the code in it; Orbcast never does."""

_MODEL_BYTES, _JSON_BYTES = 200_000_000, 10_000_000
_MOST_FOLDERS = 5_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_METRIC = re.compile(r"(acc|accuracy|auc|f1|precision|recall|loss|logloss|brier|ece|r2|rmse|mae)")
_TRAIN = re.compile(r"train|fit")
_TEST = re.compile(r"test|holdout|hold_out|oos|eval")
_FIRST = re.compile(r"start|first|from|begin|min")
_LAST = re.compile(r"end|last|(?<![a-z])to(?![a-z])|until|max")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyVersion:
    """Content of a version folder, and its faults.

    Attributes
    ----------
    name
        Path below the registry's folder.
    model
        The model file that can be handed to LightGBM, or None.
    features
        Feature names from ``feature_names.json`` or the metadata, in order.
    metrics
        Stated figures, dotted path -> value.
    trained, tested
        Stated first and last day; None if they are not stated.
    target
        Stated target of the predictions; empty if not stated.
    pickles
        Names of files that were not opened.
    faults
        One line for each file or field that is missing or cannot be read.
    """

    name: str
    model: Path | None
    features: tuple[str, ...]
    metrics: dict[str, float]
    trained: tuple[date, date] | None
    tested: tuple[date, date] | None
    target: str
    pickles: tuple[str, ...]
    faults: tuple[str, ...] = field(default=())


def versions(root: Path) -> tuple[LegacyVersion, ...]:
    """Read every folder below ``root`` that has a model, its metadata or a pickle.

    Links are not followed, so nothing outside the folder is read.
    """
    versions = []
    for number, (folder, inner, files) in enumerate(os.walk(root, followlinks=False)):
        inner.sort()
        if number >= _MOST_FOLDERS:
            break
        if {MODEL, METADATA, FEATURES} & set(files) or _pickles(files):
            versions.append(_version(root, Path(folder), sorted(files)))
    return tuple(sorted(versions, key=lambda version: version.name))


def text_fault(text: str) -> str | None:
    """Return the fault of a model text, or None if its structure is complete.

    LightGBM ends the whole process on some damaged models, so the structure is checked first.
    """
    if not text.startswith("tree"):
        return "is not a LightGBM model: it does not begin with `tree`"
    sizes = re.search(r"^tree_sizes=([\d ]*)$", text, re.MULTILINE)
    if sizes is None:
        return "is damaged: it does not state the sizes of its trees"
    begin = text.find("\nTree=0\n")
    end = text.find("end of trees")
    if end < 0:
        return "is cut off: its trees do not end"
    wanted = sum(map(int, sizes[1].split()))
    held = len(text[begin + 1 : end].encode()) if begin >= 0 else 0
    if abs(held - wanted) > 1 + held // 1000:
        return f"is damaged: its trees are {held:,} bytes, not the {wanted:,} it states"
    return None


def _pickles(files: list[str]) -> tuple[str, ...]:
    return tuple(sorted(file for file in files if file.lower().endswith(PICKLES)))


def _version(root: Path, folder: Path, files: list[str]) -> LegacyVersion:
    faults: list[str] = []
    about = _json(folder / METADATA, faults)
    about = about if isinstance(about, dict) else {}
    features = _names(_json(folder / FEATURES, faults)) or _names(about)
    if FEATURES not in files and not features:
        faults.append(f"{FEATURES} is missing: the model's features are unknown")
    flat = _flat(about)
    return LegacyVersion(
        name=str(folder.relative_to(root)),
        model=_model(folder / MODEL, faults),
        features=features,
        metrics=_metrics(flat),
        trained=_period(flat, _TRAIN),
        tested=_period(flat, _TEST),
        target=next(
            (
                str(flat[key])[:80]
                for key in flat
                if re.search(r"(^|\.)(target|label|task)\w*$", key)
            ),
            "",
        ),
        pickles=_pickles(files),
        faults=tuple(faults),
    )


def _model(path: Path, faults: list[str]) -> Path | None:
    if path.is_symlink() or not path.is_file():
        faults.append(f"{path.name} is missing, so there is no model to check")
        return None
    if path.stat().st_size > _MODEL_BYTES:
        faults.append(
            f"{path.name} is larger than {_MODEL_BYTES // 1_000_000} MB and was not read"
        )
        return None
    try:
        fault = text_fault(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        fault = f"cannot be read as text ({type(error).__name__})"
    if fault:
        faults.append(f"{path.name} {fault}")
        return None
    return path


def _json(path: Path, faults: list[str]) -> Any:
    if path.is_symlink() or not path.is_file():
        if path.name == METADATA:
            faults.append(f"{METADATA} is missing: period and figures are not stated")
        return None
    try:
        if path.stat().st_size > _JSON_BYTES:
            faults.append(f"{path.name} is larger than {_JSON_BYTES // 1_000_000} MB, not read")
            return None
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = " ".join(str(error).split())[:100]
        faults.append(f"{path.name} cannot be read as JSON ({what})")
        return None


def _names(value: Any) -> tuple[str, ...]:
    """Find the list of feature names in parsed JSON."""
    if isinstance(value, list):
        return tuple(str(item) for item in value if isinstance(item, str | int))
    if isinstance(value, dict):
        for key in ("feature_names", "features", "feature_columns", "columns", "names"):
            if isinstance(value.get(key), list):
                return _names(value[key])
    return ()


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return every plain value by its dotted path, in lower case."""
    if isinstance(value, dict):
        values: dict[str, Any] = {}
        for key, item in value.items():
            values |= _flat(item, f"{path}.{key}".lstrip(".").lower())
        return values
    if isinstance(value, list):
        values = {}
        for number, item in enumerate(value[:4]):
            values |= _flat(item, f"{path}.{number}")
        return values
    return {path: value}


def _metrics(flat: dict[str, Any]) -> dict[str, float]:
    """Return the stated figures, without the parameters of the training."""
    return {
        key: float(value)
        for key, value in flat.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and _METRIC.search(key.rpartition(".")[2])
        and not re.search(r"param|config|importance|early", key)
    }


def _period(flat: dict[str, Any], part: re.Pattern[str]) -> tuple[date, date] | None:
    """Find the first and last day of a part of the data."""
    days: dict[str, date] = {}
    for key, value in flat.items():
        if not isinstance(value, str) or not part.search(key):
            continue
        candidates = [_day(text) for text in _DAY.findall(value)]
        stated_days = [day for day in candidates if day is not None]
        if len(stated_days) == 2:  # noqa: PLR2004 - "2022-01-01 to 2024-12-31"
            return min(stated_days), max(stated_days)
        if not stated_days:
            continue
        leaf = key.rpartition(".")[2] if not key.rpartition(".")[2].isdigit() else key[-1]
        if _FIRST.search(leaf) or leaf == "0":
            days.setdefault("first", stated_days[0])
        elif _LAST.search(leaf) or leaf == "1":
            days.setdefault("last", stated_days[0])
    if set(days) != {"first", "last"} or days["first"] > days["last"]:
        return None
    return days["first"], days["last"]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
