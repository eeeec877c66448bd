"""Tuning of hyperparameters: the search, its trials on workers, and its artifact."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
