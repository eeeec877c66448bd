"""The rollout from shadow to auto: a market's stage, the facts and gates of a step up."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
