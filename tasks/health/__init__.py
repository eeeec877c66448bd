"""How the models and the record are: performance, drift, parity, early warning, breaker."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.health import audit_artifact as audit_artifact
    from tasks.health import breaker as breaker
    from tasks.health import breaker_check as breaker_check
    from tasks.health import drift as drift
    from tasks.health import drift_artifact as drift_artifact
    from tasks.health import early_warning as early_warning
    from tasks.health import market_overview as market_overview
    from tasks.health import outcomes_artifact as outcomes_artifact
    from tasks.health import parity as parity
    from tasks.health import performance as performance
    from tasks.health import performance_artifact as performance_artifact
    from tasks.health import prometheus_figures as prometheus_figures
else:
    __getattr__ = modules_of(__name__)
