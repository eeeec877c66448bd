"""Explanations of a slot's predictions from the ledger's rows, and their artifact."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.prediction.explanation import explain as explain
else:
    __getattr__ = modules_of(__name__)
