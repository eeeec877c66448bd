"""Retrains: attempts on record, pauses of scheduled retrains after failures, artifact."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
