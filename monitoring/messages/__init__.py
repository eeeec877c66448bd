"""The messages of the trading day: the facts that each is written from, and its text."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring.messages import example as example
    from monitoring.messages import words as words
else:
    __getattr__ = modules_of(__name__)
