"""The trading day on the page Today: its figures, their sums, and the texts of a slot."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
