"""Trading breakouts by rules: plans, trades, order intents and accounts."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.strategy import account as account
    from ml_core.strategy import rules as rules
    from ml_core.strategy import setups as setups
else:
    __getattr__ = modules_of(__name__)
