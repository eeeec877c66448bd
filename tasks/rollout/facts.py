"""The facts that the rollout's gates use: live record, checks, breaker, version."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import numpy as np

from ml_core.health.scored_prediction import ScoredPrediction
from ml_core.market_events import Stage
from monitoring.rollout.facts import Check, Facts, LiveRecord
from monitoring.rollout.stage import Position
from monitoring.sequential_monitors import JudgedRows
from registry.errors import DatabaseError, UnknownVersionError
from registry.health.drift import latest_drift
from registry.health.parity import latest_parity
from registry.ledger.scored import scored_predictions
from registry.ledger.sealed_checkpoints import Seal
from registry.ledger.verification import Verification, seal_of
from registry.models.versions import Serving
from registry.tables.base import canonical
from tasks.data.market_definition import hashes_of_question
from tasks.health.breaker import OURS, breaker_of
from tasks.settings import Settings
from tasks.training.studies_on_record import study_that_counts

_HOLES = OURS | {"off"}

MAX_CHECKPOINT_AGE = timedelta(days=8)
"""Greatest age of a sealed checkpoint to begin a verification at; the audit makes one a week."""


def facts_of(settings: Settings, symbol: str, position: Position, at: datetime) -> Facts:
    """Collect all facts that the gates use."""
    serving = _serving(settings, symbol, at)
    record = serving.record if serving else None
    recipe_hash = record.recipe_hash if record else None
    return Facts(
        version=record.version if record else None,
        recipe_hash=recipe_hash,
        kind=record.kind if record else None,
        fallback=serving.trouble if serving else None,
        record=_live_record(settings, symbol, recipe_hash, position.counted_from),
        drift=_drift(settings, symbol),
        parity=_parity(settings, symbol),
        breaker=breaker_of(settings, symbol, at).state,
        record_faults=_faults(settings, serving, at),
    )


def verified_record(settings: Settings, at: datetime) -> Verification:
    """Verify the record from its last sealed checkpoint, or whole if that is too old."""
    return settings.ledger().verify(fresh_seal(settings, at))


def fresh_seal(settings: Settings, at: datetime) -> Seal | None:
    """Return the last sealed checkpoint; None if there is none, or it is too old to begin at."""
    seal = seal_of(settings.database())
    return seal if seal is not None and at - seal.at < MAX_CHECKPOINT_AGE else None


def subject_of(settings: Settings, symbol: str, stage: Stage, at: datetime) -> str | None:
    """Hash what an approval is bound to: step, version's files, data, and its recipe's study."""
    serving = _serving(settings, symbol, at)
    if serving is None:
        return None
    record = serving.record
    study = study_that_counts(settings, symbol, record.recipe_hash, at)
    if study is None:
        return None
    subject = {
        "market": symbol,
        "stage": stage,
        "version": record.version,
        "files": record.sums_hash,
        "data": record.data_fingerprint,
        "report": study.study_hash,
    }
    return hashlib.sha256(canonical(subject).encode()).hexdigest()


def _serving(settings: Settings, symbol: str, at: datetime) -> Serving | None:
    try:
        return settings.models().serving(symbol, at)
    except UnknownVersionError:
        return None


def _live_record(
    settings: Settings, symbol: str, recipe_hash: str | None, after: datetime | None
) -> LiveRecord:
    live = scored_predictions(
        settings.database(), symbol, mode="live", role="champion", after=after
    )
    same_market = hashes_of_question(settings, symbol)
    rows = [row for row in live if row.market_hash in same_market]
    own = [index for index, row in enumerate(rows) if _is_of(row, recipe_hash)]
    rows = rows[own[0] :] if own else []
    judged = [row for row in rows if _is_judged(row, recipe_hash)]
    taken = [row for row in judged if row.taken_r_net is not None]
    return LiveRecord(
        begun=rows[0].decision_time if rows else None,
        slots=len(rows),
        unanswered=sum(row.late or row.reason in _HOLES for row in rows),
        rows=JudgedRows.of(judged),
        trade_day=np.array([row.trading_day for row in taken], "datetime64[D]"),
        r_net=np.array([row.taken_r_net for row in taken], np.float64),
    )


def _is_of(row: ScoredPrediction, recipe_hash: str | None) -> bool:
    return row.predicted and row.recipe_hash == recipe_hash


def _is_judged(row: ScoredPrediction, recipe_hash: str | None) -> bool:
    has_both = row.p_up is not None and row.baseline_p_up is not None
    return _is_of(row, recipe_hash) and not row.late and has_both


def _drift(settings: Settings, symbol: str) -> Check | None:
    drift_check = latest_drift(settings.database(), symbol)
    if drift_check is None:
        return None
    return Check(
        at=drift_check.at,
        judged=drift_check.figures.judged,
        clean=not drift_check.detected,
        words=drift_check.verdict,
    )


def _parity(settings: Settings, symbol: str) -> Check | None:
    parity = latest_parity(settings.database(), symbol)
    if parity is None:
        return None
    clean = not parity.unexplained
    return Check(at=parity.at, judged=parity.compared > 0, clean=clean, words=parity.verdict)


def _faults(settings: Settings, serving: Serving | None, at: datetime) -> tuple[str, ...] | None:
    try:
        matches = list(verified_record(settings, at).faults)
    except (DatabaseError, OSError):
        return None
    if serving is not None:
        matches += settings.models().faults(serving.record)
    return tuple(matches)
