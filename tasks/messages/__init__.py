"""The messages of the trading day: what is known of it is gathered, and a person told once."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.messages import followed_days as followed_days
    from tasks.messages import tell_day as tell_day
    from tasks.messages import tell_slot as tell_slot
    from tasks.messages import trial as trial
else:
    __getattr__ = modules_of(__name__)
