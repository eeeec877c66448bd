"""Opening ranges, breakouts and labels over integer ticks."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.ranges import label_spec as label_spec
    from ml_core.ranges import labels as labels
else:
    __getattr__ = modules_of(__name__)
