"""Why a prediction is what it is, in words a trader understands."""

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
    """Return where price closed inside the range.

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
    """Return the corridor baseline's own contribution: where price closed, and what follows."""
    margin = float(np.log(p_up / (1.0 - p_up)))
    words = (
        f"price closed {place_in_range(x)}; a driftless price would break up "
        f"{p_up:.0%} of the time: {margin:+.2f}"
    )
    return Reason("corridor", x, margin, words)


def model_reasons(
    booster: Booster | None, row: Dataset, most: int, *, mirrored: bool = False
) -> tuple[Reason, ...]:
    """Return the features that pushed a single row's directional margin most, largest first.

    Parameters
    ----------
    booster
        The directional model; None gives no reasons.
    row
        One decision.
    most
        How many at most; features without any push are left out.
    mirrored
        Whether the model is of a mirrored recipe. What it says of the nearer edge is turned into
        pushes towards UP; a feature's two columns count as one, and the side as where the price
        closed.
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
    """Return a feature's words; the column's own name where the catalogue has it no more.

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
