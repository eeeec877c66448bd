"""Tables of the pages: the record by any group, and words in cells that wrap."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.dashboard.tables import record_tables as record_tables
    from deployments.dashboard.tables import words_table as words_table
else:
    __getattr__ = modules_of(__name__)
