"""The JSON Schemas of what runs return, which docs/schemas holds for whoever reads that JSON.

    python -m deployments.result_schemas

writes them anew after one of the types was changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ml_core.decision.entry import Outputs
from ml_core.health.drift import ColumnShift
from ml_core.learning.predictions.prediction import NoveltyScore, Prediction
from tasks.data.feed import FeedCheck
from tasks.data.intake import RefreshResult
from tasks.health.audit_artifact import AuditResult
from tasks.health.drift_artifact import DriftResult
from tasks.health.outcomes_artifact import OutcomesResult
from tasks.prediction.explanation import ExplainedSlot
from tasks.prediction.predict import SlotResult
from tasks.prediction.replay import Replay
from tasks.rollout.approval import ApprovalResult
from tasks.runs.recovery_artifact import Recovery
from tasks.training.retrain.artifact import Retrained
from tasks.training.study_report import StudyResult
from tasks.training.tuning_artifact import TuneResult

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"

RESULTS: dict[str, type[Any]] = {
    "refresh-data": RefreshResult,
    "shadow-predict": SlotResult,
    "log-outcomes": OutcomesResult,
    "replay": Replay,
    "explain": ExplainedSlot,
    "nightly-retrain": Retrained,
    "check-drift": DriftResult,
    "audit": AuditResult,
    "promote": ApprovalResult,
    "step-up": ApprovalResult,
    "walk-forward": StudyResult,
    "tune": TuneResult,
    "recover": Recovery,
    "watch-feed": FeedCheck,
}
"""What each flow returns, by its name."""


def schemas() -> dict[str, str]:
    """Return the text of each JSON Schema by its file's name, without the ending."""
    made = {name: _schema(kind) for name, kind in RESULTS.items()}
    # a ledger row's outputs: the prediction's values among its own
    outputs, prediction = _schema(Outputs), _schema(Prediction)
    own = {name: value for name, value in outputs["properties"].items() if name != "prediction"}
    made["ledger-outputs"] = {
        **outputs,
        "$defs": prediction["$defs"],
        "properties": {**prediction["properties"], **own},
        "required": [],
    }
    return {
        name: json.dumps(schema, indent=1, sort_keys=True) + "\n" for name, schema in made.items()
    }


_CONCLUDED = {kind.__name__: kind for kind in (DriftResult, ColumnShift, NoveltyScore)}
"""Types whose JSON has more than their fields: what follows from them, yes or no each."""


def _schema(kind: type[Any]) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    for part in (schema, *schema.get("$defs", {}).values()):
        concluded = _CONCLUDED.get(part.get("title", ""))
        for name in concluded.json_properties if concluded else ():
            words = getattr(concluded, name).__doc__
            part["properties"][name] = {"type": "boolean", "description": words}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
