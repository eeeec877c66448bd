"""Detect that a market's feed stopped while its exchange is open, and that it resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import task

from ml_core.bars.checks.silence import SESSIONS, Silence, silence_at
from ml_core.bars.contract import RawBatch
from ml_core.errors import OrbcastError
from ml_core.market.calendar_days import market_dates_around
from ml_core.market.exchange import TradeDates
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute, to_minute
from registry.notices import notices
from tasks.data.source_kinds import source_class
from tasks.data.sources import SourceSpec, open_source
from tasks.data.standing_sources import standing_source
from tasks.notices.events import FeedResumed, FeedStopped, emit
from tasks.notices.notify import notify
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings

KIND = "feed"
"""The kind of these notices."""

_MINUTES_BACK = (SESSIONS * 7 // 5 + 14) * 1440  # allows for weekends and holidays
_RESUMED = " resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCheck:
    """Result of one check of a feed.

    Attributes
    ----------
    verdict
        The result in one line.
    last_bar
        When the last bar opened, aware UTC; None if there is no bar.
    change
        ``stopped`` or ``resumed`` if this check sent a notice; otherwise None.
    """

    verdict: str
    last_bar: datetime | None = None
    change: str | None = field(default=None, metadata={"alias": "told"})


@task(name="check the feed", task_run_name="{market}: feed", **RETRIED)
def check_feed(market: str, at: datetime) -> FeedCheck:
    """Send one notice when a feed stops, and one when it resumes.

    The source is only read, not imported into the lake: the runs that need its bars import them.
    A source that cannot be read counts as one without new bars; the notice names the error.

    Parameters
    ----------
    market
        Name of a market file.
    at
        Aware time that counts as now.
    """
    config = current_settings()
    definition, spec = config.market(market), _live_source(config, market)
    now = to_minute(at)
    hours = market_dates_around(definition, now - 1, now)
    if not config.feed_silent_minutes:
        return FeedCheck(verdict="not watched: ORBCAST_FEED_SILENT_MINUTES is 0")
    if spec is None:
        return FeedCheck(verdict="no standing source that brings bars as they are made")
    if not hours.is_open(np.array([now]))[0]:
        return FeedCheck(verdict="the exchange is closed")
    minute = config.lake().read(definition, now - _MINUTES_BACK, now).minute
    newest, trouble = _newest(config, definition, spec, at)
    if newest is not None:
        minute = np.append(minute, newest)
    silence = silence_at(np.sort(minute), hours, now)
    if silence is None:
        return FeedCheck(verdict="too few sessions to say what is usual")
    feed = _Feed(config, definition, market, int(minute.max()))
    if silence.is_unusual(config.feed_silent_minutes):
        return feed.stopped(silence, trouble, is_live=feed.was_live(hours, now))
    return feed.report_resumed(silence)


@dataclass(frozen=True, slots=True)
class _Feed:
    """A market's feed and the minute of its last bar."""

    config: Settings
    market: Market
    name: str
    last: int

    @property
    def last_bar(self) -> datetime:
        return from_minute(self.last)

    @property
    def key(self) -> str:
        """Key of the notice for a stop after this bar."""
        return f"feed {self.market.symbol} {self.last_bar.isoformat()}"

    def was_live(self, hours: TradeDates, now: int) -> bool:
        """Return whether bars arrived live in the session of the feed's last bar.

        A feed that is updated once a day, after the close, has not stopped in the morning.
        """
        session, current = (
            int(np.searchsorted(hours.open, minute, side="right")) - 1
            for minute in (self.last, now)
        )
        if session != current - 1:
            return session == current
        opened, closed = int(hours.open[session]), int(hours.close[session])
        stored = self.config.lake().stored(self.market, opened, closed)
        first = pc.min(stored["ingested_at"]).as_py()
        return first is not None and to_minute(first) < closed

    def stopped(self, silence: Silence, trouble: str | None, *, is_live: bool) -> FeedCheck:
        """Send one notice for each stop."""
        if not is_live:
            verdict = "no bar in this session, nor any as it was made in the last one"
            return FeedCheck(verdict=verdict, last_bar=self.last_bar)
        local = self.last_bar.astimezone(ZoneInfo(self.market.zone))
        why = f" The source could not be read: {trouble}." if trouble else ""
        is_new = notify(
            self.config,
            KIND,
            self.market.symbol,
            self.key,
            f"{self.market.symbol}: the feed has stopped",
            f"The last bar is of {local:%Y-%m-%d %H:%M} {self.market.zone}, {silence.minutes} "
            "open minutes ago; at this time of the session it is usually silent for "
            f"{silence.usual} at most.{why} Look at your platform, then: orbcast refresh "
            f"--market {self.name.lower()}",
        )
        if is_new:
            silent = silence.minutes
            emit(FeedStopped(market=self.name, last_bar=self.last_bar, silent_minutes=silent))
        return FeedCheck(
            verdict=f"stopped: {silence.minutes} minutes without a bar, usually {silence.usual} "
            "at most",
            last_bar=self.last_bar,
            change="stopped" if is_new else None,
        )

    def report_resumed(self, silence: Silence) -> FeedCheck:
        """Send a notice that the feed resumed, if its last notice said that it stopped."""
        stop = _last_notice_key(self.config, self.market)
        is_new = False
        before = None
        if stop is not None and not stop.endswith(_RESUMED):
            before = datetime.fromisoformat(stop.rsplit(" ", 1)[-1])
        if before is not None and self.last_bar > before:
            is_new = notify(
                self.config,
                KIND,
                self.market.symbol,
                f"{stop}{_RESUMED}",
                f"{self.market.symbol}: the feed goes on",
                f"Bars come again, the last one of {self.last_bar:%Y-%m-%d %H:%M} UTC; the one "
                f"before the stop was of {before:%Y-%m-%d %H:%M} UTC. What is missing between, "
                f"if your platform keeps it: orbcast refresh --market {self.name.lower()} --full",
            )
            if is_new:
                emit(FeedResumed(market=self.name, last_bar=self.last_bar, stopped_after=before))
        return FeedCheck(
            verdict=f"{silence.minutes} minutes without a bar, which is usual",
            last_bar=self.last_bar,
            change="resumed" if is_new else None,
        )


def _last_notice_key(config: Settings, market: Market) -> str | None:
    """Return the key of the last notice about a market's feed."""
    last = notices(config.database(), market=market.symbol, kinds=(KIND,), last=1)
    return last[-1].notice.key if last else None


def _live_source(config: Settings, market: str) -> SourceSpec | None:
    spec = standing_source(config.sources_file, market)
    return spec if spec is not None and source_class(spec.kind).is_live else None


def _newest(
    config: Settings, market: Market, spec: SourceSpec, at: datetime
) -> tuple[int | None, str | None]:
    """Return the source's last finished minute, and the error if it could not be read.

    In a folder of files, only those written since the lake's last bar are read.
    """
    status = config.lake().status(market.symbol)
    newest: int | None = None
    try:
        looked_at = _written_since(spec, status.last) if status.last else spec
        if looked_at is None:
            return None, None
        since = at - timedelta(days=1)
        for batch in open_source(looked_at, market, at, config.feeds_dir, since, dry_run=True):
            newest = max(filter(None, (newest, _last_of(batch, market, at))), default=None)
    except OrbcastError as error:
        return newest, str(error)
    return newest, None


def _written_since(spec: SourceSpec, moment: datetime) -> SourceSpec | None:
    """Return the source without files last written before a moment; None if none is left.

    A database sometimes writes to files beside its own, so it is always read.
    """
    if source_class(spec.kind).paths_are != "files" or spec.kind == "duckdb":
        return spec
    paths = [
        str(path)
        for named in spec.paths
        for path in (sorted(Path(named).iterdir()) if Path(named).is_dir() else [Path(named)])
        if path.is_file() and path.stat().st_mtime >= moment.timestamp()
    ]
    return spec.model_copy(update={"paths": tuple(paths)}) if paths else None


def _last_of(batch: RawBatch, market: Market, at: datetime) -> int | None:
    names = batch.table["contract"]
    own = pc.or_(
        pc.equal(names, market.symbol),
        pc.match_substring_regex(names, f"^(?:{market.contract_pattern})$"),
    )
    finished = pc.less_equal(
        batch.table["ts"], pa.scalar(at - timedelta(minutes=1), batch.table["ts"].type)
    )
    last = pc.max(batch.table.filter(pc.and_(own, finished))["ts"]).as_py()
    return None if last is None else to_minute(last)
