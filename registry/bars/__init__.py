"""The record of imports into the lake: batches, quarantined rows, revised bars."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.bars import batches as batches
    from registry.bars import shared_lake as shared_lake
else:
    __getattr__ = modules_of(__name__)
