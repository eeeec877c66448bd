"""Everything an intraday run imports, imported once: the warm runner's children begin with it.

Nothing here may start a thread, open a database or read the clock: what a process forks with
threads running is undefined.
"""

from __future__ import annotations

import importlib

INTRADAY = (
    # what the flows import by themselves
    "flows.shadow_predict",
    "flows.refresh_data",
    "flows.log_outcomes",
    "flows.watch_feed",
    # what they import where it is used, so that a command's --help need not wait for it
    "alembic.command",
    "duckdb",
    "ml_core.learning.models.boosting",
    "pandas",
    "pyarrow.parquet",
    "scipy.special",
    "ml_core.bars.sources.duckdb_file",
    "ml_core.learning.inference",
    "ml_core.strategy.rules",
    "registry.bars.batches",
    "registry.database",
    "registry.health.drift",
    "registry.ledger.ledger",
    "registry.models.model_store",
    "registry.health.parity",
    "registry.health.performance",
    "tasks.prefect_api",
    # Prefect's own, used by each run
    "prefect.client.orchestration",
    "prefect.deployments.runner",
    "prefect.engine",
    "prefect.events.clients",
    "prefect.flow_engine",
    "prefect.logging.handlers",
)

for _name in INTRADAY:
    importlib.import_module(_name)
