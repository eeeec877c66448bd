"""Names of flow runs: subject and time, in place of Prefect's two random words.

Prefect asks for the name right before a run starts. Until then, a run created by a schedule or an
event has the server's random name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from prefect.runtime import flow_run

from ml_core.decision.slot import Slot
from ml_core.market.market import Market
from tasks.prediction.slots import in_zone, latest_slot
from tasks.settings import Settings, current_settings, now

_NONE = timedelta(0)


def run_name(template: str) -> Callable[[], str]:
    """Return a function that makes a run's name from its parameters and its start.

    Parameters
    ----------
    template
        Format string. Besides the flow's parameters it may contain ``symbol`` (of the market or
        markets), ``slot`` (the opening range and its trading day), ``day`` and ``time`` (the
        start, or ``as_of``, in the market's time zone; UTC for a flow without a market),
        ``period`` (the given days, else the day), ``count`` (how many markets a run of several
        has) and ``replayed`` (empty unless it is a replay).

    Returns
    -------
    callable
        For ``flow_run_name``. It never raises: a run with a wrong parameter must start before it
        can report the error.
    """

    def name() -> str:
        parameters = dict(flow_run.parameters)
        with suppress(Exception):  # the run itself reports the error
            return template.format_map(_Fields(parameters, current_settings(), _start()))
        market = str(parameters.get("market") or "").upper()
        return f"{market} {flow_run.flow_name}".strip()

    return name


class _Fields(dict[str, Any]):
    """The run's parameters, and values computed from them when a template needs them."""

    def __init__(self, parameters: Mapping[str, Any], settings: Settings, start: datetime) -> None:
        super().__init__(parameters)
        self._settings, self._start = settings, start

    def __missing__(self, field: str) -> str:
        if field == "replayed":
            return "" if self.get("as_of") is None else " replay"
        if "market" not in self:
            several = self.get("ranges", self.get("markets", ()))
            return str(len(several)) if field == "count" else _clock(self._start, field)
        markets = [self._settings.market(name) for name in _names(self["market"])]
        if field == "symbol":
            return ", ".join(market.symbol for market in markets)
        moment = self._moment(markets[0])
        if field == "slot":
            return self._slot(markets[0], moment).title
        moment = moment.astimezone(ZoneInfo(markets[0].zone))
        if field == "period":
            days = {name: self[f"{name}_day"] for name in ("from", "to") if self[f"{name}_day"]}
            return " ".join(f"{name} {day}" for name, day in days.items()) or f"{moment:%Y-%m-%d}"
        return _clock(moment, field)

    def _moment(self, market: Market) -> datetime:
        as_of: datetime | None = self.get("as_of")
        return self._start if as_of is None else in_zone(as_of, market)

    def _slot(self, market: Market, moment: datetime) -> Slot:
        slot = latest_slot(market, moment, self.get("opening_range"))
        day = self.get("trading_day")
        return slot if day is None else replace(slot, trading_day=day)


def _names(market: str) -> list[str]:
    return [part.strip() for part in market.split(",") if part.strip()]


def _clock(moment: datetime, field: str) -> str:
    return {"day": f"{moment:%Y-%m-%d}", "time": f"{moment:%H:%M}"}[field]


def _start() -> datetime:
    """Return when the current run starts; a scheduled run is named some seconds earlier.

    The wait is measured on the server's clock and added to ours, which may be simulated.
    """
    scheduled: datetime = flow_run.scheduled_start_time
    ahead = max(scheduled - datetime.now(UTC), _NONE)
    return now() + ahead  # now() last: a moment too early would name the previous slot
