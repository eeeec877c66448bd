"""Settings of an installation: the only module that reads the environment."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import ValidationError

import ml_core
import registry
import tasks
from ml_core import bars
from ml_core.errors import InputError
from ml_core.learning.recipe import Recipe, load_recipe
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market, MarketFileError, RollRule, load_market
from ml_core.secrets import masked
from tasks.named_files import find_file, names_in
from tasks.options import DEFAULT_STRATEGY, SECRET, Options

if TYPE_CHECKING:
    from ml_core.features.catalogue import Catalogue
    from ml_core.strategy.account.limits import Account
    from ml_core.strategy.rules import Rules
    from registry.database import Database


class SettingsError(InputError):
    """Error for unusable environment variables; one ``(variable, value, fault)`` for each."""

    faults: tuple[tuple[str, str, str], ...]
    template = "{_lines:; }"

    @property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"{name}={value}: {fault}" for name, value, fault in self.faults)


BY = "orbcast"
"""The author of automatic changes."""

CLOCK_FILE = "ORBCAST_CLOCK_FILE"
"""Names the file of a simulated clock; deliberately not an option, as no installation has one."""


class Settings(Options):
    """The options of an installation, and the folders, files and databases they point to."""

    @property
    def url(self) -> str:
        """The SQL database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'orbcast.sqlite'}"

    @property
    def shown_url(self) -> str:
        """The SQL database's URL without its password."""
        return masked(self.url)

    @property
    def models_dir(self) -> Path:
        """Folder of the model versions."""
        return self.home / "models"

    @property
    def reports_dir(self) -> Path:
        """Folder of the HTML reports."""
        return self.home / "reports"

    @property
    def figures_file(self) -> Path:
        """File of Prometheus metrics, alone in its folder, as Prometheus's collector requires."""
        return self.home / "metrics" / "orbcast.prom"

    @property
    def prefect_dir(self) -> Path:
        """Folder of Prefect's own database and settings."""
        return self.home / "prefect"

    @property
    def channels_file(self) -> Path:
        """File that lists the channels for notices."""
        return self.home / "channels.toml"

    @property
    def sources_file(self) -> Path:
        """File that holds each market's standing source."""
        return self.home / "sources.toml"

    @property
    def feeds_dir(self) -> Path:
        """Folder in which sources store their own files, such as pushed bars."""
        return self.home / "feeds"

    def object_store(self) -> registry.object_store.ObjectStore | None:
        """Return the store that several machines share; None without one, or for reading only."""
        own = self.store and not self.read_only
        return registry.object_store.ObjectStore(self.store) if own else None

    def lake(self) -> bars.lake.lake.Lake:
        """Return the lake of bars, which follows the store if there is one."""
        store, root = self.object_store(), self.home / "lake"
        own = registry.bars.shared_lake
        shared = own.SharedLake(self.database(), store, root) if store else None
        return bars.lake.lake.Lake(root, shared)

    def database(self) -> Database:
        """Return the SQL database, migrated to its current schema; opened once per process.

        Raises
        ------
        DatabaseError
            The database cannot be used as it is.
        """
        return _opened(self.url, self.home / "ledger-heads.jsonl", read_only=self.read_only)

    def models(self) -> registry.models.model_store.ModelStore:
        """Return the model registry."""
        return registry.models.model_store.ModelStore(
            self.database(),
            self.models_dir,
            lifetime=timedelta(days=self.model_expires_days),
            baseline_lifetime=timedelta(days=self.baseline_expires_days),
            definition_now=self.market_definition,
            store=self.object_store(),
        )

    def ledger(self) -> registry.ledger.ledger.Ledger:
        """Return the ledger of predictions and outcomes."""
        return registry.ledger.ledger.Ledger(self.database())

    def market(self, name: str, *, roll: str | None = None) -> Market:
        """Load a market by its file's name, in any case; ``roll`` replaces its roll rule.

        Raises
        ------
        UnknownNameError, MarketFileError
            There is no such file, or it cannot be used.
        """
        market = load_market(path := self.market_file(name))
        if roll is None:
            return market
        if roll not in get_args(RollRule):
            fault = ("roll", repr(roll), f"use one of {', '.join(get_args(RollRule))}")
            raise MarketFileError(str(path), (fault,))
        return market.model_copy(update={"roll": roll})

    def market_of_symbol(self, symbol: str) -> Market | None:
        """Return a symbol's market as its file is now; None without a readable file."""
        for name in sorted(self.market_names(), key=lambda name: name != symbol.lower()):
            try:
                market = self.market(name)
            except MarketFileError:
                continue
            if market.symbol == symbol:
                return market
        return None

    def market_definition(self, symbol: str) -> MarketDefinition | None:
        """Return the market definition of a symbol; None without its market file."""
        market = self.market_of_symbol(symbol)
        return None if market is None else MarketDefinition.of(market)

    @property
    def own_markets_dir(self) -> Path:
        """Folder of the trader's own markets, to which `orbcast market new` writes."""
        return self.home / "markets"

    def market_names(self) -> tuple[str, ...]:
        """Return the name of every market file."""
        return names_in(self.own_markets_dir, self.markets_dir)

    def market_file(self, name: str) -> Path:
        """Return the path of a market's file; the trader's own precedes a shipped one.

        Raises
        ------
        UnknownNameError
            There is no such file, or the name points outside the folder.
        """
        return find_file((self.own_markets_dir, self.markets_dir), "market", name)

    @property
    def own_recipes_dir(self) -> Path:
        """Folder of the trader's own recipes, including tuned ones."""
        return self.home / "recipes"

    @property
    def own_features_dir(self) -> Path:
        """Folder of the trader's own features, which are Python files."""
        return self.home / "features"

    def catalogue(self) -> Catalogue:
        """Return all features: those shipped, and the trader's own."""
        return tasks.own_features.own_features(self.own_features_dir).catalogue()

    def recipe_file(self, name: str) -> Path:
        """Return the path of a recipe's file; the trader's own precedes a shipped one.

        Raises
        ------
        UnknownNameError
            There is no such file.
        """
        return find_file((self.own_recipes_dir, self.recipes_dir), "recipe", name)

    def recipe(self, name: str) -> Recipe:
        """Load a recipe by its file's name; the trader's own precedes a shipped one.

        Raises
        ------
        UnknownNameError, RecipeFileError
            There is no such file, or it cannot be used.
        """
        return load_recipe(self.recipe_file(name))

    def strategy_of(self, symbol: str) -> str:
        """Return the name of the strategy that a market is traded by.

        ``ORBCAST_STRATEGY`` is a name for every market, ``SYMBOL=name`` for one, or several of
        these separated by commas. The default is ``orb-default``.
        """
        return self.followed(symbol)[0]

    def followed(self, symbol: str) -> tuple[str, ...]:
        """Return the strategies that a market is followed by: ``a+b+c``, of which a is traded."""
        return tuple((_named_for(symbol, self.strategy) or DEFAULT_STRATEGY).split("+"))

    def rules(self, symbol: str, name: str | None = None) -> Rules:
        """Load a market's rules; the trader's own file precedes a shipped one.

        Parameters
        ----------
        symbol
            The market's symbol.
        name
            Name of another strategy, in place of the market's.

        Raises
        ------
        UnknownNameError, StrategyFileError
            There is no such file, or it cannot be used.
        """
        folders = (self.home / "strategies", self.strategies_dir)
        return ml_core.strategy.rules.load_rules(
            find_file(folders, "strategy", name or self.strategy_of(symbol))
        )

    @property
    def own_accounts_dir(self) -> Path:
        """Folder of the trader's own accounts."""
        return self.home / "accounts"

    def account_of(self, symbol: str) -> str | None:
        """Return the name of the account that a market is traded in; None if none is named.

        ``ORBCAST_ACCOUNT`` is a name for every market, ``SYMBOL=name`` for one, or several of
        these separated by commas.
        """
        return _named_for(symbol, self.account) or None

    def read_account(self, name: str) -> Account:
        """Load an account by its file's name; the trader's own precedes a shipped one.

        Raises
        ------
        UnknownNameError, AccountFileError
            There is no such file, or it cannot be used.
        """
        path = find_file((self.own_accounts_dir, self.accounts_dir), "account", name)
        return ml_core.strategy.account.limits.load_account(path)

    def account_names(self) -> tuple[str, ...]:
        """Return the name of every account file."""
        return names_in(self.own_accounts_dir, self.accounts_dir)

    def recipe_names(self) -> tuple[str, ...]:
        """Return the name of every recipe file."""
        return names_in(self.own_recipes_dir, self.recipes_dir)


def _named_for(symbol: str, names: str) -> str:
    """Return the name that a text such as ``a,nq=b`` gives a market; empty if it gives none."""
    chosen = {"": ""}
    for part in names.split(","):
        market, _, name = part.rpartition("=")
        chosen[market.strip().lower()] = name.strip()
    return chosen.get(symbol.lower(), chosen[""])


def current_settings() -> Settings:
    """Return the settings from the environment.

    Raises
    ------
    SettingsError
        A variable has a value that cannot be used.
    """
    named = {name.lower(): value for name, value in os.environ.items()}
    fields = {f"orbcast_{name}": name for name in Settings.model_fields}
    try:
        read = Settings.model_validate({fields[key]: named[key] for key in fields.keys() & named})
    except ValidationError as error:
        faults = tuple(
            (
                "ORBCAST_" + "_".join(str(part) for part in fault["loc"]).upper(),
                "***" if fault["loc"][0] in SECRET else repr(fault["input"])[:80],
                fault["msg"].removeprefix("Value error, "),
            )
            for fault in error.errors()
        )
        raise SettingsError(faults) from error
    own = names_in(read.own_markets_dir)
    if own and "markets" not in read.model_fields_set:
        # the default market is still served if it has bars
        usual = read.markets if (read.home / "lake" / "MGC").is_dir() else ()
        return read.model_copy(update={"markets": tuple(dict.fromkeys((*usual, *own)))})
    return read


def now() -> datetime:
    """Return the current time, aware UTC; nothing else below the command line reads the clock.

    With ``ORBCAST_CLOCK_FILE`` set, the clock is simulated: that file says how many seconds it is
    ahead of the machine's clock. Only `make soak` may use it, to run weeks in minutes.
    """
    path = os.environ.get(CLOCK_FILE)
    if path is None:
        return datetime.now(UTC)
    ahead = float(Path(path).read_text(encoding="utf-8"))
    return datetime.now(UTC) + timedelta(seconds=ahead)


def use_home(home: Path) -> None:
    """Use another home from now on, in this process and those started from it."""
    os.environ["ORBCAST_HOME"] = str(home.expanduser().resolve())


def api_url() -> str | None:
    """Return the URL of the Prefect server that the user set, if any."""
    return os.environ.get("PREFECT_API_URL") or None


@lru_cache(maxsize=8)
def _opened(url: str, checkpoints: Path, *, read_only: bool) -> Database:
    opening = registry.database.open_read_only if read_only else registry.database.open_database
    return opening(url, checkpoints=checkpoints)
