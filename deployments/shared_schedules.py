"""Schedules that several served markets share start one run for all of them.

Each run of a market is a process with a Prefect client of its own, about two seconds of processor
time with the server's share. Fifty of them in one minute take two cores a minute and a half.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import get_args
from zoneinfo import ZoneInfo

from deployments.catalogue import (
    HOUSEKEEPING,
    DeploymentSpec,
    ScheduleSpec,
    TriggerSpec,
    deployments_of,
    entrypoint_of,
)
from ml_core.market.market import Market
from tasks.runs.parameters import LightFlow
from tasks.runs.recovery.crashed_runs import OURS

PREDICT = entrypoint_of("shadow-predict")
IN_TURN = {entrypoint_of(flow): flow for flow in get_args(LightFlow)}
"""Entrypoint of each light flow that does several markets in turn -> the flow's name."""

PREDICT_TOGETHER = entrypoint_of("predict-together")
FOR_EACH_MARKET = entrypoint_of("for-each-market")
OF_SEVERAL = frozenset({PREDICT_TOGETHER, FOR_EACH_MARKET})
"""Entrypoints whose runs are of several markets."""

MOST_TOGETHER = 25
"""Most ranges that one run predicts; more are shared out to several runs, on several cores."""

_YEARS = 2
"""Years in which two schedules must be due at the same times to count as one."""

_Line = tuple[DeploymentSpec, ScheduleSpec]


def deployments_together(markets: Mapping[str, Market], year: int) -> tuple[DeploymentSpec, ...]:
    """Return every deployment of the served markets, and those that belong to no market.

    Parameters
    ----------
    markets
        Name of each served market -> the market.
    year
        The current year: zones that changed their clocks alike in the past may not do so now.
    """
    own = [spec for name, market in markets.items() for spec in deployments_of(name, market)]
    return (*share_schedules(own, year), *HOUSEKEEPING)


def share_schedules(specs: Sequence[DeploymentSpec], year: int) -> tuple[DeploymentSpec, ...]:
    """Move the schedules that several markets share to deployments that belong to no market.

    A schedule of one market alone stays, and each market keeps its deployment for runs by hand.
    An event that also starts a flow for one market moves with the flow's schedule: an event of
    each market at once would start as many runs.

    Parameters
    ----------
    specs
        The markets' deployments.
    year
        The year from which on schedules are compared.
    """
    shared_lines = dict[str, list[list[_Line]]]()
    for entrypoint in (PREDICT, *IN_TURN):
        lines = dict[object, list[_Line]]()
        for spec in specs:
            for schedule in spec.schedules if spec.entrypoint == entrypoint else ():
                lines.setdefault(_due_times(schedule, year), []).append((spec, schedule))
        shared = [line for line in lines.values() if len({spec.name for spec, _ in line}) > 1]
        if shared:
            shared_lines[entrypoint] = shared
    together = [
        _predict_together(lines) if entrypoint == PREDICT else _in_turn(entrypoint, lines)
        for entrypoint, lines in shared_lines.items()
    ]
    gone = [line for lines in shared_lines.values() for shared in lines for line in shared]
    return (*(_without(spec, gone) for spec in specs), *together)


def _without(spec: DeploymentSpec, gone: Iterable[_Line]) -> DeploymentSpec:
    """Return a market's deployment without the schedules that moved."""
    taken = [schedule for other, schedule in gone if other is spec]
    if not taken:
        return spec
    left = tuple(schedule for schedule in spec.schedules if schedule not in taken)
    triggers = tuple(trigger for trigger in spec.triggers if not trigger.hush)
    return replace(spec, schedules=left, triggers=triggers)


def _predict_together(shared: list[list[_Line]]) -> DeploymentSpec:
    schedules = []
    for part in (part for lines in shared for part in _parts(lines)):
        ranges = dict[str, list[str]]()
        for spec, schedule in part:
            ranges.setdefault(spec.name, []).append(schedule.parameters["opening_range"])
        schedules.append(_schedule(part, {"ranges": ranges}))
    return DeploymentSpec(
        name=OURS,
        entrypoint=PREDICT_TOGETHER,
        description="Predict the opening ranges of several markets that close together.",
        parameters={"ranges": {}},
        schedules=tuple(schedules),
        limit=len(schedules),  # so that no range waits for another
        collision="ENQUEUE",
        tags=(OURS,),
    )


def _parts(lines: list[_Line]) -> list[list[_Line]]:
    """Return the lines in as few parts of much the same size as are short enough."""
    parts = math.ceil(len(lines) / MOST_TOGETHER)
    return [lines[part::parts] for part in range(parts)]


def _in_turn(entrypoint: str, shared: list[list[_Line]]) -> DeploymentSpec:
    flow = IN_TURN[entrypoint]
    schedules = [
        _schedule(lines, {"markets": [spec.name for spec, _ in lines]}) for lines in shared
    ]
    specs = list({spec.name: spec for lines in shared for spec, _ in lines}.values())
    resources = dict[tuple[str, int], list[str]]()
    for trigger in (trigger for spec in specs for trigger in spec.triggers if trigger.hush):
        resources.setdefault((trigger.event, trigger.hush), []).append(str(trigger.resource))
    return DeploymentSpec(
        name=flow,
        entrypoint=FOR_EACH_MARKET,
        description=f"Run {flow} for several markets, one after another.",
        parameters={"flow": flow, "markets": [spec.name for spec in specs]},
        schedules=tuple(schedules),
        limit=len(schedules),
        collision="CANCEL_NEW",
        tags=(OURS,),
        triggers=tuple(
            TriggerSpec(event=event, resource=tuple(of), hush=hush)
            for (event, hush), of in resources.items()
        ),
    )


def _schedule(lines: list[_Line], parameters: dict[str, object]) -> ScheduleSpec:
    spec, first = lines[0]
    return ScheduleSpec(
        slug=f"{first.slug}-of-{spec.name.lower().replace('_', '-')}-and-others",
        cron=first.cron,
        timezone=first.timezone,
        parameters=parameters,
    )


def _due_times(schedule: ScheduleSpec, year: int) -> object:
    """Return a value that is equal for schedules that are due at the same times."""
    minute, hour, *days = schedule.cron.split()
    if hour != "*":
        return _moments(int(minute), int(hour), days[-1], schedule.timezone, year)
    # zones differ by whole hours and quarters, so that each day's times are the same in all
    return (schedule.cron, None if days == ["*"] * 3 else schedule.timezone)


@lru_cache(maxsize=1024)
def _moments(minute: int, hour: int, weekdays: str, zone: str, year: int) -> tuple[datetime, ...]:
    """Return the UTC times of a daily schedule in some years."""
    first, _, last = weekdays.partition("-")
    wanted = {day % 7 for day in range(int(first), int(last or first) + 1)}
    day, moments = date(year, 1, 1), []
    while day.year < year + _YEARS:
        if day.isoweekday() % 7 in wanted:
            local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))
            moments.append(local.astimezone(UTC))
        day += timedelta(days=1)
    return tuple(moments)
