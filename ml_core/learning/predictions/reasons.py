"""The reasons for a prediction, in words that a trader understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Feature, OwnColumn
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.inputs import SIDE, Inputs, feature_of, nearer_side
from ml_core.learning.predictions.prediction import Reason

if TYPE_CHECKING:
    from lightgbm import Booster

_UNITS = {"share": "", "": ""}


def place_in_range(x: float) -> str:
    """Return a description of where the price closed in the range.

    >>> place_in_range(0.95), place_in_range(0.5)
    ('in the top tenth of the range', 'in the middle of the range')
    """
    places = (
        (0.1, "in the bottom tenth"),
        (1 / 3, "in the lower third"),
        (2 / 3, "in the middle"),
        (0.9, "in the upper third"),
    )
    for limit, words in places:
        if x <= limit:
            return f"{words} of the range"
    return "in the top tenth of the range"


def baseline_reason(x: float, p_up: float) -> Reason:
    """Return the corridor's contribution: where the price closed and what follows from it."""
    margin = float(np.log(p_up / (1.0 - p_up)))
    words = (
        f"price closed {place_in_range(x)}; a driftless price would break up "
        f"{p_up:.0%} of the time: {margin:+.2f}"
    )
    return Reason("corridor", x, margin, words)


def model_reasons(
    booster: Booster | None, row: Dataset, most: int, *, mirrored: bool = False
) -> tuple[Reason, ...]:
    """Return the features with the largest contributions to one row's margin, largest first.

    Parameters
    ----------
    booster
        The directional model; with None there are no reasons.
    row
        One decision.
    most
        Maximum number; features without a contribution are left out.
    mirrored
        Whether the model is from a mirrored recipe. Contributions towards the nearer edge are then
        converted to contributions towards UP. The two columns of a feature count as one, and the
        side counts as where the price closed.
    """
    if booster is None:
        return ()
    inputs = Inputs(row.feature_names, row.categorical, "directional", mirrored, row.own)
    side = nearer_side(row) if mirrored else np.ones(1)
    columns = inputs.of(row.features, side)
    pushed = np.asarray(booster.predict(columns, pred_contrib=True, num_threads=1), np.float64)
    pushes: dict[str, float] = dict.fromkeys(row.feature_names, 0.0)
    for column, push in zip(inputs.names, (side[0] * pushed[0, :-1]).tolist(), strict=True):
        feature = "close_position" if column == SIDE else feature_of(column)
        pushes[feature] = pushes.get(feature, 0.0) + push
    values = {"close_position": float(row.close_position[0])}
    values |= dict(zip(row.feature_names, row.features[0].tolist(), strict=True))
    largest = sorted(pushes.items(), key=lambda pair: -abs(pair[1]))[:most]
    return tuple(
        Reason(
            feature=name,
            value=None if np.isnan(values[name]) else values[name],
            contribution=push,
            words=_words(row, name, values[name], push),
        )
        for name, push in largest
        if push != 0.0
    )


def named(name: str) -> str:
    """Return a feature's description; its column name if the catalogue no longer has it.

    >>> named("atr20"), named("of_my_own")
    ('20-day average true range', 'of_my_own')
    """
    return CATALOGUE.select([name])[0].words if name in CATALOGUE else name


def _words(row: Dataset, name: str, value: float, push: float) -> str:
    if name == "close_position" and np.isfinite(value):
        return f"price closed {place_in_range(value)}: {push:+.2f}"
    feature: Feature | OwnColumn = (
        next((column for column in row.own if column.name == name), None)
        or CATALOGUE.select([name])[0]
    )
    if np.isnan(value):
        text = "not known"
    elif name in row.categorical:
        text = f"code {value:.0f}"
    else:
        unit = _UNITS.get(feature.unit, f" {feature.unit}")
        text = f"{value:,.3g}{unit}"
    return f"{feature.words} ({text}): {push:+.2f}"
