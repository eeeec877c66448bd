"""Charts of the pages: a slot's range, the record, and the style and colours of both."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.dashboard.charts import range_chart as range_chart
    from deployments.dashboard.charts import theme as theme
else:
    __getattr__ = modules_of(__name__)
