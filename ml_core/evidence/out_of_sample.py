"""Predictions of unseen rows, one by one: the input of every comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.errors import DefectError
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.folds import Fold
from ml_core.learning.predictions.predict import Predictions
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import QUESTIONS, Question
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import UP

_SIDES = ("long", "short")


class SeenRowsError(DefectError):
    """The version was trained on rows that it predicts."""

    rows: int
    first: str
    template = (
        "{rows:,} predictions are for rows that their version had seen, the first on {first}; "
        "periods of training and of judging overlap, so no conclusion is drawn"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfSamplePredictions:
    """n rows with their predictions, in decision order.

    Attributes
    ----------
    recipe_hash, seed
        The recipe and training seed behind the predictions.
    test
        The rows, labels included, features left out.
    predictions
        Probabilities and R, with those of the driftless baselines.
    majority
        Shape (n,): share of UP in the training rows.
    fold
        Shape (n,): name of the fold.
    seen_until
        Shape (n,): UTC minute by which all training data of the predicting version was known.
    """

    recipe_hash: str
    seed: int
    test: Dataset
    predictions: Predictions
    majority: NDArray[np.float64]
    fold: NDArray[np.str_]
    seen_until: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.test)

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_]) -> OutOfSamplePredictions:
        """Return the rows of an index array or a mask."""
        return replace(
            self,
            test=self.test.rows(index),
            predictions=take_rows(self.predictions, index),
            majority=self.majority[index],
            fold=self.fold[index],
            seen_until=self.seen_until[index],
        )

    def require_unseen(self) -> None:
        """Refuse predictions of rows that their version was trained on.

        Raises
        ------
        SeenRowsError
            Some rows were seen; the message has their number and the first one.
        """
        seen = np.flatnonzero(self.test.decision_minute < self.seen_until)
        if len(seen):
            raise SeenRowsError(len(seen), str(self.test.trading_day[seen[0]]))

    def slots(self) -> NDArray[np.str_]:
        """Name each row by trading day and opening range, shape (n,)."""
        return slot_names(self.test.trading_day, self.test.opening_range)

    def to_table(self) -> pa.Table:
        """Return a table for Parquet; :func:`read_predictions` reads it."""
        columns: dict[str, Any] = {
            "fold": self.fold.tolist(),
            "majority": self.majority,
            "seen_until": self.seen_until,
        }
        for field in fields(Predictions):
            for name, values in _columns(field.name, getattr(self.predictions, field.name)):
                columns[f"said_{name}"] = values
        for name, values in _row_fields(self.test).items():
            columns[name] = values.tolist() if values.dtype.kind == "U" else values
        facts = {
            "market": self.test.market,
            "label": self.test.label_spec.model_dump_json(),
            "cost_ticks": repr(self.test.cost_ticks),
            "recipe_hash": self.recipe_hash,
            "seed": str(self.seed),
        }
        return pa.table(columns).replace_schema_metadata(facts)


def slot_names(day: NDArray[np.datetime64], opening_range: NDArray[np.str_]) -> NDArray[np.str_]:
    """Name slots by trading day and opening range, each of shape (n,)."""
    days = day.astype("datetime64[D]").astype(str)
    return np.char.add(np.char.add(days, " "), opening_range)


def read_predictions(table: pa.Table) -> OutOfSamplePredictions:
    """Restore what :meth:`OutOfSamplePredictions.to_table` returned, to the bit."""
    facts = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}

    def column(name: str) -> Any:
        return table[name].to_numpy()

    def predicted(name: str) -> NDArray[Any]:
        if f"said_{name}" in table.column_names:
            one: NDArray[Any] = column(f"said_{name}")
            return one
        if f"said_{name}_{_SIDES[0]}" not in table.column_names:
            return np.full((len(table), 2), np.nan)  # in a study from before it was kept
        return np.column_stack([column(f"said_{name}_{side}") for side in _SIDES])

    rows = {
        name: column(name)
        for name in Dataset.__slots__
        if name in table.column_names and name != "features"
    }
    rows["trading_day"] = rows["trading_day"].astype("datetime64[D]")
    rows["opening_range"] = rows["opening_range"].astype(str)
    return OutOfSamplePredictions(
        recipe_hash=facts["recipe_hash"],
        seed=int(facts["seed"]),
        test=Dataset(
            market=facts["market"],
            label_spec=LabelSpec.model_validate_json(facts["label"]),
            cost_ticks=float(facts["cost_ticks"]),
            feature_names=(),
            categorical=(),
            features=np.empty((len(table), 0)),
            **rows,
        ),
        predictions=Predictions(
            **{field.name: predicted(field.name) for field in fields(Predictions)}
        ),
        majority=column("majority"),
        fold=column("fold").astype(str),
        seen_until=column("seen_until"),
    )


def predict_fold(
    data: Dataset,
    fold: Fold,
    recipe: Recipe,
    data_fingerprint: str,
    questions: tuple[Question, ...] = QUESTIONS,
) -> OutOfSamplePredictions:
    """Train a recipe before a fold, as for a version that serves, and predict the fold.

    Raises
    ------
    InputError
        The training rows cannot be learned from.
    """
    fitted = fit(data, recipe, data_fingerprint, split=fold.split, questions=questions)
    seen_until = int(data.resolved_minute[fold.split.learned].max())
    return predict_unseen(fitted.bundle, data.rows(fold.split.test), fold.name, seen_until)


def predict_fold_by_seed(
    data: Dataset, fold: Fold, recipe: Recipe, data_fingerprint: str
) -> tuple[OutOfSamplePredictions, ...]:
    """Predict a fold with every seed: the first trains all three models, the others only one.

    The promotion rule compares the seeds on the direction only.
    """
    count = 1 if recipe.kind == "baseline" else recipe.seeds
    return tuple(
        predict_fold(
            data,
            fold,
            recipe.with_seed(number),
            data_fingerprint,
            QUESTIONS if not number else ("directional",),
        )
        for number in range(count)
    )


def predict_unseen(
    bundle: Bundle, test: Dataset, fold: str = "test", seen_until: int | None = None
) -> OutOfSamplePredictions:
    """Predict rows with a version; without ``seen_until`` they are assumed to be unseen."""
    count = len(test)
    if seen_until is None:
        seen_until = int(test.decision_minute.min()) if count else 0
    return OutOfSamplePredictions(
        recipe_hash=bundle.recipe.hash,
        seed=bundle.recipe.seed,
        test=replace(test, features=np.empty((count, 0)), feature_names=(), categorical=()),
        predictions=bundle.predict(test),
        majority=np.full(count, bundle.baselines.p_up),
        fold=np.full(count, fold),
        seen_until=np.full(count, seen_until, np.int64),
    )


def joined(parts: Sequence[OutOfSamplePredictions]) -> OutOfSamplePredictions:
    """Concatenate folds, in decision order."""
    first = parts[0]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part.test, name) for part in parts])
        for name in _row_fields(first.test)
    }
    columns["features"] = np.empty((sum(len(part) for part in parts), 0))
    test = replace(first.test, **columns)
    predictions = Predictions(
        **{
            field.name: np.concatenate([getattr(part.predictions, field.name) for part in parts])
            for field in fields(Predictions)
        }
    )
    whole = replace(
        first,
        test=test,
        predictions=predictions,
        majority=np.concatenate([part.majority for part in parts]),
        fold=np.concatenate([part.fold for part in parts]),
        seen_until=np.concatenate([part.seen_until for part in parts]),
    )
    return whole.rows(np.argsort(test.decision_minute, kind="stable"))


def of_side_that_broke(
    values: NDArray[np.float64], test: Dataset, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return a two-column figure's value for the breakout side, shape of ``rows``."""
    of_side: NDArray[np.float64] = values[rows, np.where(test.direction[rows] == UP, 0, 1)]
    return of_side


def followed(predictions: Predictions, test: Dataset) -> NDArray[np.bool_]:
    """Mark the finished trades on the recommended side, shape (n,)."""
    taken: NDArray[np.bool_] = (
        np.isfinite(test.r_net)
        & (predictions.recommendation == test.direction)
        & (predictions.recommendation != 0)
    )
    return taken


def _row_fields(data: Dataset) -> dict[str, NDArray[Any]]:
    """Return the arrays with one element per row, without the features."""
    columns = {}
    for field in fields(Dataset):
        value = getattr(data, field.name)
        if isinstance(value, np.ndarray) and field.name != "features":
            columns[field.name] = value
    return columns


def _columns(name: str, values: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    if values.ndim == 1:
        return [(name, values)]
    return [
        (f"{name}_{side}", np.ascontiguousarray(values[:, column]))
        for column, side in enumerate(_SIDES)
    ]
