"""Models of a version: driftless baselines, LightGBM on top of them, and calibration."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning.models import booster_facts as booster_facts
    from ml_core.learning.models import boosting as boosting
else:
    __getattr__ = modules_of(__name__)
