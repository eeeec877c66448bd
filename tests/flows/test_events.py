"""Each event is emitted once, by its cause, and is read back from the real server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.log_outcomes import log_outcomes
from flows.nightly_retrain import nightly_retrain
from flows.shadow_predict import shadow_predict
from monitoring.rollout.stage import Position
from registry.strategy import order_intents
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.notices import events
from tasks.notices.events import EVENTS, BreakerOpened, emit
from tasks.prediction import slot_context
from tasks.settings import current_settings
from tests.live_days import set_clock
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("prefect_server")

SLOT = {"market": "mgc", "trading_day": "2024-11-21", "opening_range": "0900"}
DECIDED = datetime(2024, 11, 20, 23, 5, 3, tzinfo=UTC)
"""Three seconds after that slot's range closed."""

Emitted = Callable[[], list[dict[str, Any]]]
SetClock = Callable[[datetime], None]


def stored(**wanted: Any) -> list[dict[str, Any]]:
    """Return the server's events, oldest first."""
    query = {"filter": {**wanted, "order": "ASC"}}
    with get_client(sync_client=True) as client:
        page = client.request("POST", "/events/filter", json=query).json()
        stored_events: list[dict[str, Any]] = page["events"]
        while page["next_page"]:
            page = client.request("GET", page["next_page"]).json()
            stored_events += page["events"]
    return stored_events


@pytest.fixture
def emitted() -> Emitted:
    """Return a function for Orbcast's events of this test so far, as the server has them."""
    begun = datetime.now(UTC).isoformat()
    return lambda: up_to_now(occurred={"since": begun})


def up_to_now(**wanted: Any) -> list[dict[str, Any]]:
    """Return Orbcast's events, once the server has stored one that was emitted last."""
    mark = f"test.mark.{uuid4()}"
    emit_event(mark, resource={"prefect.resource.id": "test"})
    wait_until(lambda: stored(event={"name": [mark]}))
    return stored(event={"prefix": ["orbcast."]}, **wanted)


def one(received: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the payload of the only event with a name, which must concern the market."""
    (event,) = [candidate for candidate in received if candidate["event"] == name]
    assert event["resource"]["prefect.resource.id"] == "orbcast.market.mgc"
    payload: dict[str, Any] = event["payload"]
    return payload


def payloads(received: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in received if event["event"] == name]


def names(received: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(event["event"] for event in received))


@pytest.fixture
def set_time(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Return what sets the clock of a trained home whose bars another program imports."""
    (own / "sources.toml").unlink()

    def until(moment: datetime) -> None:
        set_clock(monkeypatch, tmp_path / "clock", moment)

    return until


def test_a_prediction_is_announced_once_and_a_replay_never(
    set_time: SetClock, emitted: Emitted
) -> None:
    set_time(DECIDED)
    shadow_predict("mgc", "0900", as_of=DECIDED)
    assert emitted() == []
    champion = shadow_predict("mgc", "0900").entries[0]
    shadow_predict("mgc", "0900")
    received = emitted()
    assert names(received) == {"orbcast.prediction.made": 1}
    same = ("version", "late", "p_up", "baseline_p_up", "recommendation", "expected_net_r")
    made = one(received, "orbcast.prediction.made")
    made_at = datetime.fromisoformat(made.pop("made_at"))
    assert timedelta(0) <= made_at - DECIDED < timedelta(minutes=2)
    assert made == {**SLOT, **{name: getattr(champion, name) for name in same}}


def test_outcomes_missed_slots_and_an_open_breaker_are_announced_once(
    set_time: SetClock, emitted: Emitted
) -> None:
    set_time(DECIDED)
    shadow_predict("mgc", "0900")
    set_time(datetime(2024, 11, 21, 13, 30, tzinfo=UTC))
    counted = log_outcomes("mgc")
    log_outcomes("mgc")
    received = emitted()
    assert names(received) == {
        "orbcast.prediction.made": 1,
        "orbcast.slot.missed": 3,  # 1000, 1100 and 1800; an hour after 2300 it is not missed yet
        "orbcast.outcome.settled": 4,
        "orbcast.breaker.opened": 1,
    }
    missed = payloads(received, "orbcast.slot.missed")
    assert missed[0] == {
        **SLOT,
        "opening_range": "1000",
        "decision_time": "2024-11-21T00:05:00+00:00",
    }
    settled = payloads(received, "orbcast.outcome.settled")
    assert [payload["opening_range"] for payload in settled] == ["0900", "1000", "1100", "1800"]
    row = current_settings().ledger().settled("MGC", first=date(2024, 11, 21), mode="live")[0]
    assert row.outcome is not None
    assert settled[0] == {
        **SLOT,
        "label": row.prediction.label,
        "direction": row.outcome.direction,
        "outcome": row.outcome.outcome,
        "r_gross": row.outcome.r_gross,
        "r_net": row.outcome.r_net,
        "resolved_at": row.outcome.resolved_at.isoformat(),
        "revised": False,
    }
    opened = {name: getattr(counted.breaker, name) for name in ("cause", "detail")}
    assert one(received, "orbcast.breaker.opened") == {"market": "mgc", **opened, "by": "orbcast"}


def test_what_a_person_changes_is_announced_once(own: Path, emitted: Emitted) -> None:
    del own
    models = current_settings().models()
    champion, challenger = (
        models.find("MGC", alias).version for alias in ("champion", "challenger")
    )
    signed = ["--by", "ana", "--reason", "because"]
    for command in (
        ["breaker", "open"],
        ["breaker", "open"],
        ["breaker", "reset"],
        ["models", "promote", "challenger", "--override"],
        ["models", "promote", "challenger", "--override"],
        ["models", "rollback"],
        ["rollout", "step-down", "--to", "off"],
        ["rollout", "step-up", "--to", "shadow"],
    ):
        ran = CliRunner().invoke(app, [*command, *signed])
        assert ran.exit_code == 0, ran.output
    by_ana = {"market": "mgc", "by": "ana"}
    why = {**by_ana, "reason": "because"}
    against = {**by_ana, "reason": "against the evidence: because"}
    assert [(event["event"], event["payload"]) for event in emitted()] == [
        ("orbcast.breaker.opened", {**by_ana, "cause": "by hand", "detail": "because"}),
        ("orbcast.breaker.closed", {**by_ana, "cause": "by hand", "detail": "because"}),
        ("orbcast.version.promoted", {**against, "version": challenger, "before": champion}),
        ("orbcast.version.promoted", {**why, "version": champion, "before": challenger}),
        (
            "orbcast.rollout.stepped",
            {**why, "direction": "down", "stage": "off", "before": "shadow"},
        ),
        (
            "orbcast.rollout.stepped",
            {**why, "direction": "up", "stage": "shadow", "before": "off"},
        ),
    ]


@pytest.mark.usefixtures("home")
@pytest.mark.slow
def test_a_retrain_announces_its_bars_its_versions_and_the_first_champion(
    simulated_database: Path, emitted: Emitted
) -> None:
    spec = SourceSpec(
        kind="duckdb", paths=(str(simulated_database),), columns={"contract": "contract"}
    )
    remember_source(current_settings().sources_file, "mgc", spec)
    nightly_retrain("mgc", to_day=date(2024, 6, 28))
    models = current_settings().models()
    received = emitted()
    registered = [
        event["payload"] for event in received if event["event"] == "orbcast.version.registered"
    ]
    for record in models.versions("MGC"):
        (payload,) = [
            candidate for candidate in registered if candidate["version"] == record.version
        ]
        assert payload == {
            "market": "mgc",
            "model": record.model,
            "version": record.version,
            "recipe_hash": record.recipe_hash,
            "data_fingerprint": record.data_fingerprint,
            "verdict": record.metrics["verdict"],
        }
    first = models.history("MGC", "champion")[0]
    promoted = payloads(received, "orbcast.version.promoted")
    assert {
        "market": "mgc",
        "version": first.version,
        "before": None,
        "by": "orbcast",
        "reason": first.reason,
    } in promoted
    refreshed = payloads(received, "orbcast.data.refreshed")
    assert {refresh["market"] for refresh in refreshed} == {"mgc"}


def test_an_order_intent_is_announced_once_and_only_where_it_was_written(
    set_time: SetClock, emitted: Emitted, monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    models = current_settings().models()
    set_time(DECIDED)
    at = datetime.now(UTC)
    models.set_alias(
        "MGC", "champion", models.find("MGC", "challenger").version, at=at, by="x", reason="x"
    )
    position = Position(stage="auto", bound_to="what was approved")
    monkeypatch.setattr(slot_context, "stage_of", lambda *_: ("auto", position))
    shadow_predict("mgc", "0900")
    shadow_predict("mgc", "0900")
    (own / "strategies").mkdir()
    (own / "strategies" / "other.toml").write_text('name = "other"\nmax_trades_per_day = 2\n')
    monkeypatch.setenv("ORBCAST_STRATEGY", "other")
    shadow_predict("mgc", "0900")
    (intent,) = order_intents(current_settings().database(), "MGC")
    assert one(emitted(), "orbcast.intent.written") == {
        **SLOT,
        "version": intent.version,
        "rules_hash": intent.rules_hash,
        "expires_at": intent.expires_at.isoformat(),
    }


def test_without_a_server_an_event_is_dropped_and_none_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("tasks.prefect_api.emit_event", lambda event, **_: sent.append(event))
    event = BreakerOpened(market="MGC", cause="x", detail="x", by="x")
    with temporary_settings({PREFECT_API_URL: None}):
        emit(event)
    assert sent == []
    emit(event)
    assert sent == ["orbcast.breaker.opened"]


def test_an_event_that_cannot_be_emitted_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def broken(event: str, **_: object) -> None:
        tried.append(event)
        raise RuntimeError

    monkeypatch.setattr("tasks.prefect_api.emit_event", broken)
    emit(BreakerOpened(market="MGC", cause="x", detail="x", by="x"))
    assert tried == ["orbcast.breaker.opened"]


def test_every_event_has_a_name_of_its_own_and_is_one_of_those_listed() -> None:
    assert len({event.name for event in EVENTS}) == len(EVENTS)
    held = vars(events).values()
    kinds = {one for one in held if isinstance(one, type) and issubclass(one, events.Event)}
    assert kinds - {events.Event} == set(EVENTS)
