"""The lake: every bar ever taken in, in month files, and what became of every batch."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars.lake import as_known as as_known
    from ml_core.bars.lake import batch_intake as batch_intake
    from ml_core.bars.lake import batch_log as batch_log
    from ml_core.bars.lake import confirmed as confirmed
    from ml_core.bars.lake import lake as lake
    from ml_core.bars.lake import lake_units as lake_units
    from ml_core.bars.lake import merge as merge
    from ml_core.bars.lake import month_changes as month_changes
    from ml_core.bars.lake import month_file as month_file
    from ml_core.bars.lake import volume_shape as volume_shape
else:
    __getattr__ = modules_of(__name__)
