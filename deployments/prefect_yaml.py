"""prefect.yaml, written from the catalogue: `python -m deployments.prefect_yaml > prefect.yaml`.

Name the markets as arguments: `python -m deployments.prefect_yaml mgc nq`; default: MGC.

With a Prefect server of your own: ``prefect work-pool create local --type process``, then
``prefect --no-prompt deploy --all`` and ``python -m deployments.distributed.worker``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from deployments.catalogue import DeploymentSpec
from deployments.shared_schedules import deployments_together
from tasks.runs.recovery.crashed_runs import HEARTBEATS
from tasks.settings import current_settings, now

MARKETS = ("mgc",)
"""Markets in the shipped file; ``orbcast up`` reads ORBCAST_MARKETS instead."""

WORK_POOL = "local"

_HEARD_OF = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
"""Seconds between two heartbeats; deployments.automations relies on this interval."""

_HEAD = """\
# Written by `python -m deployments.prefect_yaml > prefect.yaml`; edit deployments/catalogue.py or
# a market file instead. `make up` needs none of this: it is for a Prefect server you run already.
#   prefect work-pool create local --type process
#   prefect --no-prompt deploy --all
#   python -m deployments.distributed.worker --pool local        (in the project folder)
name: orbcast

pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "."

"""


def entry(spec: DeploymentSpec) -> dict[str, Any]:
    """Return one deployment as prefect.yaml has it."""
    triggers = [
        {
            "type": "event",
            "enabled": True,
            "match": trigger.match,
            "expect": [trigger.event],
            "within": trigger.hush,
        }
        for trigger in spec.triggers
    ]
    return {
        "name": spec.name,
        "entrypoint": spec.entrypoint,
        "description": spec.description,
        "tags": [*spec.tags, *([] if spec.waits else [HEARTBEATS])],
        "parameters": spec.parameters,
        "concurrency_limit": None
        if spec.limit is None
        else {"limit": spec.limit, "collision_strategy": spec.collision},
        "work_pool": {"name": WORK_POOL, "job_variables": {"env": _HEARD_OF}},
        "schedules": [
            {
                "slug": schedule.slug,
                "cron": schedule.cron,
                "timezone": schedule.timezone,
                **({"parameters": schedule.parameters} if schedule.parameters else {}),
            }
            for schedule in spec.schedules
        ],
        **({"triggers": triggers} if triggers else {}),
    }


def text(markets: Sequence[str] = MARKETS) -> str:
    """Return the whole file for the given markets."""
    settings = current_settings()
    specs = deployments_together({name: settings.market(name) for name in markets}, now().year)
    entries = [entry(spec) for spec in specs]
    return _HEAD + yaml.safe_dump(
        {"deployments": entries}, sort_keys=False, allow_unicode=True, width=math.inf
    )


if __name__ == "__main__":
    sys.stdout.write(text(sys.argv[1:] or MARKETS))
