"""The facts that messages of the trading day are written from. Nothing here reads a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ml_core.backtest.driftless_forecast import DriftlessForecast
from ml_core.decision.entry import PredictionEntry
from ml_core.market.instrument import Instrument
from ml_core.market.news import NewsEvent
from ml_core.market_events import Stage
from ml_core.strategy.account.standing import AccountSide
from ml_core.strategy.bracket import Bracket
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.plan import Plan
from ml_core.strategy.trade_rule import EntryBy
from monitoring.performance import Period

NOT_TRADED: tuple[Stage, ...] = ("off", "shadow")
"""Stages at which nothing is traded; any forecast is made for the record only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it is sent to a person."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFacts:
    """An opening range that has closed.

    Attributes
    ----------
    symbol, trading_day, opening_range, zone
        Which range, and the market's zone, in which times are written.
    closed
        When its window ended, aware.
    instrument, contract
        What is traded; ``contract`` is None where it is not known.
    high, low
        Whole ticks, as traded.
    """

    symbol: str
    trading_day: date
    opening_range: str
    zone: str
    closed: datetime
    instrument: Instrument
    contract: str | None
    high: int
    low: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """What the rules decided for a range.

    Attributes
    ----------
    rules, stage
        The rules' name, and the market's stage.
    plan
        The plan that is active at that stage; None if the rules decided nothing.
    """

    rules: str
    stage: Stage
    plan: Plan | None

    @property
    def is_traded(self) -> bool:
        """Whether anything is traded at the stage."""
        return self.stage not in NOT_TRADED


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastFacts:
    """A forecast, and the trades of a break up and of a break down.

    Attributes
    ----------
    opening_range
        The range; None where no bars of it are known.
    slot
        Its name in the subject of a message, such as ``MGC 1000``.
    entry
        The champion's entry in the ledger.
    brackets
        The trades of a break up and of a break down, by the rules; none without a range.
    plan
        What the rules decided.
    other_label
        Key of the label that the forecast was made for, where the rules trade another one.
    trade
        The rules' trade in words, where no label states it.
    driftless
        The forecast of a driftless price for that trade; None if it is not known.
    news, zone
        Scheduled news of the coming hours, as known at the range's close, and the zone in which
        its times are written.
    """

    slot: str
    opening_range: RangeFacts | None
    entry: PredictionEntry
    brackets: tuple[Bracket, ...]
    plan: PlanFacts
    other_label: str | None = None
    trade: str = ""
    driftless: DriftlessForecast | None = None
    news: tuple[NewsEvent, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFacts:
    """A range that broke, and the rules' trade of it.

    Attributes
    ----------
    opening_range, entry, plan
        The range, its forecast, and what the rules decided.
    bracket, planned
        The trade as it was entered, and as it was planned with the forecast.
    broke
        When the range broke, aware.
    size, why_not
        The size that the rules entered with, 0 if they did not; and why not, if it is known.
    by
        How the rules enter.
    """

    opening_range: RangeFacts
    entry: PredictionEntry
    plan: PlanFacts
    bracket: Bracket
    planned: Bracket
    broke: datetime
    size: float
    why_not: str = ""
    by: EntryBy = "close"

    @property
    def planned_contracts(self) -> int | None:
        """The contracts planned with the forecast; None without an account."""
        allowed = self._allowed
        return None if allowed is None else allowed.contracts

    @property
    def contracts(self) -> int | None:
        """The contracts that the account allows at the actual entry; None without an account."""
        stop = self.ticks_at_stop * self.opening_range.instrument.tick_value
        allowed = self._allowed
        return None if allowed is None else allowed.contracts_at(stop)

    @property
    def ticks_at_stop(self) -> float:
        """The ticks that a contract loses at its stop, with costs."""
        return self.bracket.risk + self.opening_range.instrument.round_trip_cost_ticks

    @property
    def _allowed(self) -> AccountSide | None:
        plan = self.plan.plan
        return None if plan is None else plan.allowed(self.bracket.side)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledFacts:
    """The result of a range.

    Attributes
    ----------
    opening_range, entry, plan
        The range, its forecast, and what the rules decided.
    trade
        The trade of its break; None of a range that did not break.
    outcome
        ``WIN``, ``LOSS``, ``MOVED_STOP`` or ``TIMEOUT``; None without a trade.
    exit
        Whole ticks; None without a trade.
    r_gross, r_net
        Of size 1, before and after costs; None without a trade.
    resolved
        When it was settled, aware.
    day
        The day's trades by the rules up to then.
    by
        How the rules enter; None if they may have passed over the first break.
    """

    opening_range: RangeFacts
    entry: PredictionEntry
    plan: PlanFacts
    trade: TradeFacts | None
    outcome: str | None
    exit: int | None
    r_gross: float | None
    r_net: float | None
    resolved: datetime
    day: DaySoFar
    by: EntryBy | None = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeOfDigest:
    """An opening range as one line of a digest.

    Attributes
    ----------
    opening_range
        Its name.
    p_up, baseline_p_up
        The forecast beside the corridor; None without a forecast.
    why_none
        Why there was no forecast; None where there was one.
    direction, outcome, r_net
        Its result; None while it is open.
    size
        The size of the rules' trade; 0 if they made none.
    """

    opening_range: str
    p_up: float | None
    baseline_p_up: float | None
    why_none: str | None
    direction: str | None
    outcome: str | None
    r_net: float | None
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """A trading day that is over.

    Attributes
    ----------
    symbol, trading_day
        Which.
    stage
        The market's stage.
    ranges
        The ranges with an entry in the ledger, in order.
    trades, net_r
        Number of the rules' trades, and their net R times size.
    period, record
        Performance of the day's forecasts beside the corridor, and that of the whole live record.
    """

    symbol: str
    trading_day: date
    stage: Stage
    ranges: Sequence[RangeOfDigest]
    trades: int
    net_r: float
    period: Period
    record: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFacts:
    """A week that is over.

    Attributes
    ----------
    symbol, first_day, last_day
        The market, and the week's first and last trading day.
    stage
        The market's stage at its end.
    days
        By day, the number of the rules' trades and their net R.
    period, record
        Performance of the week's forecasts beside the corridor, and that of the whole live record.
    """

    symbol: str
    first_day: date
    last_day: date
    stage: Stage
    days: Sequence[tuple[date, int, float]]
    period: Period
    record: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionFacts:
    """A change of the version that makes the forecasts."""

    symbol: str
    stage: Stage
    model: str
    version: str
    before: str | None
    by: str
    reason: str
    at: datetime
