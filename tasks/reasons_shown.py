"""What pushed an answer, drawn for an artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.artifacts import pictures

_AXIS = "toward DOWN (left) or UP (right), in log-odds"
_WORDS = "What pushed the answer toward UP or DOWN, the corridor first of all"


def reasons_plot(pushes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Draw what pushed an answer, as its row has it in the ledger; nothing without reasons."""
    if not pushes:
        return []
    from monitoring.plots import importance_plot  # noqa: PLC0415 - matplotlib, where plots are

    # the number that ends the words is what the bar's own label says
    shares = {each["words"].rpartition(":")[0]: float(each["contribution"]) for each in pushes}
    return pictures([(_WORDS, importance_plot(shares, _AXIS))])
