"""Training: dataset, audit, fit, evaluation, registration; each step can be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from prefect import task

from ml_core.errors import InputError
from ml_core.evidence.evaluate import evaluate_predictions
from ml_core.evidence.evaluation import Evaluation
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, predict_unseen
from ml_core.features.audit import AuditSummary, audit_lookahead
from ml_core.json_values import json_values
from ml_core.learning.bundle import Bundle
from ml_core.learning.data_fingerprint import data_fingerprint
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit, fit_to_serve
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import write_bundle
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.market.schedule import to_minute
from registry.definitions.markets import remember_definition
from registry.definitions.recipes import require_unedited
from registry.models.versions import LEARNED_UNTIL
from registry.news import news_of
from tasks.data.datasets import period_of, read_bars_until
from tasks.notices.events import VersionRegistered, emit
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings
from tasks.training.model_card import sealed_card
from tasks.training.questions import (
    RETRAIN,
    QuestionScope,
    hash_of_first_days,
    late_news,
    record_question,
)


class NoNewsError(InputError):
    """Error for a recipe that learns from scheduled news when no decision knew of any."""

    recipe: str
    features: tuple[str, ...]
    market: str
    on_record: int
    decisions: int
    template = (
        "recipe {recipe} learns from {features:, }, and {_fault}; nothing was trained; import "
        "a calendar with `orbcast events import FILE` that states since when each event was "
        "known (known_since), or leave them out of the recipe"
    )

    @property
    def _fault(self) -> str:
        if not self.on_record:
            return f"there is no scheduled news of {self.market} on record"
        return (
            f"of the scheduled news of {self.market} on record ({self.on_record:,}) nothing was "
            f"known at any of the {self.decisions:,} decisions"
        )


@dataclass(frozen=True, slots=True)
class Material:
    """The training material shared by all recipes of a retrain.

    Attributes
    ----------
    market
        The market.
    assembly
        Ranges, labels and features of the period.
    fingerprint
        Hash of the bars it was made from, and of the news that features read.
    audit
        Result of the look-ahead audit.
    beginning
        Hash of the first days of the bars.
    late_news
        Hash of past news recorded afterwards, if features read news.
    news_features
        Names of the features that read news.
    """

    market: Market
    assembly: Assembly
    fingerprint: str
    audit: AuditSummary
    beginning: str
    late_news: str = ""
    news_features: tuple[str, ...] = ()

    @property
    def market_hash(self) -> str:
        """Hash of the market definition."""
        return MarketDefinition.of(self.market).hash

    @property
    def news_words(self) -> str:
        """The number of decisions at which news was known; "" if no feature reads news."""
        if not self.news_features:
            return ""
        data = self.assembly.dataset
        columns = [np.isfinite(data.column(name)) for name in self.news_features]
        informed = np.flatnonzero(np.any(columns, axis=0))
        first = data.trading_day[informed[0]]
        return f"known at {len(informed):,} of {len(data):,} decisions, since {first}"

    @property
    def question_scope(self) -> QuestionScope:
        """The subject of a recipe's question."""
        own = tuple(column.code for column in self.assembly.dataset.own)
        return QuestionScope(self.market, self.market_hash, self.beginning, own, self.late_news)


@dataclass(frozen=True, slots=True)
class TrainedVersion:
    """A registered version, and how its procedure did on unseen days.

    Attributes
    ----------
    bundle
        The version, trained on all settled ranges.
    unseen
        Predictions of the latest fifth of the days by the same recipe, trained the same way on
        the days before.
    evaluation
        The evaluation of those predictions.
    """

    bundle: Bundle
    unseen: OutOfSamplePredictions
    evaluation: Evaluation

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.bundle.version


@task(
    name="audit and build the dataset",
    task_run_name="{market}: dataset for {recipe.name}",
    **RETRIED,
)
def gather(
    market: str, recipe: Recipe, first: date | None, last: date | None, at: datetime
) -> Material:
    """Read the bars known by a time, audit features at sampled decisions, build the dataset.

    Raises
    ------
    EmptyLakeError, NoBarsError
        There is no bar to learn from.
    NoNewsError
        The recipe learns from news, and no decision knew of any.
    LookAheadError
        A feature uses data from the future.
    EditedRecipeError
        The recipe was changed without a new name.
    """
    settings = current_settings()
    require_unedited(settings.database(), recipe)
    definition = settings.market(market)
    bars = read_bars_until(settings, market, definition, at)
    begin, end = period_of(bars, definition, first, last)
    features = settings.catalogue().to_learn(recipe.features)
    news = news_of(settings.database(), definition.symbol)
    assembly = assemble(
        bars, definition, recipe.label, first=begin, last=end, features=features, news=news
    )
    reading = tuple(feature.name for feature in features if feature.news)
    _require_news(recipe, reading, news, assembly.dataset)
    audit = audit_lookahead(
        bars, definition, recipe.label, features, first=begin, last=end, news=news
    )
    audit.require_clean()
    remember_definition(settings.database(), MarketDefinition.of(definition), at)
    of_bars = settings.lake().fingerprint(definition, to_minute(at))
    return Material(
        market=definition,
        assembly=assembly,
        fingerprint=data_fingerprint(of_bars, assembly.news_hash),
        audit=audit.summary,
        beginning=hash_of_first_days(bars),
        late_news=late_news(settings, definition, features),
        news_features=reading,
    )


def _require_news(
    recipe: Recipe, names: tuple[str, ...], news: tuple[NewsEvent, ...], data: Dataset
) -> None:
    """Refuse news features if no decision knew of any news: there is nothing to learn."""
    if names and all(np.isnan(data.column(name)).all() for name in names):
        raise NoNewsError(recipe.name, names, data.market, len(news), len(data))


@task(
    name="train, judge and register",
    task_run_name="{material.market.symbol}: train {recipe.name}",
    **RETRIED,
)
def train_version(material: Material, recipe: Recipe, at: datetime) -> TrainedVersion:
    """Judge a recipe on the latest days, fit it on all days, and register it if it is new.

    The procedure is judged: trained without the latest days, and evaluated on them. The registered
    version is trained the same way on everything that has settled.

    Raises
    ------
    InputError
        There are too few samples, only one class, or no feature that varies.
    """
    dataset = material.assembly.dataset
    judged = fit(dataset, recipe, material.fingerprint)
    test = dataset.rows(judged.split.test)
    fitted = fit_to_serve(dataset, recipe, material.fingerprint, judged_on=test)
    unseen = predict_unseen(judged.bundle, test)
    evaluation = evaluate_predictions(unseen, recipe.name, fitted.bundle.version)
    metrics = json_values(evaluation)
    card = sealed_card(fitted.bundle, evaluation)
    reference = dataset.rows(fitted.split.learned)

    def write(folder: Path) -> None:
        write_bundle(fitted.bundle, folder, metrics=metrics, card=card, reference=reference)

    kept = {name: metrics[name] for name in ("summary", "directional", "trading", "verdict")}
    settings = current_settings()
    kept[LEARNED_UNTIL] = fitted.bundle.trained["last_day"]
    # it reports the recipe's result on unseen days, so this counts as a question
    record_question(
        settings,
        material.question_scope,
        recipe,
        at,
        study=RETRAIN,
        score=evaluation.directional.model.log_loss,
    )
    models, market = settings.models(), material.market.symbol
    before = {version.version for version in models.versions(market)}
    record = models.register(fitted.bundle, write, metrics=kept, at=at)
    # of two simultaneous processes, the other's row may be the one recorded
    if record.version not in before and record.created_at == at:
        emit(
            VersionRegistered(
                market=market,
                model=record.model,
                version=record.version,
                recipe_hash=record.recipe_hash,
                data_fingerprint=record.data_fingerprint,
                verdict=metrics["verdict"],
            )
        )
    return TrainedVersion(fitted.bundle, unseen, evaluation)
