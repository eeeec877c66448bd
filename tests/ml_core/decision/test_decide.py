"""The decision policy of a slot, rule by rule: without database, lake and model files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ml_core.decision import abstain, mark
from ml_core.decision.abstain import RULES, Abstention, abstention
from ml_core.decision.context import RoleVersion, SlotContext
from ml_core.decision.decide import abstained, decide
from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.learning.predictions.novelty import LOOKBACK_SLOTS
from ml_core.learning.predictions.prediction import NoveltyScore, Prediction
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc
from tests.predictions import LIKE, NOVEL, predicted

T0 = datetime(2024, 11, 19, 23, 5, tzinfo=UTC)
MARKET = mgc()
SLOT = Slot(symbol="MGC", trading_day=date(2024, 11, 20), opening_range="0900", decision=T0)


def context(seconds: float = 3.0, **values: Any) -> SlotContext:
    defaults: dict[str, Any] = {
        "market": MARKET,
        "market_hash": "m" * 64,
        "slot": SLOT,
        "mode": "live",
        "made_at": T0 + timedelta(seconds=seconds),
        "late_after": timedelta(seconds=120),
        "missed_after": timedelta(minutes=60),
        "versions": (version(),),
        "bars": SimpleNamespace(minute=[7]),
    }
    return SlotContext(**{**defaults, **values})


def version(name: str = "v-1", **values: Any) -> RoleVersion:
    usual: dict[str, Any] = {
        "role": "champion",
        "model": "residual",
        "version": name,
        "recipe_hash": "r" * 64,
        "kind": "residual",
        "folder": Path(),
        "sums_hash": "s" * 64,
        "label": "label-of-" + name,
    }
    return RoleVersion(**{**usual, **values})


def entry_of(prediction: Prediction | None = None, **values: Any) -> PredictionEntry:
    entry = abstained(context(), version(), Abstention("to be replaced"))
    usual: dict[str, Any] = {
        "status": "predicted",
        "reason": None,
        "p_up": 0.6,
        "baseline_p_up": 0.55,
        "recommendation": "long",
        "expected_net_r": 0.1,
        "outputs": Outputs(prediction=prediction or predicted()),
    }
    return replace(entry, **{**usual, **values})


def none_left(_without: Mapping[str, str]) -> None:
    return None


ALL_WRONG = version(other_market="of another", expired="too old", damaged="a", unreadable="b")
AWAITED = {"awaited": True}


@pytest.mark.parametrize(
    ("given", "against", "why"),
    [
        # each line has one fault fewer than the line before: the first rule that applies counts
        (context(3601, stage="off", **AWAITED), ALL_WRONG, ("missed", None)),
        (context(3600, stage="off", **AWAITED), ALL_WRONG, ("off", None)),
        (context(**AWAITED), ALL_WRONG, ("market_changed", "of another")),
        (context(**AWAITED), replace(ALL_WRONG, other_market=None), ("model_expired", "too old")),
        (
            context(**AWAITED),
            replace(ALL_WRONG, other_market=None, expired=None),
            ("model_unusable", "a"),
        ),
        (
            context(**AWAITED),
            version(unreadable="b"),
            ("stale_data", "the bars up to the last minute of the window did not arrive in time"),
        ),
        (context(), version(unreadable="b"), ("model_unusable", "b")),
        # a replay is never missed, and no stage silences it
        (context(86400, stage="off", mode="replay"), version(expired="x"), ("model_expired", "x")),
        (context(86400, mode="replay", **AWAITED), version(), ("stale_data", abstain._BEHIND)),
    ],
)
def test_the_first_rule_that_holds_is_the_reason(
    given: SlotContext, against: RoleVersion, why: tuple[str, str | None]
) -> None:
    assert abstention(given, against) == Abstention(*why)
    entry, *_ = decide(replace(given, versions=(against,)), none_left)
    assert (entry.status, entry.reason) == ("abstained", why[0])
    assert entry.outputs == Outputs(detail=why[1])
    assert entry.outputs.to_json() == ({"detail": why[1]} if why[1] else {})
    assert (entry.version, entry.label) == ("v-1", "label-of-v-1")


@pytest.mark.parametrize("given", [context(), context(86400, mode="replay", stage="off")])
def test_no_rule_holds_of_a_sound_version_with_its_bars_in_time(given: SlotContext) -> None:
    assert [rule.__name__ for rule in RULES if rule(given, version())] == []


@pytest.mark.parametrize("given", [context(), context(3601), context(stage="off")])
def test_without_any_version_the_reason_is_that_there_is_none(given: SlotContext) -> None:
    (entry,) = decide(replace(given, versions=(), breaker="open"), none_left)
    assert (entry.role, entry.reason, entry.version) == ("champion", "no_model", None)
    assert entry.label == LabelSpec().key
    assert entry.outputs == Outputs()


@pytest.mark.parametrize(
    ("seconds", "mode", "late"),
    [(120, "live", False), (120.001, "live", True), (86400, "replay", False)],
)
def test_only_a_live_entry_over_its_budget_is_late(seconds: float, mode: Any, late: bool) -> None:
    (entry,) = decide(context(seconds, mode=mode, awaited=True), none_left)
    assert entry.late is late


def test_every_version_has_its_own_entry() -> None:
    versions = (version(expired="x"), version("v-2", role="challenger", other_market="y"))
    entries = decide(context(versions=versions), none_left)
    assert [(entry.role, entry.version, entry.reason) for entry in entries] == [
        ("champion", "v-1", "model_expired"),
        ("challenger", "v-2", "market_changed"),
    ]


@pytest.mark.parametrize(
    ("score", "kind", "before", "reason", "too_many"),
    [
        (NOVEL, "residual", [], "novel_input", False),
        (NOVEL, "residual", [True] * 5 + [False] * 55, "novel_input", False),
        (NOVEL, "residual", [True] * 6 + [False] * 54, None, True),
        (NOVEL, "residual", [True] * 6 + [False] * LOOKBACK_SLOTS, "novel_input", False),
        (NOVEL, "baseline", [], None, False),
        (LIKE, "residual", [], None, False),
        (None, "residual", [], None, False),
    ],
)
def test_a_novel_row_is_silenced_unless_too_many_were(
    score: NoveltyScore | None, kind: str, before: list[bool], reason: str | None, too_many: bool
) -> None:
    entry = entry_of(predicted(novelty=score))
    given = context(silenced={"champion": tuple(before), "challenger": (True,) * LOOKBACK_SLOTS})
    marked = mark.novelty(given, version(kind=kind), entry)
    assert marked.reason == reason
    assert (marked.p_up is None) == (reason is not None)
    assert (marked.status == "abstained") == (reason is not None)
    kept = marked.outputs.prediction
    assert kept is not None
    assert kept.novelty == (score and replace(score, too_many_silenced=too_many))


@pytest.mark.parametrize(
    ("entry", "breaker", "recommends", "held"),
    [
        (entry_of(), "closed", "long", False),
        (entry_of(), "open", "skip", True),
        (entry_of(), "half_open", "skip", True),
        (entry_of(status="abstained", reason="stale_data"), "open", None, True),
        (entry_of(reason="missed", recommendation=None), "open", None, False),
        (entry_of(reason="off", recommendation=None), "open", None, False),
    ],
)
def test_while_the_breaker_is_not_closed_nothing_is_recommended(
    entry: PredictionEntry, breaker: str, recommends: str | None, held: bool
) -> None:
    given = context(breaker=breaker, breaker_cause="drawdown")
    marked = mark.held_back(given, version(), entry)
    assert marked.recommendation == recommends
    marks = {"breaker": breaker, "breaker_cause": "drawdown"} if held else {}
    assert marked.outputs == replace(entry.outputs, **marks)
    assert marked.outputs.to_json() == {**entry.outputs.to_json(), **marks}


def fallbacks(*versions: RoleVersion) -> tuple[Any, list[dict[str, str]]]:
    """Return a function that offers these versions in turn, and the list of its arguments."""
    requests: list[dict[str, str]] = []

    def fallback(without: Mapping[str, str]) -> RoleVersion | None:
        requests.append(dict(without))
        return versions[len(requests) - 1] if len(requests) <= len(versions) else None

    return fallback, requests


@pytest.mark.parametrize(
    ("offered", "serves", "reason"),
    [
        ([], "v-1", "model_unusable"),
        ([version("v-0", unreadable="c")], "v-1", "model_unusable"),
        ([version("v-0", expired="too old")], "v-1", "model_unusable"),
        ([version("v-0", other_market="of another")], "v-1", "model_unusable"),
    ],
)
def test_a_champion_that_fails_stays_where_no_other_can_predict(
    offered: list[RoleVersion], serves: str, reason: str
) -> None:
    fallback, requests = fallbacks(*offered)
    entry, *_ = decide(context(versions=(version(unreadable="b"),)), fallback)
    assert (entry.version, entry.reason, entry.outputs) == (serves, reason, Outputs(detail="b"))
    assert requests[0] == {"v-1": "b"}


def test_a_champion_that_cannot_be_read_is_replaced_by_the_next_that_predicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ml_core.decision.decide.ask", lambda *_: (ROW, ANSWER))
    predictor: Any = SimpleNamespace(bundle=SimpleNamespace(trained={"last_day": "2024-11-19"}))
    second = version("v-0", unreadable="c")
    third = version("b-1", predictor=predictor, fallback="champion v-1 is not usable: b")
    fallback, requests = fallbacks(second, third)
    given = context(versions=(version(unreadable="b"),), code="c" * 64)
    (entry,) = decide(given, fallback)
    assert (entry.status, entry.version, entry.p_up) == ("predicted", "b-1", 0.6)
    assert entry.outputs.fallback == "champion v-1 is not usable: b"
    assert entry.outputs.last_bar_minute == 7
    assert entry.outputs.after_training is True
    assert entry.features == {"close_position": 0.5, "missing": None}
    assert requests == [{"v-1": "b"}, {"v-1": "b", "v-0": "c"}]


def test_a_challenger_that_fails_is_not_replaced() -> None:
    fallback, requests = fallbacks(version("b-1"))
    versions = (version(expired="x"), version("v-2", role="challenger", unreadable="b"))
    entries = decide(context(versions=versions), fallback)
    assert [entry.reason for entry in entries] == ["model_expired", "model_unusable"]
    assert requests == []


ROW: Any = SimpleNamespace(
    feature_names=("close_position", "missing"),
    features=[SimpleNamespace(tolist=lambda: [0.5, float("nan")])],
)
ANSWER = predicted(model="baseline", version="b-1", recommendation="skip")
