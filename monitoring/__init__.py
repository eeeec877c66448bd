"""Judgement of live models: performance, drift, plots and reports."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring import channel_rules as channel_rules
    from monitoring import drift as drift
    from monitoring import notices as notices
    from monitoring import pages as pages
    from monitoring import performance as performance
    from monitoring import rollout as rollout
else:
    __getattr__ = modules_of(__name__)
