"""Runs of several markets: a market's fault is reported as that of a run of its own would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.flows import Flow

from ml_core.errors import OperatorError
from monitoring.notices import EndedRun
from tasks.notices.delivery import run_log
from tasks.notices.error_words import error_without_urls
from tasks.notices.notify import REPORTED, report_ended, report_run


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFault:
    """What stopped the work for one market, and for which opening range, if for one."""

    market: str
    opening_range: str | None
    words: str

    def __str__(self) -> str:
        of = f" {self.opening_range}" if self.opening_range else ""
        return f"{self.market.upper()}{of}: {self.words}"


class MarketsFailedError(OperatorError):
    """A run of several markets that failed for some; the others' work is done."""

    faults: tuple[str, ...]
    template = "{faults:; }"


def fault_of(error: Exception, market: str, opening_range: str | None = None) -> MarketFault:
    """Log an error of one market, and return it as a fault.

    Raises
    ------
    TimeoutError
        The error is the end of the whole run's time, and not a limit of this market's.
    """
    if isinstance(error, TimeoutError) and type(error) is not TimeoutError:
        raise error
    run_log().error("%s failed", market.upper(), exc_info=error)
    return MarketFault(market=market, opening_range=opening_range, words=error_without_urls(error))


def report_faults(flow: str, faults: Sequence[MarketFault]) -> None:
    """Send a notice of each market's fault, then end the run as failed if there was one.

    Parameters
    ----------
    flow
        The flow that does the same for one market.
    faults
        What stopped which markets.

    Raises
    ------
    MarketsFailedError
        There was a fault.
    """
    context = FlowRunContext.get()
    run = context.flow_run.name if context and context.flow_run else flow
    for fault in faults:
        report_ended(
            EndedRun(
                flow=flow,
                run=run,
                state="Failed",
                market=fault.market,
                opening_range=fault.opening_range,
                words=fault.words,
            )
        )
    if faults:
        raise MarketsFailedError(tuple(map(str, faults)))


def report_run_of_several(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send a notice that a run failed, unless its markets' own notices have reported that."""
    if MarketsFailedError.__name__ not in str(state.message):
        report_run(flow, flow_run, state)


REPORTED_BY_MARKET: dict[str, Any] = {**REPORTED, "on_failure": [report_run_of_several]}
"""Keyword arguments of a scheduled flow that does its work for several markets."""
