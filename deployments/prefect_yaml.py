"""prefect.yaml, written from the catalogue: `python -m deployments.prefect_yaml > prefect.yaml`.

Markets are named after it, MGC if none is: `python -m deployments.prefect_yaml mgc nq`.

For who runs a Prefect server already: ``prefect work-pool create local --type process``, then
``prefect --no-prompt deploy --all`` and ``prefect worker start --pool local``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from deployments.catalogue import (
    HOUSEKEEPING,
    DeploymentSpec,
    TriggerSpec,
    deployments_of,
)
from tasks.settings import current_settings

MARKETS = ("mgc",)
"""Markets in the shipped file; ``orbcast up`` reads ORBCAST_MARKETS instead."""

WORK_POOL = "local"

_HEAD = """\
# Written by `python -m deployments.prefect_yaml > prefect.yaml`; edit deployments/catalogue.py or
# a market file instead. `make up` needs none of this: it is for a Prefect server you run already.
#   prefect work-pool create local --type process
#   prefect --no-prompt deploy --all
#   prefect worker start --pool local        (in the project folder)
name: orbcast

pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "."

deployments:
"""


def entry(spec: DeploymentSpec) -> dict[str, Any]:
    """Return one deployment as prefect.yaml has it."""
    return {
        "name": spec.name,
        "entrypoint": spec.entrypoint,
        "description": spec.description,
        "tags": list(spec.tags),
        "parameters": spec.parameters,
        "concurrency_limit": {"limit": spec.limit, "collision_strategy": spec.collision},
        "work_pool": {"name": WORK_POOL},
        "schedules": [
            {
                "slug": each.slug,
                "cron": each.cron,
                "timezone": each.timezone,
                **({"parameters": each.parameters} if each.parameters else {}),
            }
            for each in spec.schedules
        ],
        **({"triggers": [_trigger(each) for each in spec.triggers]} if spec.triggers else {}),
    }


def _trigger(spec: TriggerSpec) -> dict[str, Any]:
    return {
        "type": "event",
        "enabled": True,
        "match": {"prefect.resource.id": spec.resource},
        "expect": [spec.event],
        "within": spec.hush,
    }


def text(markets: Sequence[str] = MARKETS) -> str:
    """Return the whole file, for some markets."""
    settings = current_settings()
    specs = [spec for name in markets for spec in deployments_of(name, settings.market(name))]
    specs += HOUSEKEEPING
    return _HEAD + "".join(f"{line}\n" for spec in specs for line in _item(entry(spec)))


def _item(values: dict[str, Any]) -> Iterator[str]:
    """Write a mapping as an item of a list: YAML whose leaves are JSON."""
    lines = list(_mapping(values))
    yield f"  - {lines[0]}"
    yield from (f"    {line}" for line in lines[1:])


def _mapping(values: dict[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield f"{key}:"
            yield from (f"  {line}" for line in _mapping(value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{key}:"
            yield from _items(value)
        else:
            yield f"{key}: {json.dumps(value)}"


def _items(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    for each in values:
        lines = list(_mapping(each))
        yield f"  - {lines[0]}"
        yield from (f"    {line}" for line in lines[1:])


if __name__ == "__main__":
    sys.stdout.write(text(sys.argv[1:] or MARKETS))
