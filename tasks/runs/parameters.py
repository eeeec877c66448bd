"""Types of flow parameters: the run form offers their choices, and Prefect refuses others.

The choices are read when this module is imported; `orbcast up` registers them at each start.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import WithJsonSchema

from ml_core.errors import OrbcastError
from tasks.settings import current_settings


def _markets() -> list[str]:
    try:
        return list(current_settings().market_names())
    except OrbcastError:
        return []  # unreadable settings are reported where they are used


def _ranges() -> list[str]:
    """Return the opening ranges of every served market, each once, in order."""
    try:
        settings = current_settings()
        served = [spec.name for name in settings.markets for spec in settings.market(name).ranges]
    except OrbcastError:
        return []
    return list(dict.fromkeys(served))


def _one_of(choices: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **({"enum": choices} if choices else {})})


MarketName = Annotated[str, _one_of(_markets())]
"""Name of a market file."""

LightFlow = Literal["refresh-data", "log-outcomes", "watch-feed"]
"""Name of a frequent, short flow, which one run may do for several markets in turn."""

OpeningRangeName = Annotated[str, _one_of(_ranges())]
"""Name of an opening range of a served market."""
