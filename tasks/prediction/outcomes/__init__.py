"""Outcomes of slots: settled ones, the results of strategies' trades, the value a model adds."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.prediction.outcomes import value_added as value_added
else:
    __getattr__ = modules_of(__name__)
