"""The promotion rule: the evidence, its conditions, the decision, the control signal."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.evidence.promotion import evidence as evidence
else:
    __getattr__ = modules_of(__name__)
