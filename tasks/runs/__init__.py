"""The handling of flow runs: names, time limits, retries, recovery, artifacts."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.runs import recovery as recovery
    from tasks.runs import trying_again as trying_again
    from tasks.runs import watching as watching
else:
    __getattr__ = modules_of(__name__)
