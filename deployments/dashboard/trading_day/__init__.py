"""Parts of the page Today: the day's figures, what the limits allow, the texts of a slot."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
