"""The Prefect flows, one file each; each flow reads like a table of contents."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from flows import log_outcomes as log_outcomes
    from flows import nightly_retrain as nightly_retrain
    from flows import refresh_data as refresh_data
    from flows import shadow_predict as shadow_predict
    from flows import tune as tune
    from flows import walk_forward as walk_forward
else:
    __getattr__ = modules_of(__name__)
