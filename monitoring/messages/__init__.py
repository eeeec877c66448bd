"""The messages of the trading day: their facts, and the words they are told in."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring.messages import digest as digest
    from monitoring.messages import example as example
    from monitoring.messages import facts as facts
    from monitoring.messages import forecast as forecast
    from monitoring.messages import trade as trade
    from monitoring.messages import words as words
else:
    __getattr__ = modules_of(__name__)
