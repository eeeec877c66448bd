"""Groups of features, a file each, named as the group is in the catalogue."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
