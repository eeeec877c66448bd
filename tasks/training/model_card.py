"""The model card of a registered version, from everything on record about it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_core import evidence, learning, ranges
from ml_core.errors import OrbcastError
from ml_core.evidence.evaluation import (
    DirectionScores,
    Evaluation,
    NotAnEvaluationError,
    read_part,
)
from ml_core.evidence.promotion.evidence import POLICY
from ml_core.evidence.promotion.trial_cost import TrialCount
from ml_core.health.scored_prediction import ScoredPrediction
from ml_core.json_values import parse_json
from ml_core.learning.bundle import Bundle
from ml_core.learning.data_fingerprint import parts_of
from ml_core.learning.version_folder import reading
from ml_core.market.market import Market
from monitoring import pages
from monitoring.pages.model_card.facts import CardDecision, CardFacts, CardPower, CardStudy
from monitoring.performance import Period, grouped, over, whole_days
from registry.health.performance import performance_records
from registry.ledger.scored import day_of_last
from registry.models.decisions import list_decisions
from registry.models.versions import CHALLENGER, CHAMPION, VersionRecord
from registry.studies.evaluations import evaluations
from tasks.data.standing_sources import standing_source
from tasks.runs.code_hash import installed_code
from tasks.settings import Settings
from tasks.training.questions import questions_on_record
from tasks.training.studies_on_record import STUDY_DAYS

_TRAINED = ("train", "calibrate", "models", "data_fingerprint", "cost_ticks", "label")
_LATEST_DECISIONS = 12
_LATEST_PREDICTIONS = 60


def card_of(settings: Settings, name: str, ref: str | None, at: datetime) -> CardFacts:
    """Return the facts about a version for :mod:`monitoring.pages.model_card.page`.

    Parameters
    ----------
    settings, name
        The installation; the name of a market file.
    ref
        A version's name, the start of its name, or an alias; None for the serving version.
    at
        Aware time, now.

    Raises
    ------
    UnknownVersionError
        There is no such version.
    BundleCorruptError, NotAnEvaluationError
        A file of the version cannot be read, or lacks facts that the card needs.
    """
    market = settings.market(name)
    store = settings.models()
    serving = None
    if ref is None:
        record = (serving := store.serving(market.symbol, at)).record
    else:
        record = store.find(market.symbol, ref)
    files = {
        file: _read(record.folder, f"{file}.json")
        for file in ("metrics", "metadata", "feature_importance", "recipe")
    }
    evaluation, trained = Evaluation.from_json(files["metrics"]), files["metadata"]
    if missing := [key for key in _TRAINED if key not in trained]:
        raise NotAnEvaluationError(tuple(f"metadata.{key} is missing" for key in missing))
    decided = [
        CardDecision(at=decision.at, kind=decision.kind, verdict=decision.verdict)
        for decision in list_decisions(settings.database(), market.symbol)
        if decision.version == record.version
    ]
    return CardFacts(
        market=market.symbol,
        version=record.version,
        model=record.model,
        kind=record.kind,
        about=files["recipe"].get("about", ""),
        standing=_status_sentences(settings, record, at, serving.fallback if serving else None),
        evaluation=evaluation,
        trained=trained,
        importance=files["feature_importance"],
        recipe=files["recipe"],
        hashes={
            "version": record.version,
            "recipe": record.recipe_hash,
            **parts_of(record.data_fingerprint),
            "files (SHA256SUMS)": record.sums_hash,
            "code installed now": installed_code(settings),
        },
        created_at=record.created_at,
        expires_at=store.expires_at(record),
        bars=_bars(settings, market, trained),
        power=_power(evaluation.summary.breaks, questions_on_record(settings, market.symbol)),
        study=_study(settings, record, at),
        live=_live(settings, record),
        decisions=decided[-_LATEST_DECISIONS:],
        recent=_recent(settings, market.symbol),
        novelty=(record.folder / "novelty.json").is_file(),
        simulated=simulated(settings, name),
    )


def sealed_card(bundle: Bundle, evaluation: Evaluation) -> str:
    """Return, as markdown, the card that is stored with a version's files and uses only these."""
    recipe, trained = bundle.recipe, bundle.trained
    facts = CardFacts(
        market=trained["market"],
        version=bundle.version,
        model=recipe.name,
        kind=recipe.kind,
        about=recipe.about,
        standing=(),
        evaluation=evaluation,
        trained=trained,
        importance=bundle.importance,
        recipe=recipe.model_dump(mode="json"),
        hashes={
            "version": bundle.version,
            "recipe": recipe.hash,
            **parts_of(trained["data_fingerprint"]),
        },
        created_at=None,
        expires_at=None,
        novelty=None,  # measured when the files are written
    )
    return pages.document.to_markdown(pages.model_card.page.model_card(facts))


def _read(folder: Path, file: str) -> Any:
    with reading(folder, file) as path:
        return parse_json(path.read_text(encoding="utf-8"))


def simulated(settings: Settings, name: str) -> bool:
    """Return whether a market's bars are simulated: a simulation stores its truth beside them."""
    source = standing_source(settings.sources_file, name)
    paths = [Path(path) for path in source.paths] if source else []
    if any(settings.home.glob("*-truth.npz")):  # the demo's, even if its home was moved
        return True
    return any(path.with_name(f"{path.stem}-truth.npz").is_file() for path in paths)


def _status_sentences(
    settings: Settings, record: VersionRecord, at: datetime, fallback: str | None
) -> tuple[str, ...]:
    store, sentences = settings.models(), []
    for alias in (CHAMPION, CHALLENGER):
        now = store.current(record.market, alias)
        if now is not None and now.version == record.version:
            reason = now.reason.rstrip(".")
            sentences.append(
                f"It has been {alias} since {now.at:%Y-%m-%d}, by {now.by}: {reason}."
            )
            break
    if fallback:
        sentences.append(f"It serves as a fallback: {fallback}.")
    if expired := store.expired(record, at):
        sentences.append(f"It may not predict any more: {expired}.")
    if faults := store.faults(record):
        sentences.append(f"Its files differ from those registered: {'; '.join(faults)}.")
    return tuple(sentences) or ("It does not serve now.",)


def _bars(settings: Settings, market: Market, trained: dict[str, Any]) -> dict[str, str]:
    """Return which contracts were traded and which ranges were left out, from the lake's bars."""
    first = date.fromisoformat(trained["train"]["first_day"])
    last = date.fromisoformat(trained["last_day"])
    try:
        bars = settings.lake().read(market)
        whole = learning.datasets.assemble.assemble(
            bars, market, ranges.label_spec.LabelSpec(), first=first, last=last, features=()
        )
    except OrbcastError:
        return {}
    days = whole.tape.schedule.days
    rolled = int((whole.tape.rolled() & (days >= days.dtype.type(str(first)))).sum())
    left_out = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}" for reason, count in whole.exclusions().items()
    )
    return {
        "contract": f"{market.roll.replace('_', ' ')}; rolled {rolled} times on those days",
        "ranges left out": left_out or "none",
    }


def _power(rows: int, count: TrialCount | None = None) -> CardPower | None:
    if not rows:
        return None
    questions = 1 if count is None else max(count.questions, 1) * count.families
    return CardPower(
        rows=rows,
        needed=evidence.rule_power.rows_for_rule(POLICY.worth, questions, POLICY.power),
        findable=evidence.rule_power.detectable_gain(rows, questions, POLICY.power),
    )


def _study(settings: Settings, record: VersionRecord, at: datetime) -> CardStudy | None:
    studies = [
        study
        for study in evaluations(settings.database(), record.market)
        if study.recipe_hash == record.recipe_hash
    ]
    if not studies:
        return None
    last = max(studies, key=lambda study: (bool(study.settings.get("counts")), study.at))
    recent = last.at >= at - timedelta(days=STUDY_DAYS)
    try:
        summary, directional = last.figures["summary"], last.figures["directional"]
        first, latest, breaks = (summary[name] for name in ("first_day", "last_day", "breaks"))
    except (KeyError, TypeError) as error:
        fault = f"the study {last.study_hash[:12]} lacks {error}"
        raise NotAnEvaluationError((fault,)) from error
    return CardStudy(
        verdict=last.verdict,
        at=last.at,
        counts=bool(last.settings.get("counts")),
        current=recent and last.settings.get("code") == installed_code(settings),
        first_day=str(first),
        last_day=str(latest),
        breaks=breaks,
        directional=read_part(DirectionScores, directional),
    )


def _live(settings: Settings, record: VersionRecord) -> dict[str, Period]:
    records = performance_records(
        settings.database(), record.market, mode="live", version=record.version
    )
    by_role = grouped(whole_days(records), lambda row: row.role)
    return {role: over(days) for role, days in by_role.items()}


def _recent(settings: Settings, symbol: str) -> tuple[ScoredPrediction, ...]:
    count = _LATEST_PREDICTIONS
    first = day_of_last(settings.database(), symbol, role="champion", count=count)
    if first is None:
        return ()
    rows = settings.ledger().settled(symbol, first=first)
    champion = [row for row in rows if row.prediction.role == "champion"]
    return tuple(row.scored() for row in champion[-count:])
