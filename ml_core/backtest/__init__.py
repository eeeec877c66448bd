"""Results of rule-based trades: alone, compared with a driftless price, and with a model."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.backtest import value_added as value_added
else:
    __getattr__ = modules_of(__name__)
