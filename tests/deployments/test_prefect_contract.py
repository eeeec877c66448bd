"""The complete list of Prefect names in use that Prefect does not promise to keep.

A Prefect release that drops one of them fails here, by name, and not in a run at night. So does
code of ours that starts to use another one. Replace a name by a public one where there is one.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.blocks.notifications import AbstractAppriseNotificationBlock
from prefect.runner import Runner

PROJECT = Path(__file__).resolve().parents[2]

NAMES = {
    "prefect.blocks.abstract.NotificationError": (
        "a channel that took neither words nor picture fails as Prefect's own do"
    ),
    "prefect._internal.control_listener.configure_from_env": (
        "a child hears through it that its run is cancelled, as Prefect's own engine does"
    ),
    "prefect.runner._process_manager.ProcessHandle": "what a starter hands to the runner",
    "prefect.engine.handle_engine_signals": "a child ends as Prefect's own engine ends",
    "prefect.flow_engine.run_flow": "a child runs a flow under the run that the server made",
    "prefect.input.actions.read_flow_run_input": "whether a person was asked in this run before",
    "prefect.logging.configuration.setup_logging": "console handlers are there to be changed",
    "prefect.logging.handlers.APILogWorker": "log lines are sent before a temporary server ends",
    "prefect.logging.handlers.PrefectConsoleHandler": "what it prints of the engine is kept back",
    "prefect.logging.loggers.flow_run_logger": "a child's errors go to its run's log",
    "prefect.server.api.server.create_app": "the temporary server is Prefect's app, served by us",
}
"""Imported names with an underscore, or from modules that Prefect considers internal."""

MODULES = {
    "prefect.engine": "imported once for all children",
    "prefect.flow_engine": "the same",
    "prefect.events.clients": "the same",
    "prefect.logging.handlers": "the same",
    "prefect.server.concurrency.lease_storage.filesystem": "slots outlive a server's death",
}
"""Names that are used as strings."""

ATTRIBUTES = {
    "_scheduled_run_poller": "the runner's part that starts what is due",
    "_resolve_starter": "of that part: put warm children in the place of cold ones",
    "_client": "of that part: it asks for due runs without making the server write each time",
    "_state_proposer": "of that part: a run of a heavy flow waits for its place",
    "_submitting_flow_run_ids": "of that part: the runs that have a process or get one",
    "_deployment_registry": "the runner's names of deployments",
    "_control_channel": "the runner's way to tell a child that it is cancelled",
    "_apprise_client": "its services are told plain text, and given a picture",
    "_block_document_id": "a saved block's id, which an automation's action needs",
}

VARIABLES = {
    "PREFECT__FLOW_RUN_ID": "which run a child is",
    "PREFECT__DEPLOYMENT_NAME": "for its log",
    "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "the runner calls those hooks",
    "PREFECT__CONTROL_PORT": "where a child hears that it is cancelled",
    "PREFECT__CONTROL_TOKEN": "and by which secret",
}

CLASSES = {
    "FlowRunTimeoutError": ("prefect.flow_engine", "a command says that its run was ended"),
    "ParameterTypeError": ("prefect.exceptions", "a command says that a parameter is wrong"),
    "PrefectConsoleHandler": ("prefect.logging.handlers", "tracebacks are left to --debug"),
    "PrefectHTTPStatusError": ("prefect.exceptions", "a command says what the server refuses"),
}
"""Recognised only by their names, where importing them would cost a command a second."""

PUBLIC = {
    "prefect",
    "prefect.artifacts",
    "prefect.automations",
    "prefect.blocks.notifications",
    "prefect.cache_policies",
    "prefect.client.orchestration",
    "prefect.client.schemas",
    "prefect.client.schemas.filters",
    "prefect.client.schemas.objects",
    "prefect.client.schemas.responses",
    "prefect.client.schemas.sorting",
    "prefect.concurrency.sync",
    "prefect.context",
    "prefect.deployments.runner",
    "prefect.events",
    "prefect.events.actions",
    "prefect.exceptions",
    "prefect.flow_runs",
    "prefect.flows",
    "prefect.input",
    "prefect.logging",
    "prefect.runner",
    "prefect.runtime",
    "prefect.schedules",
    "prefect.settings",
    "prefect.states",
    "prefect.tasks",
    "prefect.types.entrypoint",
}
"""Modules in Prefect's public reference."""


@pytest.fixture(scope="module")
def sources() -> dict[str, ast.Module]:
    """The product's modules that use Prefect."""
    packages = ("tasks", "flows", "deployments")
    files = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    modules = {
        str(path.relative_to(PROJECT)): ast.parse(path.read_text("utf-8")) for path in files
    }
    assert len(modules) > 150
    return modules


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield Prefect modules and the names imported from them; no name for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.split(".")[0] == "prefect":
                yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                (alias.name, "") for alias in node.names if alias.name.split(".")[0] == "prefect"
            )


def strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_module(text: str) -> bool:
    if not re.fullmatch(r"prefect(\.\w+)+", text):
        return False
    try:
        return importlib.util.find_spec(text) is not None
    except ModuleNotFoundError:
        return False


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names that one of our modules defines itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from [node.attr] if ast.unparse(node.value) == "self" else []


def names_in(sources: dict[str, ast.Module], what: Any) -> set[str]:
    return {name for tree in sources.values() for name in what(tree)}


def test_every_import_that_prefect_does_not_promise_is_named(
    sources: dict[str, ast.Module],
) -> None:
    every = names_in(sources, imported)
    assert ("prefect", "flow") in every
    private = {
        f"{module}.{name}"
        for module, name in every
        if module not in PUBLIC or name.startswith("_")
    }
    assert private == set(NAMES)
    assert {module for module, _ in every} >= PUBLIC - {"prefect.client.schemas"}


def test_every_module_named_by_a_string_is_named_here(sources: dict[str, ast.Module]) -> None:
    every = {text for text in names_in(sources, strings) if is_module(text)}
    assert "prefect.client.orchestration" in every
    loggers = {"prefect.flow_runs", "prefect.task_runs"}  # modules have the same names
    assert every - PUBLIC - loggers == set(MODULES)


def test_every_private_attribute_that_is_not_our_own_is_named(
    sources: dict[str, ast.Module],
) -> None:
    def used(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
                yield node.attr

    assert names_in(sources, used) - names_in(sources, defined) == set(ATTRIBUTES)


def test_every_private_variable_of_the_environment_is_named(
    sources: dict[str, ast.Module],
) -> None:
    assert {text for text in names_in(sources, strings) if "PREFECT__" in text} == set(VARIABLES)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_is_there(name: str) -> None:
    module, _, last = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), last))


@pytest.mark.parametrize("name", MODULES)
def test_the_module_is_there(name: str) -> None:
    assert importlib.import_module(name)


@pytest.mark.parametrize("name", CLASSES)
def test_the_class_is_there(name: str) -> None:
    module, _ = CLASSES[name]
    assert inspect.isclass(getattr(importlib.import_module(module), name))


def test_the_attributes_are_there_and_taken_as_the_warm_runner_takes_them() -> None:
    runner = Runner(name="contract")
    assert callable(runner._control_channel.register)
    assert callable(runner._deployment_registry.get_deployment_name)
    begins = inspect.getsource(Runner.__aenter__)
    assert "self._scheduled_run_poller = ScheduledRunPoller(" in begins
    poller = importlib.import_module("prefect.runner._scheduled_run_poller").ScheduledRunPoller
    source = inspect.getsource(poller)
    assert "self._resolve_starter(flow_run)" in source
    assert "await self._client.get_scheduled_flow_runs_for_deployments(" in source
    assert "await self._state_proposer.propose_pending(flow_run)" in source
    assert "self._submitting_flow_run_ids.discard(flow_run.id)" in source
    assert "_block_document_id" in Block.__annotations__
    assert "self._apprise_client = Apprise(" in inspect.getsource(AbstractAppriseNotificationBlock)
    assert set(ATTRIBUTES) == {
        "_apprise_client",
        "_block_document_id",
        "_client",
        "_control_channel",
        "_deployment_registry",
        "_resolve_starter",
        "_scheduled_run_poller",
        "_state_proposer",
        "_submitting_flow_run_ids",
    }


@pytest.mark.parametrize("name", VARIABLES)
def test_prefect_reads_the_variable(name: str) -> None:
    package = Path(str(importlib.import_module("prefect").__file__)).parent
    readers = (
        "flow_engine.py",
        "engine.py",
        "_internal/control_listener.py",
        "logging/loggers.py",
    )
    assert any(name in (package / reader).read_text("utf-8") for reader in readers)
