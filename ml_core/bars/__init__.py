"""One-minute bars: contract, sources, quality, lake, continuous series."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars import batch_intake as batch_intake
    from ml_core.bars import lake as lake
    from ml_core.bars import odd_days as odd_days
    from ml_core.bars import quality as quality
    from ml_core.bars import sources as sources
else:
    __getattr__ = modules_of(__name__)
