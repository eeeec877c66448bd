"""Training a version from a recipe and bars, and making its predictions."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning import datasets as datasets
    from ml_core.learning import inference as inference
    from ml_core.learning import models as models
    from ml_core.learning import predictions as predictions
    from ml_core.learning import recipe as recipe
    from ml_core.learning import recipe_difference as recipe_difference
else:
    __getattr__ = modules_of(__name__)
