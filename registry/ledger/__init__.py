"""The ledger: predictions and outcomes, append-only, chained by hash and verified."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.ledger import browsing as browsing
    from registry.ledger import ledger as ledger
    from registry.ledger import verification as verification
else:
    __getattr__ = modules_of(__name__)
