"""Predictions of a version: probabilities, R, reasons and novelty, with their JSON form."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning.predictions import predict as predict
else:
    __getattr__ = modules_of(__name__)
