"""One-minute bars: format, sources, quality checks, lake, continuous series."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars import checks as checks
    from ml_core.bars import contract as contract
    from ml_core.bars import lake as lake
    from ml_core.bars import sources as sources
else:
    __getattr__ = modules_of(__name__)
