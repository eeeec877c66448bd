"""What a chart draws, read from its layers."""

from __future__ import annotations

from typing import Any

from deployments.dashboard.charts.themed_chart import Spec


def layers_of(chart: Spec, field: str) -> list[Any]:
    """Return the layers whose rows have a field, the lowest first."""
    layers: Any = chart["layer"]
    return [layer for layer in layers if any(field in row for row in layer["data"]["values"])]


def rows_of(chart: Spec, field: str, nth: int = 0) -> list[dict[str, Any]]:
    """Return the rows of the nth of those layers."""
    rows: list[dict[str, Any]] = layers_of(chart, field)[nth]["data"]["values"]
    return rows
