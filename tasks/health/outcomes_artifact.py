"""The Prefect artifact of the outcomes of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_core.health.daily_sums import PerformanceRecord
from monitoring.breaker import BreakerState
from monitoring.performance import Period, over
from tasks.health.early_warning import EarlyWarning
from tasks.health.performance_artifact import last_days, plots_of_record, scores_of
from tasks.prediction.outcomes.settling import OutcomeCounts
from tasks.rollout.checks import RolloutCheck
from tasks.runs.artifacts import bullets, last_verdict, publish


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesResult(OutcomeCounts):
    """Result of a run of log-outcomes.

    Attributes
    ----------
    verdict
        The added outcomes and the market's breaker and stage, in a sentence.
    missed
        Number of slots without a prediction in time that were recorded as missed.
    performance
        The live champion's performance, in a sentence.
    breaker, rollout, early_warning
        Result of each check; None in a run as of an earlier time.
    """

    verdict: str
    missed: int
    performance: str
    breaker: BreakerState | None
    rollout: RolloutCheck | None
    early_warning: EarlyWarning | None


def publish_outcomes(
    market: str, verdict: str, live: Sequence[PerformanceRecord], warnings: Sequence[str]
) -> None:
    """Publish the live champion's performance: its scores, plots and last days."""
    period = over(live)
    publish(
        f"outcomes-{market}",
        verdict,
        bullets(_remarks(period, warnings)),
        *scores_of(period),
        *plots_of_record(live),
        last_days(live),
    )


def counts_in_words(counts: OutcomeCounts, missed: int) -> str:
    """Return in words how many outcomes were added and how many slots recorded as missed."""
    words = (
        f"{counts.symbol}: {counts.added} outcomes added, {counts.revised} revised, "
        f"{counts.open} still open"
    )
    if missed:
        words += f"; {missed} slots without a prediction were recorded as missed"
    return words


def state_words(breaker: BreakerState | None, rollout: RolloutCheck | None) -> str:
    """Return the breaker's state in words, and the stage if the market stepped down."""
    words = ""
    if breaker is not None:
        words += f"; breaker {breaker.state}"
        if not breaker.closed:
            words += f": {breaker.cause}, {breaker.detail}"
    if rollout is not None and rollout.stepped_down:
        words += f"; stepped down to {rollout.stage}: {rollout.stepped_down}"
    return words


def is_latest_state(market: str, standing: str) -> bool:
    """Return whether the latest outcomes artifact already shows this breaker and stage."""
    last = last_verdict(f"outcomes-{market}")
    return last is not None and last.endswith(standing)


def _remarks(period: Period, warnings: Sequence[str]) -> list[str]:
    """Return remarks on the live champion's performance, late outcomes and revised ones."""
    counts = period.counts
    remarks = [f"Champion, {period.verdict}"]
    if counts.late or counts.revised or counts.late_outcomes:
        remarks.append(
            f"{counts.late} predictions were late and are not scored; {counts.revised} outcomes "
            f"were revised since, {counts.late_outcomes} were recorded late"
        )
    return [*remarks, *(f"Early warning, {warning}" for warning in warnings)]
