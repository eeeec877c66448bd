"""The messages of the trading day: their facts are collected, and each message is sent once."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.messages import followed_days as followed_days
    from tasks.messages import slot_facts as slot_facts
    from tasks.messages import trial as trial
else:
    __getattr__ = modules_of(__name__)
