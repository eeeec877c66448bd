"""What a flow run is called: what it is of, and when, in place of two words drawn by chance.

Prefect asks for the name right before a run begins. Until then a run that a schedule or an event
made has the name that the server drew.
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
    """Return what makes a flow's run name out of the run's parameters and its start.

    Parameters
    ----------
    template
        Format string. Beside the flow's parameters it may name ``symbol`` (of the market or
        markets), ``slot`` (the opening range and its trading day), ``day`` and ``time`` (the
        start, or ``as_of``, on the market's clock; UTC for a flow without a market), ``period``
        (the days given, else the day) and ``replayed`` (that it is one, else nothing).

    Returns
    -------
    callable
        For ``flow_run_name``. It never raises: a run with a wrong parameter has to begin to say
        what is wrong with it.
    """

    def name() -> str:
        parameters = dict(flow_run.parameters)
        with suppress(Exception):  # the run itself says what is wrong
            return template.format_map(_Fields(parameters, current_settings(), _start()))
        market = str(parameters.get("market") or "").upper()
        return f"{market} {flow_run.flow_name}".strip()

    return name


class _Fields(dict[str, Any]):
    """The run's parameters, and what is worked out of them when a template asks for it."""

    def __init__(self, parameters: Mapping[str, Any], settings: Settings, start: datetime) -> None:
        super().__init__(parameters)
        self._settings, self._start = settings, start

    def __missing__(self, field: str) -> str:
        if field == "replayed":
            return "" if self.get("as_of") is None else " replay"
        if "market" not in self:
            return _clock(self._start, field)
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
    """Return when the present run begins; the name is made some seconds before a scheduled one.

    The wait is measured on the server's clock and added to ours, which may be a simulated one.
    """
    scheduled: datetime = flow_run.scheduled_start_time
    ahead = max(scheduled - datetime.now(UTC), _NONE)
    return now() + ahead  # read last: a moment before its time, a slot would be the one before
