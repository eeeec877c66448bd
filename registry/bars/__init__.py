"""What was taken into the lake: batches, rows set aside, bars that were revised."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.bars import batches as batches
else:
    __getattr__ = modules_of(__name__)
