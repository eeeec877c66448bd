"""Statistical questions about past ranges and trades."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.statistics import account_odds as account_odds
    from tasks.statistics import conditional_stats as conditional_stats
else:
    __getattr__ = modules_of(__name__)
