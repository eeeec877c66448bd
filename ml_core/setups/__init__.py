"""The setup study: which of thousands of rule setups survive costs, chance and time."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.setups import plan as plan
    from ml_core.setups import setup as setup
    from ml_core.setups import study as study
    from ml_core.setups import trades as trades
else:
    __getattr__ = modules_of(__name__)
