"""Groups of features, a file each, named as the group is in the catalogue."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.features.groups import clock as clock
    from ml_core.features.groups import corridor as corridor
    from ml_core.features.groups import cost as cost
    from ml_core.features.groups import levels as levels
    from ml_core.features.groups import momentum as momentum
    from ml_core.features.groups import previous_ranges as previous_ranges
    from ml_core.features.groups import range_shape as range_shape
    from ml_core.features.groups import sessions as sessions
    from ml_core.features.groups import volatility as volatility
else:
    __getattr__ = modules_of(__name__)
