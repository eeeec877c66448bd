"""Metrics, intervals, and the conclusions they allow."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.evidence import evaluation as evaluation
    from ml_core.evidence import power as power
    from ml_core.evidence import promotion as promotion
    from ml_core.evidence import rule_power as rule_power
    from ml_core.evidence import sequential as sequential
else:
    __getattr__ = modules_of(__name__)
