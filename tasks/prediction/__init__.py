"""A slot from the close of its range to its outcome: bars, prediction, plan, outcome."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.prediction import await_bars as await_bars
    from tasks.prediction import day_outlook as day_outlook
    from tasks.prediction import explanation as explanation
    from tasks.prediction import outbox as outbox
    from tasks.prediction import outcomes as outcomes
    from tasks.prediction import predict as predict
    from tasks.prediction import slot_bars as slot_bars
    from tasks.prediction import slot_context as slot_context
    from tasks.prediction import slots as slots
    from tasks.prediction import trading_day as trading_day
else:
    __getattr__ = modules_of(__name__)
