"""One run of a light flow for several markets, whose schedules are due at the same times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from prefect import flow as prefect_flow

from flows.log_outcomes import log_outcomes
from flows.refresh_data import refresh_data
from flows.watch_feed import watch_feed
from tasks.notices.market_faults import REPORTED_BY_MARKET, MarketFault, fault_of, report_faults
from tasks.runs.artifacts import publish, table
from tasks.runs.parameters import LightFlow, MarketName
from tasks.runs.recovery.restarts import by_itself
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS, TURN_SECONDS, within

FLOWS: Mapping[LightFlow, Callable[[str], Any]] = MappingProxyType(
    {
        "refresh-data": refresh_data.fn,
        "log-outcomes": log_outcomes.fn,
        "watch-feed": watch_feed.fn,
    }
)
"""Name of a flow -> what it does for one market; its result has a ``verdict``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketVerdict:
    """A market's result in one line."""

    market: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EachMarket:
    """Result of a run of for-each-market."""

    verdict: str
    markets: tuple[MarketVerdict, ...]


@prefect_flow(
    name="for-each-market",
    flow_run_name=run_name("{flow} of {count} markets {day} {time}"),
    timeout_seconds=TIME_LIMITS["for-each-market"],
    **REPORTED_BY_MARKET,
)
def for_each_market(flow: LightFlow, markets: list[MarketName]) -> EachMarket:
    """Do for one market after another what a flow does for one.

    A market that fails, or that takes longer than two minutes, costs the others nothing: they
    have their turn, and the run then ends as failed and names it.

    Args:
        flow: Name of the flow: refresh-data, log-outcomes or watch-feed.
        markets: Names of market files, such as mgc.
    """
    verdicts, faults = list[MarketVerdict](), list[MarketFault]()
    for market in markets:
        try:
            with within(TURN_SECONDS):
                verdict = FLOWS[flow](market).verdict
        except Exception as error:  # noqa: BLE001 - reported as this market's
            faults.append(fault_of(error, market))
        else:
            verdicts.append(MarketVerdict(market=market, verdict=verdict))
    result = EachMarket(
        verdict=f"{flow} is done for {len(verdicts)} of {len(markets)} markets",
        markets=tuple(verdicts),
    )
    if faults or not by_itself():  # it runs every few minutes; each market's own artifacts remain
        columns = {"market": "Market", "verdict": "Result"}
        publish(f"{flow}-each-market", result.verdict, table(verdicts, columns))
    report_faults(flow, faults)
    return result
