"""The health of models and record: performance, drift, parity, early warning, breaker."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.health import breaker as breaker
    from tasks.health import drift as drift
    from tasks.health import market_overview as market_overview
    from tasks.health import parity as parity
    from tasks.health import performance as performance
    from tasks.health import prometheus_figures as prometheus_figures
    from tasks.health import sealing as sealing
else:
    __getattr__ = modules_of(__name__)
