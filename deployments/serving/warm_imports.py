"""The imports of an intraday run, made once, so that the warm runner's children start with them.

No import here may start a thread, open a database or read the clock: forking a process with
running threads is undefined.
"""

from __future__ import annotations

import importlib

from deployments.serving.lasting_imports import lasting_imports

INTRADAY = (
    # imported by the flows at the top
    "flows.shadow_predict",
    "flows.predict_together",
    "flows.refresh_data",
    "flows.log_outcomes",
    "flows.watch_feed",
    "flows.for_each_market",
    # imported at their first use, so that a command's --help need not wait for them
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
    # Prefect's modules that each run uses
    "prefect.client.orchestration",
    "prefect.deployments.runner",
    "prefect.engine",
    "prefect.events.clients",
    "prefect.flow_engine",
    "prefect.logging.handlers",
)

with lasting_imports():
    for _name in INTRADAY:
        importlib.import_module(_name)
