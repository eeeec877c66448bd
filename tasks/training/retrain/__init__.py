"""A retrain: attempts on record, when those that begin by themselves rest, its artifact."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.training.retrain import artifact as artifact
    from tasks.training.retrain import attempts as attempts
    from tasks.training.retrain import backoff as backoff
else:
    __getattr__ = modules_of(__name__)
