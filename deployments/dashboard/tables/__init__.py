"""Tables of the pages: the record by group, and tables of text whose cells wrap."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
