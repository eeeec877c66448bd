"""Approval by a person: shown with evidence, kept over a restart, refused unless complete."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import Flow, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.input import read_flow_run_input
from prefect.settings import PREFECT_API_URL, PREFECT_RESULTS_LOCAL_STORAGE_PATH
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.promote import promote
from flows.step_up import step_up
from ml_core.evidence.promotion.evidence import Condition
from ml_core.evidence.promotion.rule import Decision
from ml_core.market.definition import MarketDefinition
from monitoring.gate import Gate
from registry.errors import UnknownVersionError
from registry.models import model_store
from registry.models.decisions import list_decisions
from registry.models.model_store import ModelStore
from registry.notices import notices
from registry.rollout import rollout_records
from registry.studies.evaluations import EvaluationRecord, record_evaluation
from tasks.rollout import approval, approved_promotion
from tasks.rollout import stage as rollout
from tasks.rollout.approval import (
    NoDeploymentError,
    Waiting,
    expire_approvals,
    send_answer,
    waiting,
)
from tasks.rollout.approved_promotion import ServesAlreadyError
from tasks.rollout.stage import GatesNotPassedError
from tasks.runs.code_hash import code_hash
from tasks.settings import current_settings, now

pytestmark = pytest.mark.usefixtures("prefect_server", "own")

ANA: dict[str, Any] = {"approve": True, "by": "ana", "reason": "read the study"}


def ask(flow: Flow[..., Any], **parameters: Any) -> Waiting:
    """Start a run of a deployment, let it suspend itself, and return the waiting run."""
    with get_client(sync_client=True) as client:
        made = client.create_flow(flow)
        deployment = client.create_deployment(flow_id=made, name="mgc")
        run = client.create_flow_run_from_deployment(
            deployment, parameters={"market": "mgc", **parameters}
        )
    with pytest.raises(Pause):
        run_flow(flow, flow_run=run)
    return waits(run.id)


def waits(run: UUID) -> Waiting:
    (suspended,) = [candidate for candidate in waiting() if candidate.run == run]
    return suspended


def state_of(run: UUID) -> State[Any]:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    assert state is not None
    return state


def go_on(run: UUID, flow: Flow[..., Any] = promote) -> approval.ApprovalResult:
    """Run the flow from the top, as a new process does after the answer."""
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(run)
    result: approval.ApprovalResult = run_flow(flow, flow_run=flow_run)  # type: ignore[assignment]
    assert state_of(run).is_completed()
    assert state_of(run).message == result.verdict
    return result


def champion() -> str:
    return current_settings().models().find("MGC", "champion").version


def challenger() -> str:
    return current_settings().models().find("MGC", "challenger").version


def rows() -> list[dict[str, Any]]:
    return [
        {"verdict": decision.verdict, **decision.evidence}
        for decision in list_decisions(current_settings().database(), "MGC")
        if decision.kind == "approval"
    ]


@pytest.fixture
def promotion_rule(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the promotion rule pass, with one condition in a given state."""

    def let_condition_be(status: Any) -> None:
        condition = Condition(name="brier", status=status, words="-0.01")
        decision = Decision(
            promote=status == "holds",
            trading_claim=False,
            verdict="residual passes the promotion rule.",
            conditions=(condition,),
            trading=Condition(name="net R", status="fails", words="-0.1 R"),
        )
        monkeypatch.setattr(approved_promotion, "apply_promotion_rule", lambda *_: decision)

    let_condition_be("holds")
    return let_condition_be


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A champion whose recipe has a study, and gates in a given state."""
    settings = current_settings()
    serving = settings.models().find("MGC", "champion")

    def study(name: str, *, passed: bool = True) -> None:
        record = EvaluationRecord(
            market="MGC",
            recipe=serving.model,
            recipe_hash=serving.recipe_hash,
            study_hash=name,
            settings={"counts": True, "code": code_hash()},
            data_fingerprint="d",
            market_hash=MarketDefinition.of(settings.market("mgc")).hash,
            verdict="studied",
            figures={},
            files={},
            at=now(),
        )
        record_evaluation(settings.database(), record, settings.recipe("baseline"))
        gate = Gate(name="trades", passed=passed, words="620", change="" if passed else "9 more")
        monkeypatch.setattr(rollout, "gates", lambda *_: (gate,))

    study("one")
    return study


def test_the_evidence_is_in_front_of_the_person_and_an_empty_answer_refuses() -> None:
    before = champion()
    suspended = ask(promote)
    description = read_flow_run_input("suspended-approval-description", suspended.run)
    assert isinstance(description, str)
    for words in ("better than corridor", "does not pass the promotion rule", "unknown", "UTC"):
        assert words in description
    form = read_flow_run_input("suspended-approval-schema", suspended.run)
    assert isinstance(form, dict)
    assert set(form["properties"]) == {"approve", "by", "reason", "against_the_evidence"}
    assert form["properties"]["approve"]["default"] is False
    key = f"approval-mgc-promotion-{challenger()}"
    with get_client(sync_client=True) as client:
        (artifact,) = [
            candidate for candidate in client.read_latest_artifacts() if candidate.key == key
        ]
    assert "Waits for a person" in str(artifact.data)
    assert send_answer(suspended, {}) is None
    result = go_on(suspended.run)
    assert result.verdict.endswith("refused: it was not approved")
    assert champion() == before
    assert [row["approved"] for row in rows()] == [False]
    subjects = [record.notice.subject for record in notices(current_settings().database())]
    assert any("An approval is requested" in subject for subject in subjects)


@pytest.mark.usefixtures("promotion_rule")
def test_an_approval_makes_it_champion_with_who_and_why_once_however_often_it_runs() -> None:
    suspended = ask(promote)
    assert send_answer(suspended, ANA) is None
    result = go_on(suspended.run)
    assert (result.approved, result.done, result.by) == (True, True, "ana")
    assert champion() == challenger()
    change = current_settings().models().history("MGC", "champion")[-1]
    assert (change.by, change.reason) == ("ana", "read the study")
    (row,) = rows()
    assert (row["by"], row["reason"], row["done"]) == ("ana", "read the study", True)
    assert row["bound_to"] == suspended.request.bound_to
    again = approved_promotion.act_on_promotion.fn(
        approval.AnsweredRequest(run=str(suspended.run), request=suspended.request, answer=None),  # type: ignore[arg-type]
        now(),
    )
    assert again == result
    assert len(rows()) == 1
    history = CliRunner().invoke(app, ["models", "history"]).stdout
    assert "by ana" in history
    assert "brier holds: -0.01" in history


@pytest.mark.usefixtures("promotion_rule")
def test_a_run_killed_between_the_change_and_its_record_finds_the_change_made() -> None:
    suspended = ask(promote)
    current_settings().models().set_alias(
        "MGC", "champion", challenger(), at=now(), by="ana", reason="read the study"
    )
    assert send_answer(suspended, ANA) is None
    assert go_on(suspended.run).done
    assert len(current_settings().models().history("MGC", "champion")) == 2


def test_an_approval_without_why_and_one_without_against_the_evidence_are_refused() -> None:
    before = champion()
    suspended = ask(promote)
    assert "not of type 'boolean'" in str(send_answer(suspended, {"approve": "yes"}))
    assert "unexpected" in str(send_answer(suspended, {**ANA, "champion": "me"})).lower()
    assert send_answer(suspended, {**ANA, "reason": ""}) is None
    assert "without a reason" in go_on(suspended.run).verdict
    suspended = ask(promote)
    assert send_answer(suspended, ANA) is None
    assert "does not override it" in go_on(suspended.run).verdict
    assert champion() == before


def test_an_approval_of_what_has_changed_since_is_refused(
    promotion_rule: Callable[[str], None],
) -> None:
    before = champion()
    suspended = ask(promote)
    assert send_answer(suspended, ANA) is None
    promotion_rule("fails")
    verdict = go_on(suspended.run).verdict
    assert "has changed since: brier was holds, is fails; request it again" in verdict
    promotion_rule("holds")
    suspended = ask(promote)
    weights = next(current_settings().models().find("MGC", "challenger").folder.glob("*.txt"))
    weights.write_text(weights.read_text() + "\n")
    assert send_answer(suspended, ANA) is None
    assert "is damaged" in go_on(suspended.run).verdict
    assert champion() == before


@pytest.mark.usefixtures("promotion_rule")
@pytest.mark.parametrize(("recipe", "counts"), [("", True), ("another", False)])
def test_a_refit_of_the_champion_overnight_voids_no_approval_and_another_recipe_does(
    monkeypatch: pytest.MonkeyPatch, recipe: str, counts: bool
) -> None:
    suspended = ask(promote)
    assert send_answer(suspended, ANA) is None
    before = current_settings().models().find("MGC", "champion")
    night = replace(before, version="of-the-night", recipe_hash=recipe or before.recipe_hash)
    find = ModelStore.find

    def serving(read: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *query: tuple(
            replace(row, version=night.version) if row.version == before.version else row
            for row in read(*query)
        )

    def find_by_alias(store: ModelStore, market: str, ref: str) -> Any:
        return night if ref == night.version else find(store, market, ref)

    for read in ("read_records", "records_in"):
        monkeypatch.setattr(model_store, read, serving(getattr(model_store, read)))
    monkeypatch.setattr(ModelStore, "find", find_by_alias)
    result = go_on(suspended.run)
    assert result.done == counts
    if not counts:
        assert "champion was" in result.verdict


def test_what_nobody_answers_ends_completed_and_refused_once() -> None:
    before = champion()
    suspended = ask(promote)
    settings, until = current_settings(), suspended.request.until
    assert until - suspended.request.asked_at == timedelta(hours=24)
    assert str(suspended.run) not in expire_approvals(settings, until - timedelta(seconds=1))
    assert str(suspended.run) in expire_approvals(settings, until)
    assert str(suspended.run) not in expire_approvals(settings, until)
    verdict = go_on(suspended.run).verdict
    assert verdict.endswith(f"refused: nobody answered by {until:%Y-%m-%d %H:%M} UTC")
    assert champion() == before
    assert state_of(suspended.run).is_completed()


def test_an_approval_after_the_deadline_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_APPROVAL_HOURS", "0.00000001")
    suspended = ask(promote)
    assert send_answer(suspended, {**ANA, "against_the_evidence": True}) is None
    assert "approved it after the deadline" in go_on(suspended.run).verdict


def test_nothing_of_a_run_that_waits_is_pickled() -> None:
    storage = Path(PREFECT_RESULTS_LOCAL_STORAGE_PATH.value())
    before = set(storage.rglob("*"))
    suspended = ask(promote)
    assert send_answer(suspended, {}) is None
    go_on(suspended.run)
    assert set(storage.rglob("*")) == before
    assert state_of(suspended.run).data is None


def test_a_run_killed_before_it_left_its_form_can_be_answered_all_the_same() -> None:
    suspended = ask(promote)
    with get_client(sync_client=True) as client:
        for key in ("schema", "description"):
            client.delete_flow_run_input(suspended.run, f"suspended-approval-{key}")
    assert send_answer(suspended, {"approve": False, "by": "ana", "reason": "no"}) is None
    assert "refused: by ana: no" in go_on(suspended.run).verdict


@pytest.mark.parametrize("version", ["champion", "nothing"])
def test_no_approval_is_requested_of_what_cannot_be_approved(version: str) -> None:
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(flow_id=client.create_flow(promote), name="mgc")
        run = client.create_flow_run_from_deployment(deployment, parameters={"version": version})
    with pytest.raises((ServesAlreadyError, UnknownVersionError)):
        run_flow(promote, flow_run=run)
    assert state_of(run.id).is_failed()


def test_a_run_of_no_deployment_says_what_to_do_instead() -> None:
    with pytest.raises(NoDeploymentError, match="orbcast models promote"):
        promote("mgc")


def test_a_step_is_approved_and_taken_in_one_go(studied: Callable[..., None]) -> None:
    del studied
    suspended = ask(step_up, stage="advisory")
    form = read_flow_run_input("suspended-approval-schema", suspended.run)
    assert isinstance(form, dict)
    assert "against_the_evidence" not in form["properties"]
    assert send_answer(suspended, ANA) is None
    result = go_on(suspended.run, step_up)
    assert (result.approved, result.done) == (True, True)
    events = rollout_records(current_settings().database(), "MGC")
    assert [(event.kind, event.by, event.reason) for event in events] == [
        ("approved", "ana", "read the study"),
        ("up", "ana", "read the study"),
    ]
    assert rollout.stage_of(current_settings(), "MGC", now())[0] == "advisory"


def test_an_approval_opens_no_gate(studied: Callable[..., None]) -> None:
    studied("one", passed=False)
    suspended = ask(step_up)
    assert "1 of 1 gates are not passed (trades)" in suspended.request.verdict
    assert send_answer(suspended, ANA) is None
    result = go_on(suspended.run, step_up)
    assert (result.approved, result.done) == (True, False)
    assert "no step yet: MGC does not step up to advisory: trades: 9 more" in result.verdict
    assert [record.kind for record in rollout_records(current_settings().database(), "MGC")] == [
        "approved"
    ]


def test_a_step_of_another_study_than_was_shown_is_refused(studied: Callable[..., None]) -> None:
    suspended = ask(step_up)
    studied("two")
    assert send_answer(suspended, ANA) is None
    result = go_on(suspended.run, step_up)
    assert "model, data and study was" in result.verdict
    assert not result.approved
    assert rollout_records(current_settings().database(), "MGC") == ()
    assert [row["approved"] for row in rows()] == [False]


def test_no_approval_is_requested_of_a_step_that_is_not_the_next_one() -> None:
    with pytest.raises(GatesNotPassedError, match="not the stage below"):
        step_up_request("auto")
    with pytest.raises(GatesNotPassedError, match="has a study"):
        step_up_request("advisory")


def step_up_request(stage: Any) -> None:
    from tasks.rollout.approved_step import step_request  # noqa: PLC0415 - one use

    step_request.fn("mgc", stage, now())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`orbcast approve` against the test server, with a runner that resumes answered runs."""

    def session(settings: Any, level: str) -> contextlib.AbstractContextManager[str]:
        del settings, level
        return contextlib.nullcontext("the test server")

    def sent(waits: Waiting, answer: dict[str, Any]) -> str | None:
        fault = send_answer(waits, answer)
        if fault is None:
            go_on(waits.run)
        return fault

    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    monkeypatch.setattr("deployments.serving.prefect_server.session.prefect_session", session)
    monkeypatch.setattr(approval, "send_answer", sent)

    def cli(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, ["approve", *arguments])
        assert result.exit_code == status, result.output
        return " ".join((result.stderr if status else result.stdout).split())

    return cli


def test_what_waits_is_listed_shown_and_answered_in_the_terminal(
    terminal: Callable[..., str],
) -> None:
    suspended = ask(promote)
    short = str(suspended.run)[:8]
    listed = {entry["run"]: entry for entry in json.loads(terminal("--json"))}
    assert listed[str(suspended.run)]["version"] == challenger()
    assert short in terminal()
    printed = terminal(short)
    assert "better than corridor" in printed
    assert "--against-the-evidence" in printed
    assert "needs a reason" in terminal(short, "--by", "ana", status=2)
    assert "does not pass the promotion rule" in terminal(short, "--reason", "ok", status=2)
    options = ("--by", "ana", "--reason", "a trial", "--against-the-evidence")
    assert "approved by ana: against the evidence: a trial" in terminal(short, *options)
    assert champion() == challenger()
    change = current_settings().models().history("MGC", "champion")[-1]
    assert (change.by, change.reason) == ("ana", "against the evidence: a trial")
    again = terminal(short, *options, status=2)
    assert "does not wait for a person (Completed" in again
    assert "against the evidence: a trial" in again


def test_a_refusal_an_unknown_run_and_an_answer_given_meanwhile(
    terminal: Callable[..., str],
) -> None:
    before = champion()
    suspended = ask(promote)
    result = json.loads(
        terminal(str(suspended.run), "--refuse", "--by", "bob", "--reason", "no", "--json")
    )
    assert result["verdict"].endswith("refused: by bob: no")
    assert champion() == before
    assert "'nowhere' does not wait" in terminal("nowhere", "--reason", "ok", status=2)
    second = send_answer(suspended, ANA)
    assert second == "Cannot resume a flow run that is not paused."


def test_without_a_server_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    result = CliRunner().invoke(app, ["approve"])
    assert result.exit_code == 3
    assert "orbcast up" in result.stderr
