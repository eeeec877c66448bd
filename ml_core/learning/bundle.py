"""A model version: its content, its name, and its predictions for a dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.features.catalogue import Mirror, OwnColumn
from ml_core.json_values import json_values
from ml_core.learning import models
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import Baselines
from ml_core.learning.models.calibration import Calibrator
from ml_core.learning.models.inputs import feature_of
from ml_core.learning.models.own_baseline import ModelRecord
from ml_core.learning.predictions.intervals import NetRIntervals
from ml_core.learning.predictions.novelty import Novelty
from ml_core.learning.predictions.predict import Predictions, predict
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import (
    BASELINES,
    CALIBRATION,
    METADATA,
    OWN_FEATURES,
    QUESTIONS,
    RECIPE,
    SCHEMA,
    BundleCorruptError,
    Question,
    version_name,
)
from ml_core.on_demand import library

if TYPE_CHECKING:
    from lightgbm import Booster

pq = library("pyarrow.parquet")
pa = library("pyarrow")


class SchemaMismatchError(InputError):
    """Features other than those the model was trained on."""

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
    """A model version: its recipe, its baselines and up to three models.

    Attributes
    ----------
    recipe
        The recipe that was trained.
    baselines
        Fitted on the training part.
    texts
        LightGBM model text for each question; None where only the baseline is used.
    calibrators
        For the directional and the quality model.
    intervals
        Intervals around E[net R]; None for baselines alone.
    feature_names, categorical
        Columns the models expect, in order.
    trained
        The record of the training as plain values (rows, periods, rounds, losses ...).
    importance
        For each question, feature -> share of the trees' total gain.
    novelty
        Measures how unlike its training data a decision is; None before the version is written,
        and for versions saved before novelty existed.
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
    def own(self) -> tuple[OwnColumn, ...]:
        """The own features among the columns, as they were at training."""
        return tuple(
            OwnColumn(**{**kept, "mirror": kept["mirror"] and Mirror(**kept["mirror"])})
            for kept in self.trained.get(OWN_FEATURES, [])
        )

    @property
    def market_hash(self) -> str:
        """Hash of the market definition it was trained on; "" if none was recorded."""
        return str(self.trained.get("market_hash", ""))

    def boosters(self) -> dict[Question, Booster | None]:
        """Return the loaded models; None where no model was trained.

        Raises
        ------
        BundleCorruptError
            A model's text is incomplete.
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
        """Predict every row; see :func:`ml_core.learning.predictions.predict.predict`.

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
        """The questions answered by a model; baselines answer the others."""
        return tuple(question for question in QUESTIONS if self.texts.get(question))

    @property
    def records(self) -> dict[str, ModelRecord]:
        """The training record of each model; empty if none was trained."""
        return {
            question: ModelRecord.from_json(values)
            for question, values in self.trained.get("models", {}).items()
        }

    @property
    def residual(self) -> bool:
        """Whether the models correct the baselines; those of a plain recipe do not."""
        return self.recipe.kind != "plain"

    def require_schema(self, data: Dataset) -> None:
        """Refuse a dataset whose columns are not the model's, in the model's order."""
        if data.feature_names != self.feature_names:
            here, wanted = set(data.feature_names), set(self.feature_names)
            missing, unknown = tuple(sorted(wanted - here)), tuple(sorted(here - wanted))
            raise SchemaMismatchError(self.version, missing, unknown)

    @property
    def version(self) -> str:
        """The version's name: last training day, and a hash of all that decides predictions.

        The same recipe, data and market definition give the same version on any machine and any
        day.
        """
        return version_name(
            self.recipe.hash,
            self.trained,
            _text(self.baselines.to_json()),
            self._calibration(),
            [self.texts.get(question) or "" for question in QUESTIONS],
        )

    def _calibration(self) -> str:
        intervals = self.intervals
        values = {
            "calibrators": self.calibrators,
            "net_r_coverage": self.recipe.interval,
            "net_r_interval": intervals and intervals.every,
        }
        if intervals is not None and intervals.every is None:
            values["net_r_intervals"] = intervals.by_range
        return _text(json_values(values))

    def files(self, metrics: dict[str, Any], card: str, schema: dict[str, Any]) -> dict[str, str]:
        """Return the text files of the version's folder, by file name."""
        files = {
            RECIPE: self.recipe.model_dump_json(indent=1),
            BASELINES: _text(self.baselines.to_json()),
            CALIBRATION: self._calibration(),
            SCHEMA: _text(schema),
            METADATA: _text(self.trained),
            "metrics.json": _text(metrics),
            "feature_importance.json": _text(self.importance),
            "model_card.md": card,
        }
        for question, text in self.texts.items():
            if text:
                files[f"{question}.txt"] = text
        return files


def _is_whole(text: str) -> bool:
    """Return whether a model's trees are as long as its header says; half a tree is fatal."""
    sizes = re.search(r"^tree_sizes=([\d ]+)$", text, re.MULTILINE)
    trees = re.search(r"^Tree=0$.*^end of trees$", text, re.MULTILINE | re.DOTALL)
    if sizes is None or trees is None:
        return False
    length = len(trees[0].removesuffix("end of trees").encode())
    return length == sum(map(int, sizes[1].split()))


def gains(booster: Booster | None) -> dict[str, float]:
    """Return each feature's share of a booster's total gain, largest first, without zeros."""
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
