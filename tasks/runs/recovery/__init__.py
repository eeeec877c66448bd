"""Recovery: runs that crashed or hang are ended, reported and started again."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.runs.recovery import crashed_runs as crashed_runs
    from tasks.runs.recovery import overdue as overdue
else:
    __getattr__ = modules_of(__name__)
