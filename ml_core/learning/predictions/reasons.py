"""Why a prediction is what it is, in words a trader understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml_core.features.all import CATALOGUE
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
    booster: Booster | None, names: tuple[str, ...], row: NDArray[np.float64], most: int
) -> tuple[Reason, ...]:
    """Return the features that pushed a single row's directional margin most, largest first.

    Parameters
    ----------
    booster
        The directional model; None gives no reasons.
    names
        Columns of ``row``.
    row
        Shape (k,).
    most
        How many at most; features without any push are left out.
    """
    if booster is None:
        return ()
    pushed = booster.predict(row[None, :], pred_contrib=True, num_threads=1)
    push = np.asarray(pushed, np.float64)[0, :-1]
    order = np.argsort(-np.abs(push), kind="stable")[:most]
    return tuple(
        Reason(
            feature=names[index],
            value=None if np.isnan(row[index]) else float(row[index]),
            contribution=float(push[index]),
            words=_words(names[index], float(row[index]), float(push[index])),
        )
        for index in order
        if push[index] != 0.0
    )


def named(name: str) -> str:
    """Return a feature's words; the column's own name where the catalogue has it no more.

    >>> named("atr20"), named("of_my_own")
    ('20-day average true range', 'of_my_own')
    """
    return CATALOGUE.select([name])[0].words if name in CATALOGUE else name


def _words(name: str, value: float, push: float) -> str:
    if name == "close_position" and np.isfinite(value):
        return f"price closed {place_in_range(value)}: {push:+.2f}"
    (feature,) = CATALOGUE.select([name])
    if np.isnan(value):
        text = "not known"
    elif feature.categorical:
        text = f"code {value:.0f}"
    else:
        unit = _UNITS.get(feature.unit, f" {feature.unit}")
        text = f"{value:,.3g}{unit}"
    return f"{feature.words} ({text}): {push:+.2f}"
