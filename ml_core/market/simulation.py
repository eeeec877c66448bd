"""A seeded market of 1-minute bars whose truth is known.

Prices are a walk of Gaussian steps rounded to whole ticks over the exchange's real hours: breaks,
weekends, holidays and half-days come from the calendar. A step's size follows the hour of the day
(in New York and London, so daylight saving moves it) and a level that wanders from day to day.
Minutes do not trade with a chance that is larger in quiet hours; then nothing moves. Contracts
stand 200 ticks apart, and volume moves to the next one over the days around each roll.

The planted edge: in every opening range the volumes of the window's later and first half are
compared. After the window the price drifts towards UP if the later half was larger, DOWN if
smaller, until the next range begins or the session ends. Volumes are otherwise independent of
prices, so the sign of ``window_volume_tilt`` is all there is to know beyond the corridor, and
P(UP) is computed exactly for who knows it and for who does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.market.corridor_exit import Stretch, exit_chances
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule, from_minute

SIGMA_TICKS = 5.0
"""A minute's typical move at an ordinary hour of an ordinary day."""

START_TICKS = 20_000
ROLL_GAP_TICKS = 200
MAX_EDGE = 0.2
_LEVEL_MEMORY, _LEVEL_NOISE = 0.95, 0.08
_MONTH_CODES = "FGHJKMNQUVXZ"
_GOLD_MONTHS = "GJMQVZ"
_PILOT_SLOTS = 240
_BISECTIONS = 9
_ROLL_DAYS_BEFORE_MONTH_END = 3

OnProgress = Callable[[int, int], None]


class EdgeTooLargeError(InputError):
    """An edge no simulated drift is meant to give."""

    def __init__(self, edge: float) -> None:
        super().__init__(edge)
        self.edge = edge

    def __str__(self) -> str:
        return f"edge = {self.edge}: give accuracy points from 0 to {MAX_EDGE}, such as 0.03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of every slot with a range, n of them, in order of decision.

    Attributes
    ----------
    day, spec
        Row of the schedule and index of the market's range.
    sign
        +1, -1 or 0: what the window's volumes say.
    p_up
        P(UP | a break) for who knows everything that can be known at t0.
    p_up_driftless
        The same for who knows the walk but not the drift: the best corridor there could be.
    p_none
        P(no break by the scan end).
    """

    day: NDArray[np.int64]
    spec: NDArray[np.int64]
    sign: NDArray[np.int64]
    p_up: NDArray[np.float64]
    p_up_driftless: NDArray[np.float64]
    p_none: NDArray[np.float64]

    def summary(self) -> dict[str, float]:
        """Return expected accuracy and log loss of the best observer and of the driftless one."""
        best, driftless = self.p_up, self.p_up_driftless
        taken = np.where(driftless >= 0.5, best, 1.0 - best)  # noqa: PLR2004 - even odds
        return {
            "slots": float(len(best)),
            "bayes_accuracy": float(np.maximum(best, 1.0 - best).mean()),
            "driftless_accuracy": float(taken.mean()),
            "bayes_log_loss": float(_expected_log_loss(best, best).mean()),
            "driftless_log_loss": float(_expected_log_loss(driftless, best).mean()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarket:
    """Bars of every contract, by minute and contract, in ticks; and the truth about them.

    Arrays have one element a bar: ``minute`` is UTC minutes since the epoch of the OPEN,
    ``contract`` an index into ``contracts``.
    """

    contracts: tuple[str, ...]
    minute: NDArray[np.int64]
    contract: NDArray[np.int32]
    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    volume: NDArray[np.int64]
    truth: Truth
    drift: float


@dataclass(frozen=True, slots=True)
class _Hours:
    """The law of each minute of the exchange's hours, in order of time, m of them."""

    minute: NDArray[np.int64]
    day: NDArray[np.int64]
    sigma: NDArray[np.float64]
    silent: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk over those minutes: steps' randomness, who trades, and the bars' shapes."""

    shock: NDArray[np.float64]
    trades: NDArray[np.bool_]
    reach: NDArray[np.int64]
    volume: NDArray[np.int64]


def simulate(
    market: Market,
    schedule: Schedule,
    *,
    seed: int,
    edge: float = 0.0,
    on_progress: OnProgress | None = None,
    with_truth: bool = True,
) -> SimulatedMarket:
    """Simulate a market over a schedule's trading days.

    Parameters
    ----------
    market
        Its sessions, ranges and contract names.
    schedule
        Trading days; a longer schedule with the same first day begins with the same bars.
    seed
        The same seed gives the same bars on every machine.
    edge
        Accuracy points by which the best observer beats the driftless one; 0 plants nothing.
    on_progress
        Called with (slots worked out, slots in all), those that the drift is searched with among
        them each time.
    with_truth
        Whether to work out each slot's true probabilities, which costs most of the time; without
        them :attr:`SimulatedMarket.truth` has no rows.

    Raises
    ------
    EdgeTooLargeError
        ``edge`` is negative or above ``MAX_EDGE``.
    """
    if not 0.0 <= edge <= MAX_EDGE:
        raise EdgeTooLargeError(edge)
    hours = _hours(schedule, seed)
    walk = _draw(hours, len(schedule), seed)
    slots = _slots(market, schedule, hours)
    sign = _signs(walk, slots)
    searched = _BISECTIONS * min(_PILOT_SLOTS, len(slots.day)) if edge else 0
    in_all = searched + (len(slots.day) if with_truth else 0)

    def report(done: int) -> None:
        if on_progress is not None:
            on_progress(done, in_all)

    drift = _drift_for(edge, hours, walk, slots, sign, report) if edge else 0.0
    close, states = _walk_on(hours, walk, slots, sign, drift)
    if not with_truth:
        states = np.empty((0, 2), np.int64)
    truth = _truth(hours, slots, sign, states, drift, lambda done: report(searched + done))
    report(in_all)
    return _bars(market, schedule, hours, walk, close, truth, drift)


@dataclass(frozen=True, slots=True)
class _Slots:
    """Positions on the minutes of each slot's window, drift and scan, s of them, in order."""

    day: NDArray[np.int64]
    spec: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    drift_stop: NDArray[np.int64]
    scan_stop: NDArray[np.int64]


def _hours(schedule: Schedule, seed: int) -> _Hours:
    lengths = schedule.exchange_close - schedule.exchange_open
    day = np.repeat(np.arange(len(schedule)), lengths)
    first = np.repeat(schedule.exchange_open - (np.cumsum(lengths) - lengths), lengths)
    minute = first + np.arange(len(day))
    level = np.empty(len(schedule))
    last = 0.0
    for row, when in enumerate(schedule.days.astype(np.int64).tolist()):
        last = (
            _LEVEL_MEMORY * last + _LEVEL_NOISE * np.random.default_rng([seed, 1, when]).normal()
        )
        level[row] = last
    activity = _activity(minute)
    # the level is kept to hundredths and the shape to hours: a stretch of minutes shares a law
    sigma = np.round(SIGMA_TICKS * activity * np.exp(level)[day], 2)
    silent = np.round(np.clip(0.02 / activity**2, 0.0, 0.4), 3).astype(np.float64)
    return _Hours(minute, day, np.maximum(sigma, 0.5), silent)


def _activity(minute: NDArray[np.int64]) -> NDArray[np.float64]:
    """Relative size of moves by the hour: Asia's quiet, London's and New York's openings."""
    shape = np.full(24, 0.7)
    shape[[18, 19, 20, 21]] = 0.8  # New York's evening: Asia opens
    shape[[8, 9, 10, 11]] = (1.5, 1.7, 1.6, 1.2)
    hours, back = np.unique(minute // 60, return_inverse=True)
    new_york, london = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
    value = np.empty(len(hours))
    for index, hour in enumerate(hours.tolist()):
        moment = from_minute(hour * 60)
        there = moment.astimezone(london).hour
        value[index] = shape[moment.astimezone(new_york).hour] + (0.4 if there in {8, 9} else 0.0)
    return value[back]


def _draw(hours: _Hours, days: int, seed: int) -> _Walk:
    """Draw each day from its own stream, so that days before it change nothing of it."""
    counts = np.bincount(hours.day, minlength=days)
    shock, uniform, reach, volume = [], [], [], []
    stops = np.cumsum(counts)
    for row in range(days):
        stop = int(stops[row])
        span = slice(stop - int(counts[row]), stop)
        count = int(counts[row])
        draw = np.random.default_rng([seed, 2, int(hours.minute[span][0])])
        sigma = hours.sigma[span]
        shock.append(draw.normal(size=count))
        uniform.append(draw.random(count))
        reach.append(draw.geometric(1.0 / (1.0 + 0.4 * sigma), size=(2, count)) - 1)
        volume.append(1 + draw.poisson(12.0 * sigma * draw.gamma(2.0, 0.5, count)))
    trades = np.concatenate(uniform) >= hours.silent
    return _Walk(
        np.concatenate(shock), trades, np.concatenate(reach, axis=1), np.concatenate(volume)
    )


def _slots(market: Market, schedule: Schedule, hours: _Hours) -> _Slots:
    days, ranges = schedule.range_start.shape
    keep = schedule.open.ravel()
    start, stop, scan = (
        column.ravel()[keep]
        for column in (schedule.range_start, schedule.range_end, schedule.session_scan_end)
    )
    # ranges may start together (5 and 15 minutes at 09:30): the next one is the next to START
    starts = np.unique(start)
    after = np.searchsorted(starts, stop, side="left")
    following = np.append(starts, np.iinfo(np.int64).max)[after]
    position = [
        np.searchsorted(hours.minute, minute)
        for minute in (start, stop, np.minimum(following, scan), scan)
    ]
    del market
    return _Slots(
        np.repeat(np.arange(days), ranges)[keep],
        np.tile(np.arange(ranges), days)[keep],
        *position,
    )


def _signs(walk: _Walk, slots: _Slots) -> NDArray[np.int64]:
    """Compare volumes of the later and first half of each window, silent minutes counting none."""
    volume = np.concatenate([[0], np.cumsum(np.where(walk.trades, walk.volume, 0))])
    half = (slots.stop - slots.start) // 2
    first = volume[slots.start + half] - volume[slots.start]
    later = volume[slots.stop] - volume[slots.stop - half]
    towards: NDArray[np.int64] = np.sign(later - first)
    return towards


def _drifts(
    hours: _Hours, slots: _Slots, sign: NDArray[np.int64], drift: float
) -> NDArray[np.float64]:
    """Mean of each minute's step, ticks."""
    mean = np.zeros(len(hours.minute))
    for stop, end, towards in zip(
        slots.stop.tolist(), slots.drift_stop.tolist(), sign.tolist(), strict=True
    ):
        mean[stop:end] = towards * drift * hours.sigma[stop:end]
    return mean


def _walk_on(
    hours: _Hours,
    walk: _Walk,
    slots: _Slots,
    sign: NDArray[np.int64],
    drift: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return closes (m,), and each slot's corridor (width, start), (-1, 0) without a range."""
    step = np.rint(hours.sigma * walk.shock + _drifts(hours, slots, sign, drift))
    close = START_TICKS + np.cumsum(np.where(walk.trades, step, 0.0)).astype(np.int64)
    high, low = _extremes(close, walk)
    states = np.empty((len(slots.day), 2), np.int64)
    for index, (start, stop) in enumerate(
        zip(slots.start.tolist(), slots.stop.tolist(), strict=True)
    ):
        seen = walk.trades[start:stop]
        if not seen.any():
            states[index] = (-1, 0)
            continue
        bottom = low[start:stop][seen].min()
        top = high[start:stop][seen].max()
        states[index] = (top - bottom, close[start:stop][seen][-1] - bottom)
    return close, states


def _extremes(
    close: NDArray[np.int64], walk: _Walk
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    opened = np.concatenate([close[:1], close[:-1]])
    return np.maximum(opened, close) + walk.reach[0], np.minimum(opened, close) - walk.reach[1]


def _path(hours: _Hours, start: int, bend: int, stop: int, drift: float) -> list[Stretch]:
    """Cut the minutes from t0 on into stretches of one law; the drift ends at ``bend``.

    After it the next range's own drift may go either way with equal chance, which to the first
    order is none.
    """
    sigma, silent = hours.sigma[start:stop], hours.silent[start:stop]
    changes = np.flatnonzero((np.diff(sigma) != 0) | (np.diff(silent) != 0)) + 1
    edges = sorted({0, *changes.tolist(), min(max(bend - start, 0), len(sigma)), len(sigma)})
    return [
        Stretch(
            b - a,
            float(sigma[a]),
            drift * float(sigma[a]) if start + a < bend else 0.0,
            float(silent[a]),
        )
        for a, b in pairwise(edges)
        if b > a
    ]


def _truth(  # noqa: PLR0917 - the parts of one walk
    hours: _Hours,
    slots: _Slots,
    sign: NDArray[np.int64],
    states: NDArray[np.int64],
    drift: float,
    report: Callable[[int], None],
) -> Truth:
    rows = np.flatnonzero(states[:, 0] > 0)
    p_up, driftless, none = (np.empty(len(rows)) for _ in range(3))
    for index, row in enumerate(rows.tolist()):
        width, start = (int(value) for value in states[row])
        ends = (int(slots.stop[row]), int(slots.drift_stop[row]), int(slots.scan_stop[row]))
        up, down, left = exit_chances(width, start, _path(hours, *ends, 0.0))
        driftless[index] = p_up[index] = up / (up + down)
        if drift and sign[row]:
            path = _path(hours, *ends, drift * float(sign[row]))
            up, down, left = exit_chances(width, start, path)
            p_up[index] = up / (up + down)
        none[index] = left
        report(index + 1)
    return Truth(
        day=slots.day[rows],
        spec=slots.spec[rows],
        sign=sign[rows],
        p_up=p_up,
        p_up_driftless=driftless,
        p_none=none,
    )


def _drift_for(  # noqa: PLR0917 - the parts of one walk
    edge: float,
    hours: _Hours,
    walk: _Walk,
    slots: _Slots,
    sign: NDArray[np.int64],
    report: Callable[[int], None],
) -> float:
    """Find the drift, in sigmas a minute, whose edge on a pilot of early slots is as asked."""
    pilot = min(_PILOT_SLOTS, len(slots.day))
    few = _Slots(*(getattr(slots, name)[:pilot] for name in _Slots.__slots__))
    _, states = _walk_on(hours, walk, few, sign[:pilot], 0.0)
    low, high = 0.0, 1.0
    for turn in range(_BISECTIONS):
        middle = (low + high) / 2

        def report_turn(done: int, before: int = turn * pilot) -> None:
            report(before + done)

        summary = _truth(hours, few, sign[:pilot], states, middle, report_turn).summary()
        if summary["bayes_accuracy"] - summary["driftless_accuracy"] < edge:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 4)


def _bars(  # noqa: PLR0917 - everything that makes a bar
    market: Market,
    schedule: Schedule,
    hours: _Hours,
    walk: _Walk,
    close: NDArray[np.int64],
    truth: Truth,
    drift: float,
) -> SimulatedMarket:
    names, first, share = _contracts(market, schedule)
    high, low = _extremes(close, walk)
    opened = np.concatenate([close[:1], close[:-1]])
    order = np.argsort(names)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    minute, code, columns, volume = [], [], [], []
    for which in (0, 1):  # the day's first contract, and the one after it
        part = share[hours.day] if which else 1.0 - share[hours.day]
        traded = np.floor(walk.volume * part).astype(np.int64)
        rows = np.flatnonzero(walk.trades & (traded > 0))
        contract = first[hours.day[rows]] + which
        gap = ROLL_GAP_TICKS * contract
        minute.append(hours.minute[rows])
        code.append(rank[contract])
        columns.append(np.stack([price[rows] + gap for price in (opened, high, low, close)]))
        volume.append(traded[rows])
    minutes, codes = np.concatenate(minute), np.concatenate(code)
    sort = np.lexsort((codes, minutes))
    prices = np.concatenate(columns, axis=1)[:, sort].astype(np.int32)
    return SimulatedMarket(
        contracts=tuple(names[index] for index in order),
        minute=minutes[sort],
        contract=codes[sort].astype(np.int32),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=np.concatenate(volume)[sort],
        truth=truth,
        drift=drift,
    )


def _contracts(
    market: Market, schedule: Schedule
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Name the contracts, each day's first one, and the share of volume the next one has."""
    import re  # noqa: PLC0415 - one use

    matches = re.compile(market.contract_pattern).fullmatch
    codes = [month_code for month_code in _MONTH_CODES if matches(f"{market.symbol}{month_code}1")]
    if set(_GOLD_MONTHS) <= set(codes):
        codes = list(_GOLD_MONTHS)
    months = schedule.days.astype("datetime64[M]").astype(np.int64)
    # a contract is left some days before the month it is named for begins
    expiries = [
        month
        for month in range(int(months[0]), int(months[-1]) + 14)
        if _MONTH_CODES[month % 12] in codes
    ]
    roll = np.array(expiries, "datetime64[M]").astype("datetime64[D]") - np.timedelta64(
        _ROLL_DAYS_BEFORE_MONTH_END, "D"
    )
    expiring = np.searchsorted(roll, schedule.days, side="right")
    first = expiring - expiring[0]
    names = [
        f"{market.symbol}{_MONTH_CODES[month % 12]}{(1970 + month // 12) % 10}"
        for month in expiries[int(expiring[0]) :]
    ]
    ahead = (roll[expiring].astype(np.int64) - schedule.days.astype(np.int64)).astype(np.float64)
    share = np.interp(ahead, [0.0, 1.0, 3.0, 6.0, 10.0], [0.6, 0.6, 0.35, 0.1, 0.0])
    return names, first, share


def _expected_log_loss(
    predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.negative(true * np.log(predicted) + (1.0 - true) * np.log1p(-predicted))
