"""A child process of the warm runner, which executes one flow run up to its final state."""

from __future__ import annotations

import importlib
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect._internal.control_listener import configure_from_env
from prefect.client.schemas.objects import FlowRun
from prefect.engine import handle_engine_signals
from prefect.flow_engine import run_flow
from prefect.logging.loggers import flow_run_logger

from deployments.shared_schedules import PREDICT, PREDICT_TOGETHER
from tasks import prediction
from tasks.runs.process_mark import LABEL, mark, write_mark

LOADED_WITHIN = timedelta(seconds=1)
"""Time that a market's bars and models usually take to load."""


def run_in_child(flow_run: str, entrypoint: str, environment: dict[str, str], lower: int) -> None:
    """Execute a flow run in this process, which was forked for it.

    The steps are those of Prefect's own ``python -m prefect.engine``, whose control listener has
    no public name.

    Parameters
    ----------
    flow_run
        Prefect's record of the run, as JSON.
    entrypoint
        Module path of its flow.
    environment
        Variables that Prefect's runner sets for its children: control channel, deployment.
    lower
        Added to the niceness, so that a long run never takes the processor from a prediction.
    """
    os.environ.update(environment)
    os.nice(lower)
    configure_from_env()
    run = FlowRun.model_validate_json(flow_run)
    with handle_engine_signals(run.id):
        flow = flow_of(entrypoint)
        write_mark(run.id, flow.timeout_seconds)
        run.labels[LABEL] = mark()
        _get_ready(_predicted(run, entrypoint), run.next_scheduled_start_time)
        run_flow(flow, flow_run=run, error_logger=flow_run_logger(run, flow).logger)


def _predicted(run: FlowRun, entrypoint: str) -> list[str]:
    """Return the markets that a run predicts; empty for other runs."""
    if entrypoint == PREDICT:
        return [str(run.parameters["market"])]
    return [*run.parameters["ranges"]] if entrypoint == PREDICT_TOGETHER else []


def _get_ready(markets: list[str], due: datetime | None) -> None:
    """Load what predictions need while a scheduled run waits for its time, and no longer."""
    for market in markets:
        if due is None or datetime.now(UTC) > due - LOADED_WITHIN:
            return
        with suppress(Exception):  # the run itself reports the fault
            prediction.predict.get_ready(market)


def flow_of(entrypoint: str) -> Any:
    """Return the flow that a module path names."""
    module, _, name = entrypoint.rpartition(".")
    return getattr(importlib.import_module(module), name)
