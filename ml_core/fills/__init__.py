"""The trader's own executions: reads platforms' files, builds round trips, compares with plans."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.fills import contract_names as contract_names
    from ml_core.fills import fill as fill
    from ml_core.fills import layouts as layouts
    from ml_core.fills import planned as planned
    from ml_core.fills import read as read
    from ml_core.fills import real_costs as real_costs
    from ml_core.fills import report as report
    from ml_core.fills import review as review
    from ml_core.fills import round_trips as round_trips
else:
    __getattr__ = modules_of(__name__)
