"""The account that trades: its limits, the size they allow, its standing, its chance to last."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.strategy.account import limits as limits
    from ml_core.strategy.account import sizing as sizing
    from ml_core.strategy.account import standing as standing
else:
    __getattr__ = modules_of(__name__)
