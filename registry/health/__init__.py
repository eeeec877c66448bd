"""The record of model health: performance, drift, parity, estimates, breaker."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.health import breaker as breaker
    from registry.health import drift as drift
    from registry.health import parity as parity
    from registry.health import performance as performance
else:
    __getattr__ = modules_of(__name__)
