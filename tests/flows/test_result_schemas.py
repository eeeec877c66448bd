"""The results of runs match the JSON Schemas in the docs exactly."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import jsonschema
import pytest

from deployments.cli.terminal import json_text
from deployments.result_schemas import FOLDER, schemas
from flows.audit import audit
from flows.check_drift import check_drift
from flows.explain import explain
from flows.log_outcomes import log_outcomes
from flows.nightly_retrain import nightly_retrain
from flows.replay import replay
from flows.shadow_predict import shadow_predict
from flows.walk_forward import walk_forward
from registry.ledger.entries import fields_of
from tasks.settings import current_settings
from tasks.training.retrain.artifact import Retrained

SCHEMAS = {name: json.loads(text) for name, text in schemas().items()}
THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)


def check(name: str, result: object) -> Any:
    """Return a result's JSON, validated by its schema; unknown fields are refused."""
    values = json.loads(json_text(result))
    jsonschema.validate(values, closed(SCHEMAS[name]))
    return values


def closed(schema: Any) -> Any:
    """Return the schema with only its named fields allowed."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    own = {name: closed(part) for name, part in schema.items()}
    if "properties" in schema:
        own["additionalProperties"] = False
    return own


def test_the_files_are_those_of_the_types_as_they_are() -> None:
    written = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert written == schemas(), "write them anew: python -m deployments.result_schemas"


@pytest.mark.usefixtures("own", "prefect_server")
def test_runs_return_what_their_schemas_say() -> None:
    slot = check("shadow-predict", shadow_predict("mgc", "0900", as_of=THURSDAY_0905))
    assert slot["entries"][0]["status"] == "predicted"
    replayed = check("replay", replay("mgc", date(2024, 11, 20), date(2024, 11, 20)))
    assert replayed["slots"] == 6
    explained = check("explain", explain("mgc", date(2024, 11, 21), "0900"))
    assert explained["answers"][0]["gates"]
    logged = check("log-outcomes", log_outcomes("mgc", as_of=THURSDAY_0905))
    assert logged["rollout"] is None
    audited = check("audit", audit("mgc", date(2024, 11, 20), date(2024, 11, 21)))
    assert audited["lookahead"]["clean"]
    assert check("check-drift", check_drift("mgc", mode="replay"))["detected"] is False
    assert check("nightly-retrain", Retrained(verdict="later", symbol="MGC", skipped=True))
    ledger = current_settings().ledger()
    for row in ledger.settled("MGC"):
        check("ledger-outputs", fields_of(row.prediction)["outputs"])


@pytest.mark.usefixtures("own", "prefect_server")
def test_a_retrain_and_a_study_return_what_their_schemas_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    monkeypatch.setattr("ml_core.learning.folds.MIN_TRAINING_DAYS", 140)
    assert check("nightly-retrain", nightly_retrain("mgc", "baseline", refresh=False))["rows"] > 0
    study = walk_forward("mgc", "baseline", from_day=date(2024, 11, 1))
    assert check("walk-forward", study)["evaluation"]["summary"]["rows"] > 0
