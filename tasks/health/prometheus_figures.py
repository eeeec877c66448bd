"""The status of each market as Prometheus metrics: a text file that can be read at any time.

Times are written as timestamps, not as ages: the reader computes the age, which is right even if
the file is some minutes old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

from filelock import FileLock
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ml_core.files import written_atomically
from ml_core.market_events import STAGES
from monitoring.breaker import State as BreakerName
from tasks import notices
from tasks.health.market_overview import MarketOverview, market_overview_of, problems_of
from tasks.prediction.trading_day import State as SlotState
from tasks.settings import Settings

LEFT_OUT_AFTER = timedelta(hours=1)
"""How long a market's metrics stay when no run renews them, e.g. once it is not served."""

_LOCK_SECONDS = 10.0

Rows = Iterable[tuple[tuple[str, ...], float]]
"""Values of the labels after ``market`` -> the metric's value."""


def write_figures(settings: Settings, name: str, at: datetime) -> None:
    """Update a market's metrics in the file; errors are logged and never raised.

    Only this market is read. The other markets' metrics stay as their own runs wrote them, so
    that a run costs the same however many markets are served. Runs that end at the same time
    wait for one another.

    Parameters
    ----------
    settings, name
        The installation; the name of a market file.
    at
        Aware time, now.
    """
    path = settings.figures_file
    with notices.delivery.quietly(f"no figures of {name}"):
        standing = market_overview_of(settings, name, at)
        lock = FileLock(settings.home / "figures.lock", timeout=_LOCK_SECONDS)
        with lock, written_atomically(path) as temporary:
            others = _figures_of_others(path, standing.market, at)
            temporary.write_bytes(figures_text((standing,), at, others))


def figures_text(
    standings: Sequence[MarketOverview], at: datetime, others: Iterable[Sample] = ()
) -> bytes:
    """Return the metrics in Prometheus's text format.

    Parameters
    ----------
    standings
        The status of each market, as `orbcast status` shows it.
    at
        Aware time at which the status was read.
    others
        Metrics of other markets, as they were written.
    """
    registry = CollectorRegistry()
    gauges = {
        f"orbcast_{name}": Gauge(f"orbcast_{name}", words, ("market", *labels), registry=registry)
        for name, words, labels, _ in _FIGURES
    }
    for standing in standings:
        gauges[_WRITTEN].labels(standing.market).set(at.timestamp())
        for name, _, _, rows_of in _FIGURES:
            for values, figure in rows_of(standing):
                gauges[f"orbcast_{name}"].labels(standing.market, *values).set(figure)
    for sample in others:
        gauges[sample.name].labels(**sample.labels).set(sample.value)
    return generate_latest(registry)


def _figures_of_others(path: Path, market: str, at: datetime) -> list[Sample]:
    """Return the file's metrics of other markets, except those that no run renews.

    A file that cannot be read, or that another release wrote with other metrics, yields none:
    each market's next run writes its metrics again.
    """
    try:
        families = list(text_string_to_metric_families(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return []
    labels = {f"orbcast_{name}": {"market", *labels} for name, _, labels, _ in _FIGURES}
    samples = [
        sample
        for family in families
        for sample in family.samples
        if sample.labels.keys() == labels.get(sample.name)
    ]
    renewed = {
        sample.labels["market"]
        for sample in samples
        if sample.name == _WRITTEN and sample.value >= (at - LEFT_OUT_AFTER).timestamp()
    }
    return [sample for sample in samples if sample.labels["market"] in renewed - {market}]


def _one(figure: float | None) -> Rows:
    return () if figure is None else (((), figure),)


def _time(moment: datetime | None) -> Rows:
    return _one(None if moment is None else moment.timestamp())


def _which(value: str, among: Iterable[str]) -> Rows:
    """Return 1 for the current value and 0 for the others, so that a change shows at once."""
    return [((name,), float(name == value)) for name in among]


def _slots(standing: MarketOverview) -> Rows:
    counts = Counter(slot.state for slot in standing.slots)
    return [((state,), float(counts[state])) for state in get_args(SlotState)]


def _delays(standing: MarketOverview) -> Rows:
    return [
        ((slot.opening_range,), (slot.answered_at - slot.decision).total_seconds())
        for slot in standing.slots
        if slot.answered_at is not None and slot.state == "answered"
    ]


_WRITTEN = "orbcast_written_timestamp_seconds"

_FIGURES: tuple[tuple[str, str, tuple[str, ...], Callable[[MarketOverview], Rows]], ...] = (
    # not part of the market's status: `figures_text` adds it
    ("written_timestamp_seconds", "When these figures were written", (), lambda _: ()),
    ("bars", "Bars in the lake", (), lambda it: _one(it.bars)),
    ("last_bar_timestamp_seconds", "When the last bar opened", (), lambda it: _time(it.last_bar)),
    (
        ("slots_today"),
        "Opening ranges of today by the state of their prediction",
        ("state",),
        _slots,
    ),
    (
        "slots_unpredicted_today",
        "Opening ranges of today without a prediction for a reason other than the market",
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
        "1 for the current state of the circuit breaker",
        ("state",),
        lambda it: _which(it.breaker_state, get_args(BreakerName)),
    ),
    (
        "stage",
        "1 for the current stage of the rollout",
        ("stage",),
        lambda it: _which(it.stage, STAGES),
    ),
    (
        "version_made_timestamp_seconds",
        "When the serving version was made",
        (),
        lambda it: _time(it.version_made),
    ),
    (
        "version_expires_timestamp_seconds",
        "Until when the serving version may predict",
        (),
        lambda it: _time(it.serves_until),
    ),
    (
        "last_retrain_timestamp_seconds",
        "When a retrain last succeeded",
        (),
        lambda it: _time(it.last_retrain),
    ),
    (
        "problems",
        "Problems that `orbcast status --check` lists for the market",
        (),
        lambda it: _one(len(problems_of(it))),
    ),
)
