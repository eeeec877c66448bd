"""How each market stands as figures for Prometheus: a text file that others may read at any time.

Times are given as times and not as ages: whoever asks works the age out, and it is right although
the file is some minutes old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from ml_core.files import written_atomically
from monitoring.breaker import State as BreakerName
from monitoring.rollout import STAGES
from tasks import notices
from tasks.health.market_overview import Standing, problems_of, standing_of
from tasks.prediction.trading_day import State as SlotState
from tasks.settings import Settings

Rows = Iterable[tuple[tuple[str, ...], float]]
"""Values of the labels after ``market``, and the figure of each."""


def write_figures(settings: Settings, at: datetime) -> None:
    """Write the figures of every market served; what goes wrong is logged and stops nothing.

    A market that cannot be looked at is left out, and the others are written.
    """
    standings: list[Standing] = []
    for name in settings.markets:
        with notices.delivery.quietly(f"no figures of {name}"):
            standings.append(standing_of(settings, name, at))
    with (
        notices.delivery.quietly("the figures were not written"),
        written_atomically(settings.figures_file) as temporary,
    ):
        temporary.write_bytes(figures_text(standings, at))


def figures_text(standings: Sequence[Standing], at: datetime) -> bytes:
    """Return the figures in Prometheus's text format.

    Parameters
    ----------
    standings
        Of the markets, as `orbcast status` shows them.
    at
        Aware time, when they were looked at.
    """
    registry = CollectorRegistry()
    name = "orbcast_written_timestamp_seconds"
    Gauge(name, "When these figures were written", registry=registry).set(at.timestamp())
    for name, words, labels, rows_of in _FIGURES:
        gauge = Gauge(f"orbcast_{name}", words, ("market", *labels), registry=registry)
        for standing in standings:
            for values, figure in rows_of(standing):
                gauge.labels(standing.market, *values).set(figure)
    return generate_latest(registry)


def _one(figure: float | None) -> Rows:
    return () if figure is None else (((), figure),)


def _time(moment: datetime | None) -> Rows:
    return _one(None if moment is None else moment.timestamp())


def _which(value: str, among: Iterable[str]) -> Rows:
    """Return 1 for the one that holds, and 0 for the others, so that a change shows at once."""
    return [((name,), float(name == value)) for name in among]


def _slots(standing: Standing) -> Rows:
    counts = Counter(slot.state for slot in standing.slots)
    return [((state,), float(counts[state])) for state in get_args(SlotState)]


def _delays(standing: Standing) -> Rows:
    return [
        ((slot.opening_range,), (slot.answered_at - slot.decision).total_seconds())
        for slot in standing.slots
        if slot.answered_at is not None and slot.state == "answered"
    ]


_FIGURES: tuple[tuple[str, str, tuple[str, ...], Callable[[Standing], Rows]], ...] = (
    ("bars", "Bars in the lake", (), lambda it: _one(it.bars)),
    ("last_bar_timestamp_seconds", "When the last bar opened", (), lambda it: _time(it.last_bar)),
    ("slots_today", "Opening ranges of today by the state of their answer", ("state",), _slots),
    (
        "slots_unpredicted_today",
        "Opening ranges of today without a prediction for a reason that is not the market's",
        (),
        lambda it: _one(sum(slot.is_unpredicted for slot in it.slots)),
    ),
    (
        "answer_delay_seconds",
        "From an opening range's close to its prediction, of today",
        ("opening_range",),
        _delays,
    ),
    (
        "next_decision_timestamp_seconds",
        "When the next opening range closes",
        (),
        lambda it: _time(it.next_decision),
    ),
    (
        "breaker",
        "1 for the state of the circuit breaker",
        ("state",),
        lambda it: _which(it.breaker_state, get_args(BreakerName)),
    ),
    (
        "stage",
        "1 for the stage of the rollout",
        ("stage",),
        lambda it: _which(it.stage, STAGES),
    ),
    (
        "version_made_timestamp_seconds",
        "When the version that serves was made",
        (),
        lambda it: _time(it.version_made),
    ),
    (
        "version_expires_timestamp_seconds",
        "Until when the version that serves may answer",
        (),
        lambda it: _time(it.serves_until),
    ),
    (
        "last_retrain_timestamp_seconds",
        "When a retrain ended well last",
        (),
        lambda it: _time(it.last_retrain),
    ),
    (
        "problems",
        "Lines that `orbcast status --check` has of the market",
        (),
        lambda it: _one(len(problems_of(it))),
    ),
)
