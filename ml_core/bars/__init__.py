"""One-minute bars: contract, sources, quality, lake, continuous series."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars import arrays as arrays
    from ml_core.bars import arrow_values as arrow_values
    from ml_core.bars import checks as checks
    from ml_core.bars import continuous as continuous
    from ml_core.bars import contract as contract
    from ml_core.bars import lake as lake
    from ml_core.bars import sources as sources
else:
    __getattr__ = modules_of(__name__)
