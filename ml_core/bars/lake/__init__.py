"""The lake: all imported bars in month files, and the record of every batch."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars.lake import batch_intake as batch_intake
    from ml_core.bars.lake import batch_log as batch_log
    from ml_core.bars.lake import lake as lake
else:
    __getattr__ = modules_of(__name__)
