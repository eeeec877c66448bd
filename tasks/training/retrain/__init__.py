"""A retrain: attempts on record, when those that begin by themselves rest, its artifact."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
