"""The deployments: one definition, two ways to run, schedules in the market's time zone."""

from __future__ import annotations

import asyncio
import importlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow
from prefect.server.schemas.schedules import CronSchedule

from deployments.catalogue import HOUSEKEEPING, DeploymentSpec, deployments_of
from deployments.prefect_yaml import MARKETS, entry, text
from deployments.serving.runner import deployment
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, from_minute
from tests.ml_core.builders import mgc, nq

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED: dict[str, Any] = yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))
SPECS = (*deployments_of("mgc", mgc()), *HOUSEKEEPING)


def flow_of(entrypoint: str) -> Flow[..., Any]:
    module, _, name = entrypoint.rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    return flow


def test_prefect_yaml_is_what_the_catalogue_says() -> None:
    assert MARKETS == ("mgc",)
    assert SHIPPED["deployments"] == [entry(spec) for spec in SPECS]
    assert (PROJECT / "prefect.yaml").read_text("utf-8") == text()


@pytest.mark.parametrize(
    "shipped", SHIPPED["deployments"], ids=lambda shipped: shipped["entrypoint"]
)
def test_every_entrypoint_loads_a_flow_that_takes_its_parameters(shipped: dict[str, Any]) -> None:
    flow = flow_of(shipped["entrypoint"])
    for given in (shipped, *shipped["schedules"]):
        values = {**shipped["parameters"], **given.get("parameters", {})}
        assert values.items() <= flow.validate_parameters(values).items()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.entrypoint)
def test_every_parameter_is_described_in_the_run_form(spec: DeploymentSpec) -> None:
    for name, form in flow_of(spec.entrypoint).parameters.properties.items():
        assert form.get("description"), name


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.entrypoint)
def test_prefect_takes_every_deployment(spec: DeploymentSpec) -> None:
    made = deployment(spec)
    assert made.entrypoint == spec.entrypoint
    assert len(made.schedules or []) == len(spec.schedules)


def test_each_event_starts_its_own_deployment_and_none_leads_back() -> None:
    started = {
        spec.entrypoint: (trigger.expect, trigger.match.root, trigger.within.total_seconds())
        for spec in SPECS
        for trigger in deployment(spec).triggers
    }
    ours = {"prefect.resource.id": "orbcast.market.mgc"}
    assert started == {
        "flows.refresh_data.refresh_data": ({"orbcast.data.arrived"}, ours, 0),
        "flows.nightly_retrain.nightly_retrain": ({"orbcast.drift.detected"}, ours, 0),
        # it neither refreshes bars nor checks drift, so it emits neither of the events above
        "flows.log_outcomes.log_outcomes": ({"orbcast.data.refreshed"}, ours, 300),
    }


def test_a_delay_of_the_market_moves_each_prediction_and_its_weekday() -> None:
    def lines(minutes: int) -> dict[str, str]:
        market = nq().model_copy(update={"decision_delay_minutes": minutes})
        (spec,) = [
            candidate
            for candidate in deployments_of("nq", market)
            if "shadow" in candidate.entrypoint
        ]
        return {schedule.slug: schedule.cron for schedule in spec.schedules}

    prompt, late = lines(0), lines(30)
    assert prompt.keys() == late.keys()
    for slug, cron in prompt.items():
        minute, hour = map(int, cron.split()[:2])
        later_minute, later_hour = map(int, late[slug].split()[:2])
        assert (later_hour * 60 + later_minute - hour * 60 - minute) % 1440 == 30
    midnight = mgc().model_copy(
        update={
            "decision_delay_minutes": 30,
            "ranges": (mgc().ranges[0].model_copy(update={"start": time(23, 40)}),),
        }
    )
    (spec,) = [
        candidate
        for candidate in deployments_of("mgc", midnight)
        if "shadow" in candidate.entrypoint
    ]
    assert [schedule.cron for schedule in spec.schedules] == ["15 0 * * 2-6"]


@pytest.mark.parametrize(("name", "market"), [("mgc", mgc()), ("nq", nq())], ids=["mgc", "nq"])
def test_a_prediction_is_due_at_each_decision_of_the_year_and_at_no_other_time(
    name: str, market: Market
) -> None:
    (spec,) = [
        candidate for candidate in deployments_of(name, market) if "shadow" in candidate.entrypoint
    ]
    schedule = build_schedule(market, date(2025, 1, 6), date(2025, 12, 19))
    for column, line in enumerate(spec.schedules):
        assert line.parameters == {"opening_range": market.ranges[column].name}
        start = datetime(2025, 1, 5, 12, tzinfo=UTC).astimezone(ZoneInfo(line.timezone))
        stop = datetime(2025, 12, 20, tzinfo=UTC)
        cron = CronSchedule(cron=line.cron, timezone=line.timezone)
        due = set(asyncio.run(cron.get_dates(400, start=start, end=stop)))
        decisions = {from_minute(int(minute)) for minute in schedule.range_end[:, column]}
        assert decisions <= due
        # weekday holidays are due as well: their ledger rows have the reason
        assert len(due - decisions) <= 12


def test_the_retrain_is_due_before_the_trading_day_starts() -> None:
    (spec,) = [candidate for candidate in SPECS if "retrain" in candidate.entrypoint]
    (line,) = spec.schedules
    assert (line.cron, line.timezone) == ("15 8 * * 2-6", "Australia/Brisbane")
    assert timedelta(hours=8, minutes=15) < timedelta(hours=mgc().day_start.hour)
    assert (spec.limit, spec.collision) == (1, "ENQUEUE")
