"""What Orbcast remembers: model versions, predictions, outcomes, batches."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry import batches as batches
    from registry import browsing as browsing
    from registry import database as database
    from registry import decisions as decisions
    from registry import definitions as definitions
    from registry import drift as drift
    from registry import errors as errors
    from registry import evaluations as evaluations
    from registry import ledger as ledger
    from registry import model_store as model_store
    from registry import notices as notices
    from registry import rollout as rollout
    from registry import tuning_journal as tuning_journal
else:
    __getattr__ = modules_of(__name__)
