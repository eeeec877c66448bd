"""Tables of the pages: the record by any group, and words in cells that wrap."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
