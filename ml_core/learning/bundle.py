"""A model version as a folder of text: written whole, hashed, verified before it is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrow_values import numbers_of
from ml_core.errors import InputError
from ml_core.files import sha256_of
from ml_core.learning import models
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import Baselines
from ml_core.learning.models.calibration import Calibrator
from ml_core.learning.models.inputs import SIDE, feature_of
from ml_core.learning.models.own_baseline import ModelRecord
from ml_core.learning.predictions.intervals import NetRIntervals
from ml_core.learning.predictions.novelty import Novelty, fit_novelty
from ml_core.learning.predictions.predict import Predictions, predict
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import (
    BASELINES,
    CALIBRATION,
    METADATA,
    QUESTIONS,
    RECIPE,
    SUMS,
    BundleCorruptError,
    Question,
    damage,
    reading,
    recipe_of,
    text_of,
    version_name,
)
from ml_core.on_demand import library

if TYPE_CHECKING:
    from lightgbm import Booster

pq = library("pyarrow.parquet")
pa = library("pyarrow")

_NOVELTY = "novelty.json"
_SCHEMA = "feature_schema.json"
REFERENCE = "reference.parquet"
"""Rows a version learned from."""


class SchemaMismatchError(InputError):
    """Features that are not those the model was trained on."""

    version: str
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    template = (
        "version {version} does not fit these features: {_difference}; retrain, or predict with "
        "the code it was made with"
    )

    @property
    def _difference(self) -> str:
        return f"missing {self.missing or '-'}, unknown {self.unknown or '-'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A model version: recipe, baselines, and the three models where there are any.

    Attributes
    ----------
    recipe
        What was trained.
    baselines
        Fitted on the training part.
    texts
        LightGBM model text for each question; None where the baseline stands alone.
    calibrators
        For the directional and the quality model.
    intervals
        Stated intervals around E[net R]; None for baselines alone.
    feature_names, categorical
        Columns the models expect, in order.
    trained
        The tale of the training, plain values (rows, periods, rounds, losses ...).
    importance
        For each question, feature -> share of the trees' total gain.
    novelty
        How unlike its training data a decision is; None before it was written, and of versions
        written before there was such a thing.
    """

    recipe: Recipe
    baselines: Baselines
    texts: Mapping[Question, str | None]
    calibrators: Mapping[Question, Calibrator]
    intervals: NetRIntervals | None
    feature_names: tuple[str, ...]
    categorical: tuple[str, ...]
    trained: dict[str, Any]
    importance: dict[str, dict[str, float]]
    novelty: Novelty | None = None

    @property
    def market_hash(self) -> str:
        """Hash of the market definition it was trained on; "" where none was kept."""
        return str(self.trained.get("market_hash", ""))

    def boosters(self) -> dict[Question, Booster | None]:
        """Load the models; None where nothing was learned.

        Raises
        ------
        BundleCorruptError
            A model's text is not whole.
        """
        texts = {question: self.texts.get(question) for question in QUESTIONS}
        for question, text in texts.items():
            if text is not None and not _is_whole(text):
                fault = "is not the whole text of a model"
                raise BundleCorruptError(f"version {self.version}", f"{question}.txt", fault)
        if not any(texts.values()):
            return dict.fromkeys(QUESTIONS)

        return {
            question: models.boosting.lgb.Booster(model_str=text) if text else None
            for question, text in texts.items()
        }

    def predict(self, data: Dataset) -> Predictions:
        """Answer for every row; see :func:`ml_core.learning.predictions.predict.predict`.

        Raises
        ------
        SchemaMismatchError
            The dataset's columns are not the model's.
        """
        self.require_schema(data)
        calibrators = dict(self.calibrators)
        boosters = self.boosters()
        return predict(
            data,
            self.baselines,
            boosters,
            calibrators,
            self.intervals,
            residual=self.residual,
            mirrored=self.recipe.mirrored,
        )

    @property
    def models(self) -> tuple[Question, ...]:
        """The questions that a model answers; the others are answered by their baselines."""
        return tuple(question for question in QUESTIONS if self.texts.get(question))

    @property
    def records(self) -> dict[str, ModelRecord]:
        """What came of training each model; empty where none was trained."""
        return {
            question: ModelRecord.from_json(values)
            for question, values in self.trained.get("models", {}).items()
        }

    @property
    def residual(self) -> bool:
        """Whether the models stand on the baselines; a plain recipe's hold everything."""
        return self.recipe.kind != "plain"

    def require_schema(self, data: Dataset) -> None:
        """Refuse a dataset whose columns are not the model's, in the model's order."""
        if data.feature_names != self.feature_names:
            here, wanted = set(data.feature_names), set(self.feature_names)
            missing, unknown = tuple(sorted(wanted - here)), tuple(sorted(here - wanted))
            raise SchemaMismatchError(self.version, missing, unknown)

    @property
    def version(self) -> str:
        """The version's name: last day trained on, and a hash of all that decides predictions.

        The same recipe on the same data and market definition gives the same version, on any
        machine, any day.
        """
        return version_name(
            self.recipe.hash,
            self.trained,
            _text(self.baselines.to_json()),
            _text(self._calibration()),
            [self.texts.get(question) or "" for question in QUESTIONS],
        )

    def _calibration(self) -> dict[str, Any]:
        return {
            "calibrators": {
                name: calibrator.to_json() for name, calibrator in self.calibrators.items()
            },
            "net_r_coverage": self.recipe.interval,
            **(self.intervals.to_json() if self.intervals else {"net_r_interval": None}),
        }

    def files(self, metrics: dict[str, Any], card: str, schema: dict[str, Any]) -> dict[str, str]:
        """Return every text file of the version's folder by name."""
        files = {
            RECIPE: self.recipe.model_dump_json(indent=1),
            BASELINES: _text(self.baselines.to_json()),
            CALIBRATION: _text(self._calibration()),
            _SCHEMA: _text(schema),
            METADATA: _text(self.trained),
            "metrics.json": _text(metrics),
            "feature_importance.json": _text(self.importance),
            "model_card.md": card,
        }
        for question, text in self.texts.items():
            if text:
                files[f"{question}.txt"] = text
        return files


def write_bundle(
    bundle: Bundle,
    folder: Path,
    *,
    metrics: dict[str, Any],
    card: str,
    reference: Dataset,
) -> None:
    """Write a version's folder, SHA256SUMS last. No clock is read: same inputs, same bytes.

    Parameters
    ----------
    bundle
        The version.
    folder
        An empty folder; giving it its place in one step is the registry's work.
    metrics
        Evaluation on the test part, plain values.
    card
        The model card, markdown.
    reference
        Every row learned from, to the last day: what drift and novelty are measured against.
    """
    schema = feature_schema(bundle, reference)
    for name, text in bundle.files(metrics, card, schema).items():
        (folder / name).write_text(text, encoding="utf-8")
    columns: dict[str, Any] = {
        "trading_day": reference.trading_day,
        "opening_range": [str(name) for name in reference.opening_range],
        "decision_minute": reference.decision_minute,
        # what it says of its own training rows, and what came of them, for drift as well
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


def feature_schema(bundle: Bundle, reference: Dataset) -> dict[str, Any]:
    """Return which columns the models expect, and what they looked like in training."""
    columns = []
    for index, name in enumerate(bundle.feature_names):
        values = reference.features[:, index]
        seen = values[np.isfinite(values)]
        low, middle, high = np.percentile(seen, [0, 50, 100]) if len(seen) else [None] * 3
        columns.append(
            {
                "name": name,
                "categorical": name in bundle.categorical,
                "minimum": low,
                "median": middle,
                "maximum": high,
                "missing": float(np.mean(~np.isfinite(values))),
            }
        )
    return {"label": bundle.recipe.label.key, "features": columns, "side_column": SIDE}


def load_bundle(folder: Path) -> Bundle:
    """Read a version's folder, every file verified first.

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
            return json.loads(text_of(folder, name))

    schema, calibration, baselines = read(_SCHEMA), read(CALIBRATION), read(BASELINES)
    texts: dict[Question, str | None] = {}
    for question in QUESTIONS:
        file = f"{question}.txt"
        texts[question] = text_of(folder, file) if (folder / file).exists() else None
    with reading(folder, _SCHEMA):
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


def _is_whole(text: str) -> bool:
    """Return whether a model's trees are as long as its header says: half a tree is fatal."""
    sizes = re.search(r"^tree_sizes=([\d ]+)$", text, re.MULTILINE)
    trees = re.search(r"^Tree=0$.*^end of trees$", text, re.MULTILINE | re.DOTALL)
    if sizes is None or trees is None:
        return False
    length = len(trees[0].removesuffix("end of trees").encode())
    return length == sum(map(int, sizes[1].split()))


def _novelty(folder: Path) -> Novelty | None:
    if not (folder / _NOVELTY).exists():
        return None
    with reading(folder, _NOVELTY):
        values = json.loads(text_of(folder, _NOVELTY))
        with reading(folder, REFERENCE) as path:
            # not by read_table, which imports pandas
            table = pq.ParquetFile(path).read(columns=values["names"])
            features = np.column_stack([numbers_of(table[name]) for name in values["names"]])
        return Novelty.from_json(values, features)


def gains(booster: Booster | None) -> dict[str, float]:
    """Return each feature's share of a booster's total gain, largest first, zeros left out."""
    if booster is None:
        return {}
    gain: NDArray[np.float64] = booster.feature_importance("gain")
    shares: dict[str, float] = {}
    for column, share in zip(booster.feature_name(), gain / max(gain.sum(), 1e-12), strict=True):
        feature = feature_of(column)
        shares[feature] = shares.get(feature, 0.0) + float(share)
    return {
        name: share for name, share in sorted(shares.items(), key=lambda p: -p[1]) if share > 0
    }


def _text(values: Any) -> str:
    return json.dumps(values, indent=1, sort_keys=True, allow_nan=False)
