"""Orbcast's computations: pure functions; bars, settings and time are all arguments."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core import backtest as backtest
    from ml_core import bars as bars
    from ml_core import evidence as evidence
    from ml_core import files as files
    from ml_core import fills as fills
    from ml_core import learning as learning
    from ml_core import market as market
    from ml_core import setups as setups
    from ml_core import strategy as strategy
else:
    __getattr__ = modules_of(__name__)
