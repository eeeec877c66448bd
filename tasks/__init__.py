"""Thin, retryable Prefect tasks over the layers below."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks import data as data
    from tasks import fills as fills
    from tasks import followed_rules as followed_rules
    from tasks import health as health
    from tasks import messages as messages
    from tasks import notices as notices
    from tasks import own_features as own_features
    from tasks import prediction as prediction
    from tasks import prefect_api as prefect_api
    from tasks import rollout as rollout
    from tasks import runs as runs
    from tasks import settings as settings
    from tasks import training as training
else:
    __getattr__ = modules_of(__name__)
