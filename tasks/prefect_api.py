"""The parts of Prefect that Orbcast uses where Prefect must not be imported at once.

Prefect reads its settings from the environment when it is imported, and the import takes a second.
Code that prepares the environment first, or needs Prefect only sometimes, imports this module and
uses full names: ``tasks.prefect_api.get_client``.
"""

from __future__ import annotations

from prefect.artifacts import (
    Artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from prefect.logging.handlers import APILogWorker
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)

__all__ = [
    "PREFECT_API_URL",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY",
    "APILogWorker",
    "Artifact",
    "FlowRunSort",
    "ObjectNotFound",
    "StateType",
    "create_markdown_artifact",
    "create_progress_artifact",
    "emit_event",
    "filters",
    "get_client",
    "temporary_settings",
    "update_progress_artifact",
]
