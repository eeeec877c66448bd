"""The status of a market on one screen: bars, model, breaker, stage, today's slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ml_core.learning.data_fingerprint import parts_of
from ml_core.market.news import NewsEvent, coming_news, known_news
from monitoring.pages.formatting import utc_minute
from registry.errors import UnknownVersionError
from registry.health.drift import latest_drift
from registry.health.parity import latest_parity
from registry.ledger.entries import Settled
from registry.ledger.slots import last_decided
from registry.news import news_of
from tasks.health.breaker import OURS, breaker_of
from tasks.prediction.account_now import AccountNow, account_now
from tasks.prediction.day_outlook import DayOutlook, day_outlook
from tasks.prediction.trading_day import slots_of_day
from tasks.rollout.stage import stage_of
from tasks.settings import Settings
from tasks.training.retrain.attempts import attempts_of, resting

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOverview:
    """The status of one of today's opening ranges, in one line.

    Attributes
    ----------
    opening_range, decision
        Name of the opening range, and its decision time (aware UTC).
    state, words, reason
        See :data:`tasks.prediction.trading_day.State`; the recommendation or why there is none,
        in words, and the typed reason.
    p_up, baseline_p_up
        P(UP) given a breakout, by the model and by the corridor; None without a prediction.
    outcome, r_net
        Outcome and net R; None while the slot is open.
    answered_at
        When the ledger row was made (aware UTC); None without a row.
    """

    opening_range: str
    decision: datetime
    state: str
    words: str
    reason: str | None
    p_up: float | None
    baseline_p_up: float | None
    outcome: str | None
    r_net: float | None
    answered_at: datetime | None

    @property
    def is_unpredicted(self) -> bool:
        """Whether it lacks a prediction for a reason that is Orbcast's own fault."""
        return self.state == "absent" or self.reason in OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOverview:
    """The status of a market at a time; unknown facts are None.

    Attributes
    ----------
    market, zone
        Symbol; the market's time zone.
    stage, breaker_state, breaker
        The current stage; the breaker's state, and the state with its cause.
    serves, serves_until, trouble
        The serving version, its expiry, and why it is not the one that should serve, if so.
    version_made, last_retrain
        When that version was made; when the last successful retrain ended (aware UTC).
    bars, last_bar
        Number of bars in the lake, and when the last one opened (aware UTC).
    drift, parity
        The latest verdicts, with their times.
    last_live_answer
        The slot and its prediction or reason.
    retrains_rest
        Why scheduled retrains are paused, if they are.
    next_decision, next_range
        Decision time and name of the next expected opening range.
    trading_day, slots
        Today in the market's time zone, and its ranges in order; none on a weekend.
    outlook
        Whether today is a trading day, and the opening ranges to come.
    news
        Scheduled news of the next day.
    news_ends
        Time of the last recorded news, if the serving version learned from news and that time is
        within a week or past; otherwise None.
    strategy, account
        The rules that the market is traded by, and the trader's account with what its limits
        leave; None if no account is named.
    """

    market: str
    zone: str
    stage: str
    breaker_state: str
    breaker: str
    serves: str | None
    serves_until: datetime | None
    trouble: str | None
    version_made: datetime | None
    last_retrain: datetime | None
    bars: int
    last_bar: datetime | None
    drift: str | None
    parity: str | None
    last_live_answer: str | None
    retrains_rest: str | None
    next_decision: datetime | None
    next_range: str | None
    trading_day: date
    slots: tuple[SlotOverview, ...]
    outlook: DayOutlook
    news: tuple[NewsEvent, ...] = ()
    news_ends: datetime | None = None
    strategy: str = ""
    account: AccountNow | None = None


def market_overview_of(settings: Settings, name: str, at: datetime) -> MarketOverview:
    """Return the status of a market; of the ledger, only today's rows and the last one are read.

    Parameters
    ----------
    settings, name
        The installation; the name of a market file.
    at
        Aware time, now.
    """
    market = settings.market(name)
    symbol, database = market.symbol, settings.database()
    lake, breaker = settings.lake(), breaker_of(settings, symbol, at)
    serving = _serving(settings, symbol, at)
    attempts = attempts_of(settings, symbol)
    retrained = [one.ended_at for one in attempts if one.end == "done"]
    drift, parity = latest_drift(database, symbol), latest_parity(database, symbol)
    news = news_of(database, symbol)
    outlook = day_outlook(market, at)
    following = outlook.next_ranges[0] if outlook.next_ranges else None
    return MarketOverview(
        market=symbol,
        zone=market.zone,
        stage=stage_of(settings, symbol, at)[0],
        breaker_state=breaker.state,
        breaker=breaker.state + (f", {breaker.cause}: {breaker.detail}" if breaker.cause else ""),
        serves=serving.words if serving else None,
        serves_until=serving.until if serving else None,
        trouble=serving.trouble if serving else None,
        version_made=serving.made if serving else None,
        last_retrain=retrained[-1] if retrained else None,
        bars=lake.count(symbol),
        last_bar=lake.last_bar(symbol),
        drift=f"{utc_minute(drift.at)}: {drift.verdict}" if drift else None,
        parity=f"{utc_minute(parity.at)}: {parity.verdict}" if parity else None,
        last_live_answer=_last_prediction(settings, symbol),
        retrains_rest=resting(settings, attempts, at),
        next_decision=following.decision if following else None,
        next_range=following.opening_range if following else None,
        trading_day=outlook.trading_day,
        slots=tuple(
            _slot(slot.slot.opening_range, slot.slot.decision, slot.state, slot.why, slot.answers)
            for slot in slots_of_day(settings, market, outlook.trading_day, "live", at)
        ),
        outlook=outlook,
        news=coming_news(news, at, at + _DAY),
        news_ends=_end_of(news, at) if serving and serving.reads_news else None,
        strategy=settings.strategy_of(symbol),
        account=account_now(settings, market, at),
    )


def problems_of(overview: MarketOverview) -> tuple[str, ...]:
    """Return the problems of a market that need attention, one line each; empty if none."""
    lines = []
    if overview.serves is None:
        lines.append("no version serves")
    if overview.trouble:
        lines.append(overview.trouble)
    if overview.breaker != "closed":
        lines.append(f"the breaker is {overview.breaker}")
    if overview.news_ends:
        lines.append(
            f"the calendar of news ends {overview.news_ends:%Y-%m-%d}, and the serving version "
            "was trained with news: import a longer one (`orbcast events import FILE`)"
        )
    if overview.retrains_rest:
        lines.append(f"scheduled retrains are paused: {overview.retrains_rest}")
    lines += [
        f"{slot.opening_range} of {overview.trading_day} has no prediction: {slot.words}"
        for slot in overview.slots
        if slot.is_unpredicted
    ]
    return tuple(f"{overview.market}: {line}" for line in lines)


def _end_of(news: tuple[NewsEvent, ...], at: datetime) -> datetime | None:
    """Return when the last news known at a time comes, if that is within a week or past."""
    last = max((event.time for event in known_news(news, at)), default=None)
    return last if last is not None and last <= at + _WEEK else None


def _slot(
    name: str, decision: datetime, state: str, why: str, answers: tuple[Settled, ...]
) -> SlotOverview:
    entry = answers[0].prediction if answers else None
    outcome = answers[0].outcome if answers else None
    return SlotOverview(
        opening_range=name,
        decision=decision,
        state=state,
        words=why if entry is None or entry.status != "predicted" else entry.recommendation or "",
        reason=entry.reason if entry else None,
        p_up=entry.p_up if entry else None,
        baseline_p_up=entry.baseline_p_up if entry else None,
        outcome=(outcome.outcome or "no break") if outcome else None,
        r_net=outcome.r_net if outcome else None,
        answered_at=entry.made_at if entry else None,
    )


@dataclass(frozen=True, slots=True)
class _Serving:
    words: str
    made: datetime
    until: datetime
    trouble: str | None
    reads_news: bool


def _serving(settings: Settings, symbol: str, at: datetime) -> _Serving | None:
    store = settings.models()
    try:
        serving = store.serving(symbol, at)
    except UnknownVersionError:
        return None
    record = serving.record
    words = f"{record.version} ({record.model}), made {utc_minute(record.created_at)}"
    # a baseline asks for no feature, whatever the dataset had that it was trained on
    reads_news = record.kind != "baseline" and "news" in parts_of(record.data_fingerprint)
    return _Serving(
        words, record.created_at, store.expires_at(record), serving.trouble, reads_news
    )


def _last_prediction(settings: Settings, symbol: str) -> str | None:
    row = last_decided(settings.database(), symbol, mode="live", role="champion")
    if row is None:
        return None
    prediction = row.recommendation or f"none, {row.reason}"
    return f"{symbol}:{row.trading_day}:{row.opening_range} {prediction}"
