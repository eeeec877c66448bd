"""The messages of the trading day: their facts are collected, and each message is sent once."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.messages import trial as trial
else:
    __getattr__ = modules_of(__name__)
