"""A model version's folder: written completely, and every file verified before use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml_core.bars.arrow_values import numbers_of
from ml_core.files import sha256_of
from ml_core.json_values import json_values, parse_json
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import Baselines
from ml_core.learning.models.calibration import Calibrator
from ml_core.learning.models.inputs import SIDE
from ml_core.learning.predictions.intervals import NetRIntervals
from ml_core.learning.predictions.novelty import Novelty, fit_novelty
from ml_core.learning.version_folder import (
    BASELINES,
    CALIBRATION,
    METADATA,
    QUESTIONS,
    SCHEMA,
    SUMS,
    BundleCorruptError,
    Question,
    damage,
    reading,
    recipe_of,
    text_of,
)
from ml_core.on_demand import library

pq = library("pyarrow.parquet")
pa = library("pyarrow")


_NOVELTY = "novelty.json"


REFERENCE = "reference.parquet"
"""File with the rows that a version was trained on."""


def write_bundle(
    bundle: Bundle,
    folder: Path,
    *,
    metrics: dict[str, Any],
    card: str,
    reference: Dataset,
) -> None:
    """Write a version's folder, SHA256SUMS last; the same inputs give the same bytes.

    Parameters
    ----------
    bundle
        The version.
    folder
        An empty folder; the registry moves it into place in one step.
    metrics
        Evaluation on the test part, as plain values.
    card
        The model card, markdown.
    reference
        Every training row, up to the last day: the reference of drift and novelty.
    """
    schema = json_values(feature_schema(bundle, reference))
    for name, text in bundle.files(metrics, card, schema).items():
        (folder / name).write_text(text, encoding="utf-8")
    columns: dict[str, Any] = {
        "trading_day": reference.trading_day,
        "opening_range": [str(name) for name in reference.opening_range],
        "decision_minute": reference.decision_minute,
        # its predictions of its own training rows, and their outcomes, also for drift
        "said_p_up": bundle.predict(reference).p_up,
        "break_direction": reference.direction,
    }
    for index, name in enumerate(reference.feature_names):
        columns[name] = reference.features[:, index]
    pq.write_table(pa.table(columns), folder / REFERENCE, compression="zstd")
    novelty = fit_novelty(
        reference.features,
        reference.trading_day,
        reference.feature_names,
        reference.categorical,
        bundle.importance,
    )
    if novelty is not None:
        (folder / _NOVELTY).write_text(novelty.to_json(), encoding="utf-8")
    names = sorted(path.name for path in folder.iterdir())
    lines = [f"{sha256_of(folder / name)}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSchema:
    """A column that the models expect, and its distribution in training.

    ``minimum``, ``median`` and ``maximum`` are None where the value was never known; ``missing``
    is the share of rows without a value.
    """

    name: str
    categorical: bool
    minimum: float | None
    median: float | None
    maximum: float | None
    missing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSchema:
    """The columns that the models expect, the label, and the name of the side column."""

    label: str
    features: tuple[ColumnSchema, ...]
    side_column: str = SIDE


def feature_schema(bundle: Bundle, reference: Dataset) -> FeatureSchema:
    """Return the columns that the models expect, and their distribution in training."""
    columns = []
    for index, name in enumerate(bundle.feature_names):
        values = reference.features[:, index]
        seen = values[np.isfinite(values)]
        low, middle, high = np.percentile(seen, [0, 50, 100]) if len(seen) else [None] * 3
        columns.append(
            ColumnSchema(
                name=name,
                categorical=name in bundle.categorical,
                minimum=low,
                median=middle,
                maximum=high,
                missing=float(np.mean(~np.isfinite(values))),
            )
        )
    return FeatureSchema(label=bundle.recipe.label.key, features=tuple(columns))


def load_bundle(folder: Path) -> Bundle:
    """Read a version's folder after verifying every file.

    Raises
    ------
    BundleCorruptError
        A file is missing, changed, extra or unreadable.
    """
    for fault in damage(folder):
        file, _, what = fault.partition(" ")
        raise BundleCorruptError(str(folder), file, what)

    def read(name: str) -> Any:
        with reading(folder, name):
            return parse_json(text_of(folder, name))

    schema, calibration, baselines = read(SCHEMA), read(CALIBRATION), read(BASELINES)
    texts: dict[Question, str | None] = {}
    for question in QUESTIONS:
        file = f"{question}.txt"
        texts[question] = text_of(folder, file) if (folder / file).exists() else None
    with reading(folder, SCHEMA):
        names = tuple(feature["name"] for feature in schema["features"])
        categorical = tuple(
            feature["name"] for feature in schema["features"] if feature["categorical"]
        )
    with reading(folder, CALIBRATION):
        intervals = NetRIntervals.from_json(calibration)
        calibrators = {
            name: Calibrator(**values) for name, values in calibration["calibrators"].items()
        }
    with reading(folder, BASELINES):
        fitted = Baselines.from_json(baselines)
    return Bundle(
        recipe=recipe_of(folder),
        baselines=fitted,
        texts=texts,
        calibrators=calibrators,
        intervals=intervals,
        feature_names=names,
        categorical=categorical,
        trained=read(METADATA),
        importance=read("feature_importance.json"),
        novelty=_novelty(folder),
    )


def _novelty(folder: Path) -> Novelty | None:
    if not (folder / _NOVELTY).exists():
        return None
    with reading(folder, _NOVELTY):
        values = parse_json(text_of(folder, _NOVELTY))
        with reading(folder, REFERENCE) as path:
            # not with read_table, which imports pandas
            table = pq.ParquetFile(path).read(columns=values["names"])
            features = np.column_stack([numbers_of(table[name]) for name in values["names"]])
        return Novelty.from_json(values, features)
