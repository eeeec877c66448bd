"""Metrics, intervals and what may be concluded from them."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.evidence import evaluation as evaluation
    from ml_core.evidence import power as power
else:
    __getattr__ = modules_of(__name__)
