"""How a market stands, in what one screen holds: bars, model, breaker, stage, today's slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ml_core.market.news import NewsEvent, coming_news
from monitoring.pages.formatting import utc_minute
from registry.errors import UnknownVersionError
from registry.health.drift import latest_drift
from registry.health.parity import latest_parity
from registry.ledger.browsing import Wanted, browse
from registry.ledger.entries import Settled
from registry.news import news_of
from tasks.health.breaker import OURS, breaker_of
from tasks.prediction.account_now import AccountNow, account_now
from tasks.prediction.day_outlook import DayOutlook, day_outlook
from tasks.prediction.trading_day import slots_of_day
from tasks.rollout.stage import stage_of
from tasks.settings import Settings
from tasks.training.retrain.attempts import attempts_of, resting

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStanding:
    """One opening range of today in a line.

    Attributes
    ----------
    opening_range, decision
        Which, and its decision time (aware UTC).
    state, words, reason
        See :data:`tasks.prediction.trading_day.State`; what was recommended, or why nothing was,
        in words and by its type.
    p_up, baseline_p_up
        Among breaks, model and corridor; None without a prediction.
    outcome, r_net
        What became of it; None while that is open.
    answered_at
        When the answer was made (aware UTC); None without a row.
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
        """Whether it has no prediction though the exchange was open, which is ours to mend."""
        return self.state == "absent" or self.reason in OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a market stands at a time; what is not known is None.

    Attributes
    ----------
    market, zone
        Symbol; the market's own clock.
    stage, breaker_state, breaker
        The stage that holds; the breaker's state, and the same with its cause.
    serves, serves_until, trouble
        The version that answers, until when it may, and why it is not what it should be.
    version_made, last_retrain
        When that version was made; when a retrain ended well last (aware UTC).
    bars, last_bar
        Bars in the lake, and when the last one opened (aware UTC).
    drift, parity
        Last verdicts, with their time.
    last_live_answer
        Slot and what was said.
    retrains_rest
        Why scheduled retrains rest, if they do.
    next_decision, next_range
        Of the next opening range that is expected.
    trading_day, slots
        Today by the market's clock, and its ranges in order; none on a weekend.
    outlook
        Whether today is a trading day, and the opening ranges to come.
    news
        Scheduled news of the coming day.
    strategy, account
        The rules that it is traded by, and the trader's account with what its limits leave; None
        where he has named none.
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
    slots: tuple[SlotStanding, ...]
    outlook: DayOutlook
    news: tuple[NewsEvent, ...] = ()
    strategy: str = ""
    account: AccountNow | None = None


def standing_of(settings: Settings, name: str, at: datetime) -> Standing:
    """Look at a market; of the ledger only today's rows and the last one are read.

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
    retrained = [one.ended_at for one in attempts_of(settings, symbol) if one.end == "done"]
    drift, parity = latest_drift(database, symbol), latest_parity(database, symbol)
    outlook = day_outlook(market, at)
    following = outlook.next_ranges[0] if outlook.next_ranges else None
    return Standing(
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
        last_live_answer=_last_answer(settings, symbol),
        retrains_rest=resting(settings, symbol, at),
        next_decision=following.decision if following else None,
        next_range=following.opening_range if following else None,
        trading_day=outlook.trading_day,
        slots=tuple(
            _slot(slot.slot.opening_range, slot.slot.decision, slot.state, slot.why, slot.answers)
            for slot in slots_of_day(settings, market, outlook.trading_day, "live", at, bars=False)
        ),
        outlook=outlook,
        news=coming_news(news_of(database, symbol), at, at + _DAY),
        strategy=settings.strategy_of(symbol),
        account=account_now(settings, market, at),
    )


def problems_of(overview: Standing) -> tuple[str, ...]:
    """Return what of a market a person should look at, a line each; none where all is well."""
    lines = []
    if overview.serves is None:
        lines.append("no version serves")
    if overview.trouble:
        lines.append(overview.trouble)
    if overview.breaker != "closed":
        lines.append(f"the breaker is {overview.breaker}")
    if overview.retrains_rest:
        lines.append(f"scheduled retrains rest: {overview.retrains_rest}")
    lines += [
        f"{slot.opening_range} of {overview.trading_day} has no prediction: {slot.words}"
        for slot in overview.slots
        if slot.is_unpredicted
    ]
    return tuple(f"{overview.market}: {line}" for line in lines)


def _slot(
    name: str, decision: datetime, state: str, why: str, answers: tuple[Settled, ...]
) -> SlotStanding:
    entry = answers[0].prediction if answers else None
    outcome = answers[0].outcome if answers else None
    return SlotStanding(
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


def _serving(settings: Settings, symbol: str, at: datetime) -> _Serving | None:
    store = settings.models()
    try:
        serving = store.serving(symbol, at)
    except UnknownVersionError:
        return None
    record = serving.record
    words = f"{record.version} ({record.model}), made {utc_minute(record.created_at)}"
    return _Serving(words, record.created_at, store.expires_at(record), serving.trouble)


def _last_answer(settings: Settings, symbol: str) -> str | None:
    wanted = Wanted(market=symbol, mode=("live",), role=("champion",))
    rows = browse(settings.database(), wanted, limit=1)
    if not rows:
        return None
    (row,) = rows
    prediction = row.recommendation or f"none, {row.reason}"
    return f"{symbol}:{row.trading_day}:{row.opening_range} {prediction}"
