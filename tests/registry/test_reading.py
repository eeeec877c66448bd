"""Every read of the registry while another process writes: it never waits for a writer."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from inspect import Parameter, isfunction, isgenerator, signature
from pathlib import Path
from typing import Any

import pytest

import registry
from ml_core.learning.recipe import load_recipe
from registry import database as opening
from registry.chains.chain import GENESIS
from registry.database import Database, open_database
from registry.errors import BusyDatabaseError
from registry.ledger.browsing import PredictionFilter
from registry.ledger.ledger import Ledger
from registry.models.model_store import ModelStore
from registry.studies.trials import TrialRecord, record_trial
from registry.studies.tuning_journal import TuningJournal

_WRITERS = (
    *("record_", "remember_", "keep_", "begin_", "end_", "fill_", "finish_", "update_"),
    *("import_", "withdraw_", "seal_record", "copy_"),
)
_INFRASTRUCTURE = (
    "registry.database", "registry.migrations.", "registry.rows", "registry.schema",
    "registry.tables.",
)  # fmt: skip
_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""

AT = datetime(2025, 3, 4, 8, 16, tzinfo=UTC)
_BY_NAME: dict[str, Any] = {
    "recipe": load_recipe(
        Path(__file__).parents[2] / "deployments" / "recipes" / "residual-mirrored.toml"
    ),
    "wanted": PredictionFilter(market="MGC"),
    "checkpoints": None,
    "mode": "live",
    "days": (),
    "also": (),
    "never": ("holiday",),
}
_BY_KIND: dict[str, Any] = {"str": "MGC", "datetime": AT, "date": date(2025, 3, 4), "int": 1}
"""Arguments for a read, by parameter name, or else by type."""


def _reads() -> dict[str, Callable[[Database], Any]]:
    """Return the registry's functions that take a database and are not listed as writers."""
    reads: dict[str, Callable[[Database], Any]] = {}
    for module in pkgutil.walk_packages(registry.__path__, "registry."):
        if module.ispkg or module.name.startswith(_INFRASTRUCTURE):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if not isfunction(value) or value.__module__ != module.name:
                continue
            first, *others = [*signature(value).parameters.values(), None]
            of_database = first is not None and first.annotation == "Database"
            if of_database and not name.startswith(("_", *_WRITERS)):
                reads[f"{module.name}.{name}"] = partial(_read, value, others[:-1])
    return reads


def _read(function: Callable[..., Any], parameters: list[Parameter], database: Database) -> Any:
    arguments = {
        parameter.name: _BY_NAME.get(parameter.name, _BY_KIND.get(str(parameter.annotation)))
        for parameter in parameters
        if parameter.default is Parameter.empty
    }
    result = function(database, **arguments)
    return list(result) if isgenerator(result) else result


_METHODS: dict[str, Callable[[Database], Any]] = {
    "Ledger.settled": lambda database: Ledger(database).settled("MGC"),
    "Ledger.revisions": lambda database: Ledger(database).revisions("MGC"),
    "Ledger.head": lambda database: Ledger(database).head(),
    "Ledger.has": lambda database: Ledger(database).has(GENESIS),
    "Ledger.verify_chain": lambda database: Ledger(database).verify_chain(),
    "Ledger.verify": lambda database: Ledger(database).verify(),
    "ModelStore.versions": lambda database: ModelStore(database, Path()).versions(),
    "ModelStore.history": lambda database: ModelStore(database, Path()).history("MGC", "champion"),
    "ModelStore.current": lambda database: ModelStore(database, Path()).current("MGC", "champion"),
    "TuningJournal.read_logs": lambda database: TuningJournal(database).read_logs(0),
}
"""Reads that are methods; the other reads of :class:`ModelStore` consist of these."""

READS = {**_reads(), **_METHODS}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Yield a database whose write lock another process holds."""
    path = tmp_path_factory.mktemp("held") / "orbcast.sqlite"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(opening, "BUSY_MILLISECONDS", 50)
        database = open_database(f"sqlite:///{path}")
        holder = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield database
        holder.communicate()
        database.close()


def test_the_reads_are_found() -> None:
    assert {"registry.rollout.rollout_records", "registry.studies.trials.count_trials"} < set(
        READS
    )
    assert "registry.studies.trials.record_trial" not in READS


def test_a_writer_waits_and_gives_up(held: Database) -> None:
    trial = TrialRecord(
        market="MGC",
        study="by hand",
        recipe="small",
        recipe_hash="h",
        values={},
        score=None,
        state="begun",
        at=AT,
    )
    with pytest.raises(BusyDatabaseError, match="try again"):
        record_trial(held, trial)


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_a_read_waits_for_no_writer(held: Database, read: Callable[[Database], Any]) -> None:
    read(held)
