"""A promotion that a person approves: show the evidence, and promote if it still holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from prefect import task

from ml_core.errors import InputError
from ml_core.evidence.promotion.rule import Decision
from monitoring.approval import Finding, Request, judge
from registry.errors import UnusableVersionError
from registry.models.versions import CHAMPION, VersionRecord
from tasks.rollout.approval import AnsweredRequest, ApprovalResult
from tasks.rollout.approval_record import record_result, recorded_result
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings
from tasks.training.champion import make_champion
from tasks.training.promotion import apply_promotion_rule
from tasks.training.studies_on_record import study_that_counts


class ServesAlreadyError(InputError):
    """Error for the promotion of a version that is already champion."""

    market: str
    version: str
    template = (
        "{version} is champion of {market} already: there is nothing to approve; name another "
        "version (`orbcast models list`)"
    )


@task(name="collect the evidence", task_run_name="{market}: evidence of {ref}", **RETRIED)
def promotion_request(market: str, ref: str, at: datetime) -> Request:
    """Collect what a person is shown about the promotion of a version; change nothing.

    Raises
    ------
    ServesAlreadyError
        The version is champion already.
    UnusableVersionError
        The version's files are not those that were registered.
    UnknownVersionError
        There is no such version.
    """
    settings = current_settings()
    symbol = settings.market(market).symbol
    record = settings.models().find(symbol, ref)
    champion = settings.models().current(symbol, CHAMPION)
    if champion is not None and champion.version == record.version:
        raise ServesAlreadyError(symbol, record.version)
    faults = settings.models().faults(record)
    if faults:
        raise UnusableVersionError(record.version, faults)
    decision = _rule(settings, record, at)
    verdict = "A baseline claims nothing and needs no evidence."
    findings: tuple[Finding, ...] = ()
    if decision is not None:
        verdict = decision.verdict
        beyond = replace(decision.trading, name=f"beyond the rule: {decision.trading.name}")
        findings = tuple(
            Finding(name=condition.name, status=condition.status, words=condition.words)
            for condition in (*decision.conditions, beyond)
        )
    expired = settings.models().expired(record, at)
    if expired:
        findings = (*findings, Finding(name="age", status="fails", words=expired))
    return Request(
        kind="promotion",
        market=symbol,
        version=record.version,
        subject=record.version,
        title=f"Make {record.model} {record.version} champion of {symbol}",
        verdict=verdict,
        borne_out=(decision is None or decision.promote) and not expired,
        overridable=True,
        findings=findings,
        content=_content(settings, record, decision, at),
        asked_at=at,
        until=at + timedelta(hours=settings.approval_hours),
    )


@task(name="apply the answer", task_run_name="answer to: {answered.request.title}", **RETRIED)
def act_on_promotion(answered: AnsweredRequest, at: datetime) -> ApprovalResult:
    """Make the version champion if a person approved it as it still is; record the result.

    A second call for the same run changes nothing.
    """
    settings = current_settings()
    request, answer = answered.request, answered.answer
    before = recorded_result(settings, request.market, answered.run)
    if before is not None:
        return before
    store = settings.models()
    record = store.find(request.market, request.version)
    # a run killed right after the change finds here that it made the change itself
    made = [
        alias
        for alias in store.history(request.market, CHAMPION)
        if alias.version == record.version
        and alias.by == answer.by.strip()
        and alias.reason.endswith(answer.reason.strip())
        and alias.at >= request.asked_at
    ]
    content = request.content
    champion = store.current(request.market, CHAMPION)  # read before the rule is applied
    if not made:
        content = _content(settings, record, _rule(settings, record, at), at)
    judged = judge(request, answer, content)
    if judged.approved and not made:
        make_champion(
            store,
            request.market,
            record.version,
            at=at,
            by=answer.by.strip(),
            reason=judged.reason,
            instead_of="" if champion is None else champion.version,
        )
    approved = judged.approved
    return record_result(
        settings, answered, judged.verdict, approved=approved, done=approved, at=at
    )


def _rule(settings: Settings, record: VersionRecord, at: datetime) -> Decision | None:
    """Apply the promotion rule; None for a baseline, to which it does not apply."""
    if record.kind == "baseline":
        return None
    return apply_promotion_rule(settings, record.market, record.model, record.recipe_hash, at)


def _content(
    settings: Settings, record: VersionRecord, decision: Decision | None, at: datetime
) -> dict[str, str]:
    """Return the facts that an approval is bound to.

    They include the study and the status of each condition, but not every figure: the live record
    grows with each outcome, and would void an approval within minutes.
    """
    study = study_that_counts(settings, record.market, record.recipe_hash, at)
    faults = settings.models().faults(record)
    content = {
        "version": record.version,
        "files": f"damaged ({'; '.join(faults)})" if faults else record.sums_hash,
        "data": record.data_fingerprint,
        "champion": _recipe_serving(settings, record.market),
        "study": "none" if study is None else study.study_hash,
    }
    if decision is not None:
        content |= {
            condition.name: condition.status
            for condition in (*decision.conditions, decision.trading)
        }
    return content


def _recipe_serving(settings: Settings, market: str) -> str:
    """Return the champion's model and recipe, which its nightly refits share.

    Otherwise an approval given on the next day would never count.
    """
    store = settings.models()
    champion = store.current(market, CHAMPION)
    if champion is None:
        return "none"
    serving = store.find(market, champion.version)
    return f"{serving.model} of recipe {serving.recipe_hash[:12]}"
