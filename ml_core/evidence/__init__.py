"""Metrics, intervals and what may be concluded from them."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.evidence import comparison as comparison
    from ml_core.evidence import evaluate as evaluate
    from ml_core.evidence import evaluation as evaluation
    from ml_core.evidence import fills as fills
    from ml_core.evidence import groups as groups
    from ml_core.evidence import intervals as intervals
    from ml_core.evidence import metrics as metrics
    from ml_core.evidence import out_of_sample as out_of_sample
    from ml_core.evidence import power as power
    from ml_core.evidence import promotion as promotion
    from ml_core.evidence import rule_power as rule_power
    from ml_core.evidence import sequential as sequential
    from ml_core.evidence import superiority as superiority
    from ml_core.evidence import tuning as tuning
else:
    __getattr__ = modules_of(__name__)
