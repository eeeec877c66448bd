"""The stored record: model versions, predictions, outcomes, batches."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry import bars as bars
    from registry import database as database
    from registry import definitions as definitions
    from registry import errors as errors
    from registry import fills as fills
    from registry import health as health
    from registry import ledger as ledger
    from registry import models as models
    from registry import news as news
    from registry import notices as notices
    from registry import object_store as object_store
    from registry import studies as studies
else:
    __getattr__ = modules_of(__name__)
