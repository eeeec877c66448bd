"""The deployments, defined once: flow, schedule, market, number of simultaneous runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ml_core.market.market import Market
from tasks.notices.events import ARRIVED, BarsRefreshed, DriftDetected, resource_of
from tasks.prediction.slots import decision_time

RETRAIN_AT = (8, 15)
"""Hour and minute in the market's zone, Tuesday to Saturday: before the next trading day."""

COOLDOWN_SECONDS = 300
"""Seconds after a refresh that started log-outcomes in which another refresh does not start it.

A script that refreshes each minute would otherwise keep it running. log-outcomes settles all slots
that can be settled and is scheduled every quarter of an hour, so bars of a refresh that did not
start it wait at most that long.
"""

_MONDAY = date(2024, 1, 1)
_WEEKDAYS = tuple(_MONDAY + timedelta(days=days) for days in range(5))

Collision = Literal["ENQUEUE", "CANCEL_NEW"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """One cron line; ``slug`` names it, ``parameters`` override the deployment's."""

    slug: str
    cron: str
    timezone: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSpec:
    """An event that starts a run, whoever emits it.

    After the event has started a run, it starts no other for ``hush`` seconds: a flow that is
    scheduled soon anyway need not be started by each of many events. ``resource`` may name
    several resources, of which each starts a run.
    """

    event: str
    resource: str | tuple[str, ...]
    hush: int = 0

    @property
    def match(self) -> dict[str, str | list[str]]:
        """The resources, in Prefect's form."""
        several = isinstance(self.resource, tuple)
        return {"prefect.resource.id": [*self.resource] if several else str(self.resource)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSpec:
    """A flow ready to be started, by schedule or by hand.

    Attributes
    ----------
    name
        The market; the UI shows it together with the flow's name.
    entrypoint
        Module path; a file path would put flows/ first on the module search path.
    limit
        Maximum number of simultaneous runs; None means no limit, as for recover, which frees what
        dead runs hold and must wait for none.
    waits
        Whether its runs wait for a person, without heartbeats.
    """

    name: str
    entrypoint: str
    description: str
    parameters: dict[str, Any]
    schedules: tuple[ScheduleSpec, ...]
    limit: int | None
    collision: Collision
    tags: tuple[str, ...]
    triggers: tuple[TriggerSpec, ...] = ()
    waits: bool = False


def entrypoint_of(flow: str) -> str:
    """Return the module path of a flow, by its name or its function's.

    >>> entrypoint_of("log-outcomes")
    'flows.log_outcomes.log_outcomes'
    """
    function = flow.replace("-", "_")
    return f"flows.{function}.{function}"


def deployments_of(name: str, market: Market) -> tuple[DeploymentSpec, ...]:
    """Return every deployment of a market; all schedules come from its file.

    Parameters
    ----------
    name
        Name of the market file, the flows' ``market`` parameter.
    market
        The market.
    """
    hour, minute = RETRAIN_AT
    each_hour = ScheduleSpec(slug="hourly", cron="7 * * * 1-6", timezone=market.zone)
    nightly = ScheduleSpec(slug="nightly", cron=f"{minute} {hour} * * 2-6", timezone=market.zone)
    quarterly = ScheduleSpec(slug="quarter-hourly", cron="*/15 * * * *", timezone=market.zone)

    # at unusual minutes, so that no run that a range's close starts waits for this one
    often = ScheduleSpec(slug="often", cron="3-59/4 * * * *", timezone=market.zone)

    def spec(
        flow: str,
        description: str,
        schedules: tuple[ScheduleSpec, ...],
        collision: Collision,
        limit: int = 1,
        triggers: tuple[TriggerSpec, ...] = (),
        *,
        waits: bool = False,
    ) -> DeploymentSpec:
        return DeploymentSpec(
            name=name,
            entrypoint=entrypoint_of(flow),
            description=description,
            parameters={"market": name},
            schedules=schedules,
            limit=limit,
            collision=collision,
            tags=("orbcast", market.symbol),
            triggers=triggers,
            waits=waits,
        )

    studied = ScheduleSpec(slug="weekly", cron="0 10 * * 6", timezone=market.zone)
    checked = ScheduleSpec(slug="daily", cron="45 8 * * 2-6", timezone=market.zone)
    audited = ScheduleSpec(slug="daily", cron="35 8 * * 2-6", timezone=market.zone)
    tuned = ScheduleSpec(slug="weekly", cron="0 12 * * 6", timezone=market.zone)
    return (
        spec(
            "refresh_data",
            f"Import new bars of {market.name} from their source.",
            (each_hour,),
            "CANCEL_NEW",
            triggers=(TriggerSpec(event=ARRIVED, resource=resource_of(name)),),
        ),
        spec(
            "watch_feed",
            f"Report a feed of {market.name} that stops while the exchange is open.",
            (often,),
            "CANCEL_NEW",
        ),
        spec(
            "nightly_retrain",
            f"Train and register models of {market.name}; choose the champion on evidence.",
            (nightly,),
            "ENQUEUE",
            triggers=(TriggerSpec(event=DriftDetected.name, resource=resource_of(name)),),
        ),
        spec(
            "walk_forward",
            f"Judge a recipe on unseen days of {market.name}, as evidence for promotion.",
            (studied,),
            "CANCEL_NEW",
        ),
        spec(
            "tune",
            f"Search hyperparameters for {market.name}; every trial is counted.",
            (tuned,),
            "CANCEL_NEW",
        ),
        spec(
            "check_drift",
            f"Compare the logged features of {market.name} with the training data.",
            (checked,),
            "CANCEL_NEW",
        ),
        spec(
            "audit",
            f"Recompute the logged features of {market.name}, and check for look-ahead.",
            (audited,),
            "CANCEL_NEW",
        ),
        spec(
            "shadow_predict",
            f"Predict each opening range of {market.name} as it closes, and log it.",
            _at_decisions(market),
            "ENQUEUE",
            limit=len(market.ranges),  # so that no range waits for another
        ),
        spec(
            "replay",
            f"Predict past days of {market.name} from what was known then; counts for no gate.",
            (),
            "CANCEL_NEW",
        ),
        spec(
            "explain",
            f"Explain the prediction of an opening range of {market.name}.",
            (),
            "CANCEL_NEW",
        ),
        spec(
            "promote",
            f"Ask a person to approve a version of {market.name} as champion, with its evidence.",
            (),
            "ENQUEUE",
            waits=True,
        ),
        spec(
            "step_up",
            f"Ask a person to approve the next stage of {market.name}, with every gate.",
            (),
            "ENQUEUE",
            waits=True,
        ),
        spec(
            "log_outcomes",
            f"Log the outcomes of the predicted ranges of {market.name}.",
            (quarterly,),
            "CANCEL_NEW",
            triggers=(
                TriggerSpec(
                    event=BarsRefreshed.name, resource=resource_of(name), hush=COOLDOWN_SECONDS
                ),
            ),
        ),
    )


HOUSEKEEPING = (
    DeploymentSpec(
        name="orbcast",
        entrypoint="flows.recover.recover",
        description="Find runs whose process was killed, free their slots, and start them again.",
        parameters={},
        schedules=(ScheduleSpec(slug="often", cron="4-59/10 * * * *", timezone="UTC"),),
        limit=None,
        collision="CANCEL_NEW",
        tags=("orbcast",),
    ),
)
"""Deployments that belong to no market."""


def _at_decisions(market: Market) -> tuple[ScheduleSpec, ...]:
    """Return a schedule for each opening range, in its own zone, at its window's end or later."""
    schedules, delay = [], timedelta(minutes=market.decision_delay_minutes)
    for spec in market.ranges:
        zone = market.zone_of(spec)
        moments = [
            (decision_time(market, spec, day) + delay).astimezone(zone) for day in _WEEKDAYS
        ]
        first, last = ((moments[end].weekday() + 1) % 7 for end in (0, -1))
        # cron counts from Sunday (0): Monday's trading day may begin on Sunday, Friday's end on 6
        schedules.append(
            ScheduleSpec(
                slug=f"range-{spec.name.lower().replace('_', '-')}",
                cron=f"{moments[0].minute} {moments[0].hour} * * {first}-{last}",
                timezone=_zone_name(zone),
                parameters={"opening_range": spec.name},
            )
        )
    return tuple(schedules)


def _zone_name(zone: ZoneInfo) -> str:
    return str(zone.key)
