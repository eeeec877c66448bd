"""Parity: the features of logged predictions, recomputed from the lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path

from prefect import task

from ml_core import features
from ml_core.bars.arrays import Bars
from ml_core.bars.lake.bars_as_of import BarsAsOf, bars_as_of
from ml_core.decision.decide import logged_features
from ml_core.decision.entry import Mode, PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.features.catalogue import Catalogue
from ml_core.health.parity import Audited, Cause, Difference, ParityReport
from ml_core.learning.datasets.assemble import NoSlotError, assemble_live
from ml_core.learning.version_folder import BundleCorruptError, own_codes_of, recipe_of
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.market.schedule import to_minute
from ml_core.ranges.label_spec import LabelSpec
from monitoring.parity import differences, first_in_words
from registry.errors import UnknownVersionError
from registry.health.parity import ParityRecord, record_parity
from registry.news import news_of
from registry.rows import record_of
from tasks.data.market_definition import hashes_of_question
from tasks.prediction.slot_bars import read_bars
from tasks.runs.code_hash import code_hash
from tasks.runs.periods import require_period
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings

AUDITED_DAYS = 14
"""Calendar days that a daily audit covers: late bars and revisions arrive within them."""

_WRITING = timedelta(minutes=15)
"""A batch is stamped when its import begins; readers may not have seen it for this long."""


@task(name="audit parity", task_run_name="{market}: parity of {mode} predictions", **RETRIED)
def audit_parity(
    market: str, first: date | None, last: date | None, at: datetime, mode: Mode = "live"
) -> ParityReport:
    """Recompute the features of logged predictions, compare bit for bit, and record the report.

    Parameters
    ----------
    market
        Name of a market file.
    first, last
        Trading days; by default, the last ``AUDITED_DAYS`` calendar days.
    at
        Aware time, now.
    mode
        Live or replayed predictions; a report on replayed ones is not recorded.

    Raises
    ------
    ReversedPeriodError
        The period ends before it begins.
    """
    require_period(first, last)
    settings = current_settings()
    definition = settings.market(market)
    begin = first or (at - timedelta(days=AUDITED_DAYS)).date()
    end = last or at.date() + timedelta(days=1)
    rows = settings.ledger().settled(definition.symbol, first=begin, last=end, mode=mode)
    same_market = hashes_of_question(settings, definition.symbol)
    # rows made under another market definition cannot be recomputed under this one
    logged = [
        row.prediction
        for row in rows
        if row.prediction.features and row.prediction.market_hash in same_market
    ]
    days = [entry.trading_day for entry in logged]
    report = ParityReport.of(
        (_Again(settings, definition, entry).audited() for entry in logged),
        market=definition.symbol,
        first_day=min(days, default=begin),
        last_day=max(days, default=end),
        mode=mode,
    )
    if mode == "live" and report.compared:
        record = record_of(ParityRecord, report, figures=report, at=at)
        record_parity(settings.database(), record)
    return report


class _Again:
    """A logged prediction whose features are recomputed.

    Parameters
    ----------
    settings, market, entry
        The installation, the market, and the ledger row.
    """

    def __init__(self, settings: Settings, market: Market, entry: PredictionEntry) -> None:
        self._settings, self._market, self._entry = settings, market, entry
        self._slot = Slot(
            symbol=entry.market,
            trading_day=entry.trading_day,
            opening_range=entry.opening_range,
            decision=entry.decision_time,
        )

    def audited(self) -> Audited:
        """Compare with the bars as they are now; if the features differ, find the cause."""
        entry = self._entry
        differences = self._against(read_bars(self._settings, self._market, self._slot))
        cause, changes = self._cause() if differences else ("same", ())
        return Audited(
            slot=str(self._slot),
            role=entry.role,
            version=entry.version,
            cause=cause,
            differences=differences,
            changes=changes,
        )

    def _cause(self) -> tuple[Cause, tuple[str, ...]]:
        for then in self._moments():
            if then.changes and not self._against(then.bars):
                return "bars", first_in_words(then.changes)
        made_by = self._entry.outputs.code
        as_now = made_by in {None, code_hash()} and not self._other_features
        return ("unexplained" if as_now else "code"), ()

    def _moments(self) -> Iterator[BarsAsOf]:
        """Yield the bars as they were when the prediction was made, and shortly before.

        A batch is stamped when its import begins: the prediction did not see a batch that was
        still being written.
        """
        t0 = to_minute(self._slot.decision)
        first = t0 - self._span
        made = self._entry.made_at
        now = bars_as_of(self._settings.lake(), self._market, first, t0, made)
        yield now
        stored = self._settings.lake().stored(self._market, first, t0)["ingested_at"].unique()
        stamps = sorted({stamp.as_py().astimezone(UTC) for stamp in stored}, reverse=True)
        for stamp in stamps:
            if made - _WRITING <= stamp <= made:
                before = stamp - timedelta(microseconds=1)
                yield bars_as_of(self._settings.lake(), self._market, first, t0, before)

    @cached_property
    def _span(self) -> int:

        return (features.history.HISTORY_DAYS + 2) * 1440

    def _against(self, bars: Bars) -> tuple[Difference, ...]:
        logged = self._entry.features
        chosen = self._catalogue.select([name for name in logged if name in self._catalogue])
        try:
            row = assemble_live(
                bars,
                self._market,
                self._label,
                trading_day=self._slot.trading_day,
                opening_range=self._slot.opening_range,
                features=chosen,
                news=self._news if any(feature.news for feature in chosen) else None,
            )
        except NoSlotError:
            return differences(logged, {})
        return differences(logged, logged_features(row))

    @cached_property
    def _news(self) -> tuple[NewsEvent, ...]:
        """Scheduled news as recorded when the prediction was made."""
        database, made_at = self._settings.database(), self._entry.made_at
        return news_of(database, self._market.symbol, by=made_at)

    @cached_property
    def _catalogue(self) -> Catalogue:
        return self._settings.catalogue()

    @cached_property
    def _other_features(self) -> bool:
        """Whether an own feature that the version learned from is gone or has changed."""
        codes = self._folder and own_codes_of(self._folder)
        now = {feature.name: feature.code for feature in self._catalogue.own()}
        return any(now.get(name) != code for name, code in (codes or {}).items())

    @cached_property
    def _label(self) -> LabelSpec:
        if self._entry.label == LabelSpec().key or self._folder is None:
            return LabelSpec()
        return _label_of(self._folder)

    @cached_property
    def _folder(self) -> Path | None:
        """The folder of the version that predicted; None if there is none."""
        if self._entry.version is None:
            return None
        try:
            return self._settings.models().find(self._entry.market, self._entry.version).folder
        except UnknownVersionError:
            return None


@lru_cache(maxsize=16)
def _label_of(folder: Path) -> LabelSpec:
    try:
        return recipe_of(folder).label
    except BundleCorruptError:  # `orbcast verify` reports it
        return LabelSpec()
