"""Datasets, baselines, models, calibration, bundles and inference."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning import assemble as assemble
    from ml_core.learning import boosting as boosting
    from ml_core.learning import bundle as bundle
    from ml_core.learning import recipe as recipe
    from ml_core.learning import recipe_difference as recipe_difference
else:
    __getattr__ = modules_of(__name__)
