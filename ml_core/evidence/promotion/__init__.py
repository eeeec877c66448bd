"""The promotion rule: the evidence, its conditions, the decision, the control signal."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.evidence.promotion import collect_evidence as collect_evidence
    from ml_core.evidence.promotion import conditions as conditions
    from ml_core.evidence.promotion import evidence as evidence
    from ml_core.evidence.promotion import injection as injection
    from ml_core.evidence.promotion import rule as rule
    from ml_core.evidence.promotion import trial_cost as trial_cost
else:
    __getattr__ = modules_of(__name__)
