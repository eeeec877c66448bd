"""The rollout of a market: its stage, the gates of a step, and the approval by a person."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.rollout import approval as approval
    from tasks.rollout import approval_record as approval_record
    from tasks.rollout import stage as stage
else:
    __getattr__ = modules_of(__name__)
