"""Schedules that several markets share start one run; others stay with their market."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from deployments.catalogue import DeploymentSpec, ScheduleSpec, deployments_of
from deployments.prefect_yaml import entry
from deployments.serving.runner import deployment
from deployments.shared_schedules import deployments_together, share_schedules
from ml_core.market.market import Market
from tests.ml_core.builders import mgc, nq

YEAR = 2026


def gold() -> Market:
    """Another market with the hours of MGC."""
    return mgc().model_copy(update={"symbol": "GC"})


def predicting(market: str, *lines: tuple[str, str]) -> DeploymentSpec:
    """The deployment that predicts a market's ranges, which close by these cron lines."""
    return DeploymentSpec(
        name=market,
        entrypoint="flows.shadow_predict.shadow_predict",
        description="",
        parameters={"market": market},
        schedules=tuple(
            ScheduleSpec(
                slug=f"range-{number}",
                cron=cron,
                timezone=zone,
                parameters={"opening_range": f"r{number}"},
            )
            for number, (cron, zone) in enumerate(lines)
        ),
        limit=len(lines),
        collision="ENQUEUE",
        tags=("orbcast", market.upper()),
    )


def shared(*specs: DeploymentSpec) -> list[dict[str, list[str]]]:
    """Return the ranges of each schedule that starts one run for several markets."""
    made = share_schedules(specs, YEAR)[len(specs) :]
    return [line.parameters["ranges"] for spec in made for line in spec.schedules]


NEW_YORK = ("35 9 * * 1-5", "US/Eastern")


@pytest.mark.parametrize(
    ("lines", "together"),
    [
        ([[NEW_YORK], [NEW_YORK]], [{"a": ["r0"], "b": ["r0"]}]),
        ([[NEW_YORK], [("35 9 * * 1-5", "America/New_York")]], [{"a": ["r0"], "b": ["r0"]}]),
        ([[NEW_YORK], [("35 8 * * 1-5", "US/Central")]], [{"a": ["r0"], "b": ["r0"]}]),
        # apart in the weeks between the two changes of the clocks
        ([[NEW_YORK], [("35 14 * * 1-5", "Europe/London")]], []),
        ([[NEW_YORK], [("36 9 * * 1-5", "US/Eastern")]], []),
        ([[NEW_YORK], [("35 9 * * 0-4", "US/Eastern")]], []),
        ([[NEW_YORK, NEW_YORK]], []),  # two ranges of one market alone
        (
            [[NEW_YORK, ("5 11 * * 1-5", "US/Eastern")], [NEW_YORK, NEW_YORK]],
            [{"a": ["r0"], "b": ["r0", "r1"]}],
        ),
    ],
    ids=[
        "same line",
        "zone of another name",
        "zone an hour behind",
        "clocks that change on other days",
        "other minute",
        "other weekdays",
        "one market",
        "two ranges of a market",
    ],
)
def test_ranges_that_always_close_together_are_predicted_by_one_run(
    lines: list[list[tuple[str, str]]], together: list[dict[str, list[str]]]
) -> None:
    specs = [predicting(name, *own) for name, own in zip("ab", lines, strict=False)]
    assert shared(*specs) == together


def test_very_many_ranges_are_shared_out_to_several_runs() -> None:
    specs = [predicting(f"m{number:02d}", NEW_YORK) for number in range(60)]
    runs = shared(*specs)
    assert [len(ranges) for ranges in runs] == [20, 20, 20]
    assert len({market for ranges in runs for market in ranges}) == 60


def test_each_range_of_each_market_is_predicted_by_exactly_one_schedule() -> None:
    markets = {"mgc": mgc(), "gc": gold(), "nq": nq()}
    predicted = []
    for spec in deployments_together(markets, YEAR):
        for line in spec.schedules:
            if spec.entrypoint.endswith(".shadow_predict"):
                predicted.append((spec.name, line.parameters["opening_range"]))
            elif spec.entrypoint.endswith(".predict_together"):
                ranges = line.parameters["ranges"].items()
                predicted += [(market, name) for market, names in ranges for name in names]
    expected = [(name, one.name) for name, market in markets.items() for one in market.ranges]
    assert sorted(predicted) == sorted(expected)


def test_light_flows_of_several_markets_run_in_turn_and_their_events_start_the_same_run() -> None:
    specs = {
        (spec.entrypoint.rpartition(".")[2], spec.name): spec
        for spec in deployments_together({"mgc": mgc(), "gc": gold(), "nq": nq()}, YEAR)
    }
    outcomes = specs["for_each_market", "log-outcomes"]
    assert outcomes.parameters == {"flow": "log-outcomes", "markets": ["mgc", "gc", "nq"]}
    (trigger,) = deployment(outcomes).triggers
    assert trigger.match.root == {
        "prefect.resource.id": [f"orbcast.market.{name}" for name in ("mgc", "gc", "nq")]
    }
    for name in ("mgc", "gc", "nq"):
        own = specs["log_outcomes", name]
        assert (own.schedules, own.triggers) == ((), ())  # it is there for runs by hand
    # its hours are those of another zone
    (hourly,) = specs["for_each_market", "refresh-data"].schedules
    assert hourly.parameters == {"markets": ["mgc", "gc"]}
    assert [line.slug for line in specs["refresh_data", "nq"].schedules] == ["hourly"]
    # a push of one market's bars starts a refresh of that market alone
    assert specs["refresh_data", "gc"].triggers
    assert not specs["for_each_market", "refresh-data"].triggers


def test_one_market_has_its_own_schedules_and_nothing_else() -> None:
    specs = deployments_together({"mgc": mgc()}, YEAR)
    assert specs[:-1] == deployments_of("mgc", mgc())
    assert specs[-1].entrypoint == "flows.recover.recover"


@pytest.mark.parametrize(
    "spec",
    [
        one
        for one in deployments_together({"mgc": mgc(), "gc": gold()}, YEAR)
        if len(one.tags) == 1
    ],
    ids=lambda spec: f"{spec.entrypoint} {spec.name}",
)
def test_prefect_takes_the_deployments_of_several_markets(spec: DeploymentSpec) -> None:
    made = deployment(spec)
    assert len(made.schedules or []) == len(spec.schedules)
    module, _, name = spec.entrypoint.rpartition(".")
    flow: Any = getattr(importlib.import_module(module), name)
    for line in spec.schedules:
        flow.validate_parameters({**spec.parameters, **line.parameters})
    assert entry(spec)["schedules"][0]["slug"] == spec.schedules[0].slug
