"""The trader's own executions: files imported, round trips compared with the plans."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.fills import intake as intake
    from tasks.fills import review as review
else:
    __getattr__ = modules_of(__name__)
