"""Flow runs themselves: names, time limits, retries, recovery, artifacts."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.runs import artifacts as artifacts
    from tasks.runs import code_hash as code_hash
    from tasks.runs import ended_runs as ended_runs
    from tasks.runs import environment as environment
    from tasks.runs import overdue as overdue
    from tasks.runs import parameters as parameters
    from tasks.runs import periods as periods
    from tasks.runs import process_mark as process_mark
    from tasks.runs import recovery as recovery
    from tasks.runs import recovery_artifact as recovery_artifact
    from tasks.runs import restarts as restarts
    from tasks.runs import retrying as retrying
    from tasks.runs import run_names as run_names
    from tasks.runs import time_limits as time_limits
    from tasks.runs import trying_again as trying_again
    from tasks.runs import watching as watching
else:
    __getattr__ = modules_of(__name__)
