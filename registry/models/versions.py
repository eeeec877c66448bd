"""Records of model versions and aliases, and of the version that serves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ml_core.errors import OrbcastError

_log = logging.getLogger(__name__)

Alias = Literal["champion", "challenger"]
CHAMPION: Alias = "champion"
CHALLENGER: Alias = "challenger"
LEARNED_UNTIL = "learned_until"
"""Key, among a version's metrics, of the last trading day that it learned from, ISO."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """A registered version and the place of its files.

    Attributes
    ----------
    market_hash
        Hash of the market definition it was trained on; "" if none was kept.
    path
        Folder of its files on this machine, where they may not be yet.
    fetch
        Brings the files from the store; None without one.
    """

    market: str
    model: str
    kind: str
    version: str
    recipe_hash: str
    data_fingerprint: str
    sums_hash: str
    metrics: dict[str, Any]
    created_at: datetime
    path: Path
    market_hash: str = ""
    fetch: Callable[[VersionRecord], None] | None = field(default=None, compare=False, repr=False)

    @property
    def folder(self) -> Path:
        """Folder of its files, fetched at the first use if they are in a store only.

        If that fails, the folder is missing, and a reader says so.
        """
        try:
            self.fetch_files()
        except OrbcastError as error:
            _log.warning("version %s was not fetched: %s", self.version, error)
        return self.path

    def fetch_files(self) -> None:
        """Fetch the files if they are in a store and not here.

        Raises
        ------
        StoreObjectError, StoreUnreachableError
            They cannot be fetched.
        """
        if self.fetch is not None and not self.path.exists():
            self.fetch(self)

    @property
    def known_until(self) -> datetime:
        """Start of its age: the end, in UTC, of the last day that it learned from.

        For versions older than this rule, the time when they were made.
        """
        day = self.metrics.get(LEARNED_UNTIL)
        if day is None:
            return self.created_at
        return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """A change of an alias: to which version, when, by whom and why."""

    alias: str
    version: str
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Serving:
    """The version that serves.

    Attributes
    ----------
    record
        The version.
    fallback
        Why it is not the champion, if so.
    expired, other_market, damaged
        Why it may not serve after all: it and all others have expired, were trained on another
        definition of the market, or have damaged files.
    """

    record: VersionRecord
    fallback: str | None
    expired: str | None = None
    other_market: str | None = None
    damaged: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why the version should not serve, or is not the champion; None if all is well."""
        damaged = self.damaged and f"{self.record.version} is not usable: {self.damaged}"
        return self.expired or self.other_market or damaged or self.fallback
