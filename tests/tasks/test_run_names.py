"""Every flow and task: a run's name says what it is about, and every flow has a time limit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import string
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect import Flow, Task

import flows
import tasks
from deployments.shared_schedules import deployments_together
from tasks.runs import run_names
from tasks.runs.time_limits import TIME_LIMITS
from tests.ml_core.builders import mgc

PROJECT = Path(__file__).resolve().parents[2]


def everything(kind: type) -> dict[str, Any]:
    """Yield every flow, or every task, with its place in the code."""
    decorated: dict[str, Any] = {}
    for package in (tasks, flows):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for held in vars(importlib.import_module(module.name)).values():
                if isinstance(held, kind):
                    made: Any = held
                    decorated[f"{made.fn.__module__}.{made.fn.__name__}"] = made
    return decorated


def test_no_flow_and_no_task_is_written_elsewhere() -> None:
    deployed = [path.read_text("utf-8") for path in (PROJECT / "deployments").rglob("*.py")]
    assert len(deployed) > 50
    assert not any("@flow" in text or "@task" in text for text in deployed)


def test_every_flow_names_its_runs_and_ends_them_in_the_time_it_is_given() -> None:
    every_flow = everything(Flow)
    markets = {"mgc": mgc(), "gc": mgc().model_copy(update={"symbol": "GC"})}
    served = {spec.entrypoint for spec in deployments_together(markets, 2026)}
    assert served == set(every_flow)
    assert [name for name, flow in every_flow.items() if not flow.flow_run_name] == []
    assert {flow.name: flow.timeout_seconds for flow in every_flow.values()} == TIME_LIMITS
    minutes = {name: seconds / 60 for name, seconds in TIME_LIMITS.items()}
    assert (minutes["shadow-predict"], minutes["log-outcomes"]) == (10, 10)
    assert (minutes["refresh-data"], minutes["nightly-retrain"]) == (30, 120)
    assert {minutes[name] for name in ("walk-forward", "tune", "replay")} == {240}


def test_every_task_names_its_runs_by_what_it_is_given() -> None:
    every_task = everything(Task)
    assert {
        "tasks.prediction.predict.predict_slot",
        "tasks.training.study.await_folds",
    } <= set(every_task)
    assert len(every_task) >= 27
    assert [name for name, task in every_task.items() if not task.task_run_name] == []
    for name, task in every_task.items():
        named = {field for _, field, _, _ in string.Formatter().parse(task.task_run_name) if field}
        takes = set(inspect.signature(task.fn).parameters)
        assert {field.partition(".")[0] for field in named} <= takes, name


MONDAY = datetime(2026, 11, 29, 23, 5, tzinfo=UTC)
"""09:05 on 2026-11-30 in Brisbane."""


@pytest.fixture
def begins(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Name a run that starts some time from now, on a clock stopped at ``MONDAY``."""

    def name(flow: str, parameters: dict[str, Any], wait: timedelta = timedelta(0)) -> str:
        called = getattr(importlib.import_module(f"flows.{flow}"), flow)
        run = SimpleNamespace(
            parameters=parameters,
            flow_name=called.name,
            scheduled_start_time=datetime.now(UTC) + wait,
        )
        monkeypatch.setattr(run_names, "flow_run", run)
        monkeypatch.setattr(run_names, "now", lambda: MONDAY)
        named: str = called.flow_run_name()
        return named

    return name


MGC: dict[str, Any] = {"market": "mgc"}
AS_OF = {"as_of": datetime(2024, 11, 20, 10, 7)}  # noqa: DTZ001 - on the market's clock


@pytest.mark.parametrize(
    ("flow", "parameters", "named"),
    [
        ("shadow_predict", MGC, "MGC 0900 2026-11-30"),
        ("shadow_predict", {**MGC, "opening_range": "0030"}, "MGC 0030 2026-11-27"),
        ("shadow_predict", {**MGC, **AS_OF}, "MGC 1000 2024-11-20 replay"),
        ("log_outcomes", MGC, "MGC outcomes 2026-11-30 09:05"),
        ("log_outcomes", {**MGC, **AS_OF}, "MGC outcomes 2024-11-20 10:07"),
        ("refresh_data", MGC, "MGC bars 2026-11-30 09:05"),
        (
            "nightly_retrain",
            {**MGC, "recipe": "residual-mirrored"},
            "MGC retrain residual-mirrored 2026-11-30",
        ),
        (
            "walk_forward",
            {"market": "mgc, nq", "recipe": "plain"},
            "MGC, NQ study plain 2026-11-30",
        ),
        ("tune", {**MGC, "recipe": "plain"}, "MGC tune plain 2026-11-30"),
        ("check_drift", MGC, "MGC drift 2026-11-30"),
        ("audit", {**MGC, "as_of": None}, "MGC audit 2026-11-30"),
        ("explain", {**MGC, "trading_day": date(2026, 11, 27)}, "explain MGC 0900 2026-11-27"),
        ("replay", {**MGC, "from_day": None, "to_day": None}, "MGC replay 2026-11-30"),
        (
            "replay",
            {**MGC, "from_day": date(2026, 4, 1), "to_day": date(2026, 6, 30)},
            "MGC replay from 2026-04-01 to 2026-06-30",
        ),
        ("promote", {**MGC, "version": "challenger"}, "MGC promote challenger 2026-11-30"),
        ("step_up", {**MGC, "stage": "hybrid"}, "MGC step up to hybrid 2026-11-30"),
        ("recover", {}, "recover 2026-11-29 23:05"),
    ],
)
def test_a_run_is_called_by_what_it_is_of(
    begins: Any, flow: str, parameters: dict[str, Any], named: str
) -> None:
    assert begins(flow, parameters) == named


def test_a_run_of_a_schedule_is_called_by_when_it_begins_and_not_when_it_is_got_ready(
    begins: Any,
) -> None:
    wait = timedelta(minutes=60, seconds=5)
    assert begins("shadow_predict", MGC, wait) == "MGC 1000 2026-11-30"
    assert (
        begins("shadow_predict", MGC, -wait) == "MGC 0900 2026-11-30"
    )  # late: it predicts what is now


@pytest.mark.parametrize(
    ("flow", "parameters", "named"),
    [
        ("shadow_predict", {"market": "xyz"}, "XYZ shadow-predict"),
        ("shadow_predict", {**MGC, "opening_range": "0930"}, "MGC shadow-predict"),
        ("tune", MGC, "MGC tune"),
    ],
)
def test_a_run_that_cannot_be_named_so_has_its_flow_s_name(
    begins: Any, flow: str, parameters: dict[str, Any], named: str
) -> None:
    assert begins(flow, parameters) == named
