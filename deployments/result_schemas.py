"""The JSON Schemas of flow results and of the outbox, which docs/schemas holds for readers.

    python -m deployments.result_schemas

writes them again after a change of one of the types.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from flows.for_each_market import EachMarket
from ml_core.decision.entry import Outputs
from ml_core.decision.plan_record import IntentEvent
from ml_core.health.drift import ColumnShift
from ml_core.learning.predictions.prediction import NoveltyScore, Prediction
from ml_core.strategy.order_intent import Order
from tasks.data.feed import FeedCheck
from tasks.data.intake import RefreshResult
from tasks.health.audit_artifact import AuditResult
from tasks.health.drift_artifact import DriftResult
from tasks.health.outcomes_artifact import OutcomesResult
from tasks.paper.books import PaperRun
from tasks.paper.statement import PaperStatement
from tasks.prediction.explanation.explain import ExplainedSlot
from tasks.prediction.outbox import Outgoing
from tasks.prediction.predict import SlotResult
from tasks.prediction.predict_together import PredictedTogether
from tasks.prediction.replay import Replay
from tasks.rollout.approval import ApprovalResult
from tasks.runs.recovery.artifact import Recovery
from tasks.training.retrain.artifact import Retrained
from tasks.training.study_report import StudyResult
from tasks.training.tuning.artifact import TuneResult

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
    "predict-together": PredictedTogether,
    "for-each-market": EachMarket,
}
"""Return type of each flow, by the flow's name."""


def schemas() -> dict[str, str]:
    """Return the text of each JSON Schema, by its file's name without the suffix."""
    made = {name: _schema(kind) for name, kind in RESULTS.items()}
    # a ledger row's outputs: the prediction's values and fields of its own
    outputs, prediction = _schema(Outputs), _schema(Prediction)
    own = {name: value for name, value in outputs["properties"].items() if name != "prediction"}
    made["ledger-outputs"] = {
        **outputs,
        "$defs": prediction["$defs"],
        "properties": {**prediction["properties"], **own},
        "required": [],
    }
    made |= _hand_off()
    return {
        name: json.dumps(schema, indent=1, sort_keys=True) + "\n" for name, schema in made.items()
    }


def _hand_off() -> dict[str, dict[str, Any]]:
    """Return the schemas of the outbox, and of the events that the paper account writes back."""
    intent, order = _schema(Outgoing), _schema(Order)
    at_entry, money = order["$defs"]["AtEntry"], order["$defs"].pop("MoneyLeft")
    del at_entry["properties"]["money"]  # its fields are inlined
    at_entry["properties"] |= money["properties"]
    at_entry["required"].remove("money")
    del intent["properties"]["order"]
    whole = {
        **intent,
        "$defs": order["$defs"],
        "properties": {**intent["properties"], **order["properties"]},
        "required": [
            *(name for name in intent["required"] if name != "order"),
            *_always(order),
        ],
    }
    event = _schema(IntentEvent)
    bare = {name: part for name, part in order.items() if name not in {"$schema", "$defs"}}
    nothing = {"type": "object", "properties": {}, "maxProperties": 0}
    ordered = {**bare, "required": _always(order)}
    event["properties"]["order"] = {"anyOf": [nothing, ordered]}
    return {
        "order-intent": whole,
        "intent-event": {**event, "$defs": order["$defs"]},
        "paper-run": _schema(PaperRun),
        "paper-statement": _schema(PaperStatement),
    }


def _always(order: dict[str, Any]) -> list[str]:
    """Return the names of the fields that every order has."""
    return [*order["required"], "size_is", "one_cancels_other"]


_CONCLUDED = {kind.__name__: kind for kind in (DriftResult, ColumnShift, NoveltyScore)}
"""Types whose JSON also has boolean properties derived from their fields."""


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
