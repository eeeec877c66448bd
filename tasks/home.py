"""Read-only access to a home for research: bars, datasets, the record and models as DataFrames.

Nothing is written: the database is opened read-only.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from ml_core.decision.entry import Mode
from ml_core.errors import InputError
from ml_core.fills.fill import Fill
from ml_core.fills.report import trip_line
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.saved_bundle import load_bundle
from ml_core.market.market import MINUTES_A_DAY, Market
from ml_core.market.schedule import first_minute
from ml_core.ranges.label_spec import LabelSpec
from registry.ledger.browsing import COLUMNS, PredictionFilter, all_rows
from registry.ledger.entries import OutcomeEntry
from registry.models.versions import CHAMPION
from registry.news import news_of
from tasks.data.datasets import period_of, read_bars_until, with_baselines
from tasks.fills.intake import fills_between
from tasks.fills.review import trade_report
from tasks.followed_rules import FollowedRules
from tasks.home_model import FrameError, Model
from tasks.prediction.outcomes.value_added import follow_rules
from tasks.settings import Settings, current_settings, now

__all__ = ["FrameError", "Home", "Model", "NoHomeError", "open_home"]

Day = date | str | None
"""A trading day, as a date or as text such as 2025-06-30; None for the first or last one."""


class NoDayError(InputError):
    """Error for a day that is not a date."""

    day: str
    template = "{day!r} is not a day; write one such as '2025-06-30', or give a date"


class NoHomeError(InputError):
    """Error for a folder that is not an Orbcast home."""

    path: str
    template = (
        "{path} is not a home: it has neither bars nor a record; name the folder that "
        "`orbcast --home` is given, ./var if it is given none"
    )


def open_home(path: str | Path) -> Home:
    """Open a home read-only.

    Parameters
    ----------
    path
        The folder that is passed to ``orbcast --home``.

    Raises
    ------
    NoHomeError
        The folder is not a home.
    """
    folder = Path(path).expanduser().resolve()
    if not (folder / "lake").is_dir() and not (folder / "orbcast.sqlite").is_file():
        raise NoHomeError(str(path))
    return Home(current_settings().model_copy(update={"home": folder, "read_only": True}))


class Home:
    """A read-only home; see :func:`open_home`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def bars(self, market: str = "mgc", first: Day = None, last: Day = None) -> pd.DataFrame:
        """Return the one-minute bars of every contract.

        Parameters
        ----------
        market
            Name of a market file.
        first, last
            Dates in UTC, both included.

        Returns
        -------
        DataFrame
            ``time`` (aware UTC, when the bar opens; it is known a minute later), ``contract``,
            ``open``, ``high``, ``low``, ``close`` as traded, ``volume``.

        Raises
        ------
        EmptyLakeError
            There are no bars.
        """
        definition = self._market(market)
        bars = read_bars_until(self._settings, market, definition, now())
        begin, end = _minute(first, 0), _minute(last, 1)
        bars = bars.between(
            int(bars.minute[0]) if begin is None else begin,
            int(bars.minute[-1]) + 1 if end is None else end,
        )
        prices = {
            name: definition.instrument.to_price(getattr(bars, name))
            for name in ("open", "high", "low", "close")
        }
        names = np.array(bars.contracts, dtype=object)
        return pd.DataFrame(
            {
                "time": pd.to_datetime(bars.minute * 60, unit="s", utc=True),
                "contract": names[bars.contract] if len(names) else names,
                **prices,
                "volume": bars.volume,
            }
        )

    def dataset(
        self,
        market: str = "mgc",
        first: Day = None,
        last: Day = None,
        *,
        label: LabelSpec | None = None,
    ) -> pd.DataFrame:
        """Return one row for each opening range that a decision can be made on.

        Parameters
        ----------
        market
            Name of a market file.
        first, last
            Trading days, both included.
        label
            Which trade is made of a breakout; ``LabelSpec()`` by default.

        Returns
        -------
        DataFrame
            The columns of ``orbcast dataset``: range, breakout, trade, every feature (own ones
            last) and the driftless baselines; then ``size_ticks`` and ``sigma_ticks``, which
            models need to predict.

        Raises
        ------
        EmptyLakeError
            There are no bars.
        """
        definition = self._market(market)
        bars = read_bars_until(self._settings, market, definition, now())
        begin, end = period_of(bars, definition, _day(first), _day(last))
        features = self._settings.catalogue().select_with_own()
        assembly = assemble(
            bars,
            definition,
            label or LabelSpec(),
            first=begin,
            last=end,
            features=features,
            news=news_of(self._settings.database(), definition.symbol),
        )
        frame: pd.DataFrame = with_baselines(assembly).to_pandas()
        frame = frame[frame["exclusion"].isna()].drop(columns="exclusion").reset_index(drop=True)
        return frame.assign(
            size_ticks=assembly.dataset.size_ticks, sigma_ticks=assembly.dataset.sigma_ticks
        )

    def predictions(
        self, market: str = "mgc", first: Day = None, last: Day = None, *, mode: Mode | None = None
    ) -> pd.DataFrame:
        """Return the ledger's entries with their outcomes, one per row, newest first.

        Parameters
        ----------
        market
            Name of a market file.
        first, last
            Trading days, both included.
        mode
            ``live`` or ``replay``; both by default. Do not add up live and replayed rows.
        """
        wanted = PredictionFilter(
            market=self._market(market).symbol,
            first=_day(first),
            last=_day(last),
            mode=(mode,) if mode else (),
        )
        rows = all_rows(self._settings.database(), wanted)
        return pd.DataFrame(map(attrgetter(*COLUMNS), rows), columns=list(COLUMNS))

    def outcomes(self, market: str = "mgc", first: Day = None, last: Day = None) -> pd.DataFrame:
        """Return the latest outcome of each predicted slot and label, oldest first."""
        rows = self._settings.ledger().settled(
            self._market(market).symbol, first=_day(first), last=_day(last)
        )
        names = [field.name for field in fields(OutcomeEntry)]
        kept = dict.fromkeys(row.outcome for row in rows if row.outcome is not None)
        return pd.DataFrame(
            [[getattr(outcome, name) for name in names] for outcome in kept], columns=names
        )

    def follow(
        self,
        strategy: str | None = None,
        market: str = "mgc",
        first: Day = None,
        last: Day = None,
    ) -> FollowedRules:
        """Return what rules would have made of each range: trades, orders and days.

        This is not counted as a look at the past, since nothing is written. For a result that
        can be relied on, use ``orbcast strategy backtest``.

        Parameters
        ----------
        strategy
            Name of a strategy file; by default, the market's strategy.
        market
            Name of a market file.
        first, last
            Trading days, both included.

        Raises
        ------
        EmptyLakeError
            There are no bars.
        """
        definition = self._market(market)
        rules = self._settings.rules(definition.symbol, strategy)
        taken = follow_rules(
            self._settings, market, rules, first=_day(first), last=_day(last), at=now()
        )
        return FollowedRules(taken, definition.instrument)

    def versions(self, market: str = "mgc") -> pd.DataFrame:
        """Return every registered model version, oldest first."""
        records = self._settings.models().versions(self._market(market).symbol)
        names = ("model", "version", "kind", "recipe_hash", "created_at")
        return pd.DataFrame(
            [[getattr(record, name) for name in names] for record in records], columns=list(names)
        )

    def model(self, version: str = CHAMPION, market: str = "mgc") -> Model:
        """Return a version by its name, the start of its name, ``champion`` or ``challenger``.

        Raises
        ------
        UnknownVersionError
            There is no version of that name.
        BundleCorruptError
            Its files are damaged.
        """
        definition = self._market(market)
        record = self._settings.models().find(definition.symbol, version)
        return Model(record=record, market=definition, bundle=load_bundle(record.folder))

    def fills(self, market: str = "mgc", first: Day = None, last: Day = None) -> pd.DataFrame:
        """Return the executions imported by ``orbcast fills import``, each once, oldest first.

        Parameters
        ----------
        market
            Name of a market file.
        first, last
            Trading days, both included.

        Returns
        -------
        DataFrame
            ``time`` (aware UTC), ``contract``, ``side``, ``quantity``, ``price``, ``commission``
            (money for the whole fill; NaN where unknown), ids, platform and account.
        """
        listed = fills_between(self._settings, market, _day(first), _day(last))
        names = [field.name for field in fields(Fill)]
        frame = pd.DataFrame(
            [[getattr(fill, name) for name in names] for fill in listed], columns=names
        )
        frame["time"] = pd.to_datetime(frame["time"], utc=True)
        return frame.astype({"commission": np.float64})

    def round_trips(
        self, market: str = "mgc", first: Day = None, last: Day = None
    ) -> pd.DataFrame:
        """Return the trader's own round trips, compared with the plans, oldest first.

        Parameters
        ----------
        market
            Name of a market file.
        first, last
            Trading days, both included; by default, those of the fills.

        Returns
        -------
        DataFrame
            One row each, as in ``orbcast fills report --json``: prices, ``money`` and ``r``
            after commission, ``kind`` (followed or improvised), and what was planned.

        Raises
        ------
        NoFillsError
            There is no fill that the bars cover.
        """
        report = trade_report(self._settings, market, first=_day(first), last=_day(last), at=now())
        return pd.DataFrame([trip_line(reviewed) for reviewed in report.review.trips])

    def _market(self, name: str) -> Market:
        return self._settings.market(name)


def _day(given: Day) -> date | None:
    try:
        return date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise NoDayError(str(given)) from None


def _minute(given: Day, later: int) -> int | None:
    day = _day(given)
    return None if day is None else first_minute(day) + later * MINUTES_A_DAY
