"""Models of a version: driftless baselines, LightGBM on top of them, calibration."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning.models import baselines as baselines
    from ml_core.learning.models import booster_facts as booster_facts
    from ml_core.learning.models import boosting as boosting
    from ml_core.learning.models import calibration as calibration
    from ml_core.learning.models import driftless as driftless
    from ml_core.learning.models import first_passage as first_passage
    from ml_core.learning.models import lightgbm_models as lightgbm_models
else:
    __getattr__ = modules_of(__name__)
