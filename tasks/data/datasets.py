"""Build datasets from bars: for training, for the audit and for export."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from ml_core.bars.arrays import Bars
from ml_core.errors import InputError
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.learning.models.baselines import Baselines
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute, to_minute
from ml_core.ranges.label_spec import LabelSpec
from registry.news import news_of
from tasks.settings import Settings

PLAIN_K = 1.0
"""Overshoot of the exported corridor, in one-minute moves: a fixed value, not fitted to the rows.

There is no overshoot where the size of a one-minute move is not known.
"""


class EmptyLakeError(InputError):
    """Error when the lake holds no bar of a market."""

    market: str
    template = (
        "the lake has no bars of {market}; take some in with `orbcast ingest --market {market} "
        "--source duckdb PATH` (`orbcast bars sources` lists the others)"
    )


class LabelError(InputError):
    """Error for label options from which no label specification can be made."""

    key: str
    value: str
    fault: str
    template = "label option {key} = {value}: {fault}"


def read_bars_until(settings: Settings, name: str, market: Market, at: datetime) -> Bars:
    """Return every bar of a market that was known at a time.

    Raises
    ------
    EmptyLakeError
        The lake holds no bar of the market that was known by then.
    """
    bars = settings.lake().read(market, None, to_minute(at))
    if not len(bars):
        raise EmptyLakeError(name.lower())
    return bars


def period_of(
    bars: Bars, market: Market, first: date | None, last: date | None
) -> tuple[date, date]:
    """Return the requested period; by default, the local dates of the first and last bar."""
    zone = ZoneInfo(market.zone)
    dates = [from_minute(int(bars.minute[end])).astimezone(zone).date() for end in (0, -1)]
    return first or dates[0], last or dates[1]


def label_spec(**values: Any) -> LabelSpec:
    """Make a label specification from the options a user gave.

    Raises
    ------
    LabelError
        A value cannot be used.
    """
    try:
        return LabelSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise LabelError(key, repr(first["input"]), first["msg"]) from error


def slots_with_baselines(
    settings: Settings,
    bars: Bars,
    market: Market,
    spec: LabelSpec,
    first: date | None,
    last: date | None,
) -> pa.Table:
    """Return every slot of a period with its label, features (own ones last) and baselines."""
    begin, end = period_of(bars, market, first, last)
    features = settings.catalogue().select_with_own()
    news = news_of(settings.database(), market.symbol)
    assembly = assemble(bars, market, spec, first=begin, last=end, features=features, news=news)
    return with_baselines(assembly)


def with_baselines(assembly: Assembly) -> pa.Table:
    """Return the slots of an assembly with labels, features and driftless probabilities."""
    data, table = assembly.dataset, slot_table(assembly)
    driftless = Baselines(k=PLAIN_K, sigma_share=0.0, p_up=0.5, p_none={}, p_none_all=float("nan"))
    entry = driftless.entry(data)
    usable = np.flatnonzero(assembly.ranges.usable[assembly.reported])
    for name, values in (
        ("baseline_p_up", driftless.corridor(data)),
        ("baseline_p_win", entry.p_win),
        ("baseline_net_r", entry.net_r),
    ):
        column = np.full(len(table), np.nan)
        column[usable] = values
        table = table.append_column(name, pa.array(column, from_pandas=True))
    return table
