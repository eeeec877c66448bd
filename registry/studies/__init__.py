"""The record of what was tried on past days: studies, trials, the tuning journal."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.studies import evaluations as evaluations
    from registry.studies import tuning_journal as tuning_journal
else:
    __getattr__ = modules_of(__name__)
