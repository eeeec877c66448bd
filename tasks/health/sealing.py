"""Sealed checkpoints of the record: made by hand, and each week by the audit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prefect import task

from ml_core.on_demand import library
from registry.ledger import verification
from tasks.notices.notify import notify
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

if TYPE_CHECKING:
    from registry.ledger.verification import Verification
    from tasks.settings import Settings

metadata = library("importlib.metadata")

SEALED_EVERY = timedelta(days=7)
"""Age of a checkpoint at which the audit verifies the whole record again."""


def seal_record(settings: Settings, at: datetime) -> Verification:
    """Verify the whole record; seal its ends as a checkpoint unless there is a fault."""
    database = settings.database()
    return verification.seal_record(database, version=metadata.version("orbcast"), at=at)


@task(name="seal the record", task_run_name="seal the record", **RETRIED)
def seal_weekly(at: datetime) -> None:
    """Seal the record again if its last checkpoint is a week old; notify of a fault."""
    settings = current_settings()
    seal = verification.seal_of(settings.database())
    if seal is not None and at - seal.at < SEALED_EVERY:
        return
    faults = seal_record(settings, at).faults
    if faults:
        notify(
            settings,
            "rollout",
            None,
            f"record {faults[0]}",
            "the record is not as it was written",
            "\n".join((*faults[:20], "`orbcast verify --whole` lists all faults.")),
        )
