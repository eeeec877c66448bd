"""The model registry: version folders, published atomically, and the history of aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ml_core.errors import OrbcastError
from registry.chains.chain import chain_of
from registry.database import Database
from registry.definitions.markets import Definitions, definitions
from registry.definitions.recipes import remember_recipe
from registry.errors import (
    NothingToRollBackError,
    UnknownVersionError,
    UnsignedChangeError,
    UnusableVersionError,
)
from registry.models import version_files
from registry.models.aliases import alias_events, line_of, may_change
from registry.models.stored_versions import StoredVersions
from registry.models.versions import (
    CHALLENGER,
    CHAMPION,
    Alias,
    AliasRecord,
    Serving,
    VersionRecord,
)
from registry.object_store import ObjectStore
from registry.rows import read_records, record_of, records_in
from registry.tables.versions import AliasEvent, ModelVersion

if TYPE_CHECKING:
    from ml_core.learning.bundle import Bundle
    from ml_core.market.definition import MarketDefinition


class ModelStore:
    """The model versions of every market, in SQL and below one folder.

    Parameters
    ----------
    database
        The database that holds versions and aliases as rows.
    root
        Folder; a version's files are at ``<root>/<market>/<model>/<version>``.
    lifetime, baseline_lifetime
        How long after the last day it learned from a model, and a baseline, may serve.
    definition_now
        Returns a market's current definition; where it returns None, versions are not compared.
    store
        Store that holds the files of every version for all machines, if there is one.
    """

    def __init__(
        self,
        database: Database,
        root: Path,
        *,
        lifetime: timedelta = timedelta(days=45),
        baseline_lifetime: timedelta = timedelta(days=400),
        definition_now: Callable[[str], MarketDefinition | None] = lambda _symbol: None,
        store: ObjectStore | None = None,
    ) -> None:
        self._database = database
        self._root, self.stored = root, StoredVersions(store, root) if store else None
        self._lifetime, self._baseline_lifetime = lifetime, baseline_lifetime
        self._definition_now = definition_now

    def register(
        self,
        bundle: Bundle,
        write: Callable[[Path], None],
        *,
        metrics: dict[str, Any],
        at: datetime,
    ) -> VersionRecord:
        """Publish a version: its folder in one step, then its row. A repeat changes nothing.

        Parameters
        ----------
        bundle
            The version, with its name, recipe and data fingerprint.
        write
            Writes the files, SHA256SUMS last, into the empty folder that it receives.
        metrics
            The evaluation as plain values, which is also stored in the row.
        at
            Aware time.

        Raises
        ------
        UnusableVersionError
            The files just written, or those already there, are damaged.
        EditedRecipeError
            The recipe was changed without a new name.
        """
        market, version = bundle.trained["market"], bundle.version
        folder = self._root / market / bundle.recipe.name / version
        version_files.sweep(folder.parent)
        with suppress(UnknownVersionError):
            return self.find(market, version)
        if not folder.exists():
            version_files.publish(folder, write)
        faults = version_files.faults_of(folder)
        if faults:
            raise UnusableVersionError(version, faults)
        sums_hash = version_files.sums_hash_of(folder)
        if self.stored is not None:  # before its row, which puts it in force
            self.stored.push(folder, sums_hash)
        values = {
            "market": market,
            "model": bundle.recipe.name,
            "kind": bundle.recipe.kind,
            "version": version,
            "recipe_hash": bundle.recipe.hash,
            "data_fingerprint": bundle.trained["data_fingerprint"],
            "market_hash": bundle.trained.get("market_hash", ""),
            "sums_hash": sums_hash,
            "metrics": metrics,
            "created_at": at,
        }
        with self._database.session() as session:
            # checked again within the transaction: another process may have been first
            same = (ModelVersion.market == market) & (ModelVersion.version == version)
            if session.scalars(select(ModelVersion.id).where(same)).first() is None:
                remember_recipe(session, bundle.recipe, at)
                chain_of(ModelVersion).append(session, values)
            return self._record(session.scalars(select(ModelVersion).where(same)).one())

    def versions(self, market: str | None = None) -> tuple[VersionRecord, ...]:
        """Return every registered version, oldest first."""
        query = select(ModelVersion).order_by(ModelVersion.created_at, ModelVersion.id)
        if market is not None:
            query = query.where(ModelVersion.market == market)
        with self._database.reading() as session:
            return tuple(self._record(row) for row in session.scalars(query))

    def find(self, market: str, ref: str) -> VersionRecord:
        """Return the version with a name, an alias, or an unambiguous start of a name.

        Raises
        ------
        UnknownVersionError
            There is no such version, or there are several.
        """
        versions = self.versions(market)
        if ref in {CHAMPION, CHALLENGER}:
            named = self.current(market, ref)
            ref = named.version if named else ref
        matches = [record for record in versions if record.version == ref]
        if not matches and ref:
            matches = [record for record in versions if record.version.startswith(ref)]
        if len(matches) != 1:
            candidates = tuple(record.version for record in matches or versions)
            raise UnknownVersionError(market, ref, candidates)
        return matches[0]

    def faults(self, record: VersionRecord) -> tuple[str, ...]:
        """Return the faults of a version's files; empty if they are those that were registered."""
        try:
            record.fetch_files()
        except OrbcastError as error:
            return (str(error),)
        return version_files.faults_of(record.path, record.sums_hash, record.market_hash)

    def content_faults(self, record: VersionRecord) -> tuple[str, ...]:
        """Return the faults of a version's files, or of its name as recomputed from them."""
        faults = self.faults(record)
        return faults or version_files.name_faults_of(record.folder, record.recipe_hash)

    def expires_at(self, record: VersionRecord) -> datetime:
        """Return when a version becomes too old to serve, by the last day it learned from."""
        baseline = record.kind == "baseline"
        return record.known_until + (self._baseline_lifetime if baseline else self._lifetime)

    def expired(self, record: VersionRecord, at: datetime) -> str | None:
        """Return in words that a version is too old to serve at a time; None if it is not."""
        until = self.expires_at(record)
        return None if at < until else f"{record.version} expired on {until:%Y-%m-%d}"

    def other_market(self, record: VersionRecord) -> str | None:
        """Return in words that a version was trained on another market definition, if it was.

        A version from before definitions were kept is taken to have the first one on record.
        """
        return self._other_market(record, self._definitions(record.market))

    def _definitions(self, market: str) -> Definitions:
        return Definitions(self._definition_now(market), definitions(self._database, market))

    @staticmethod
    def _other_market(record: VersionRecord, defined: Definitions) -> str | None:
        changes = defined.changes_since(record.market_hash)
        return changes and (
            f"{record.version} was trained on another market definition: {changes} (restore the "
            f"file, or `orbcast run nightly-retrain --market {record.market.lower()}`)"
        )

    def serving(
        self, market: str, at: datetime, without: Mapping[str, str] | None = None
    ) -> Serving:
        """Return the version that serves: the champion, else an earlier champion, else a baseline.

        A version that is damaged, has expired by ``at`` or was trained on another definition of
        the market is skipped. If there are only such versions, the first of them is returned with
        its fault: expired ones first, then those of another definition, then damaged ones. A
        champion that a rollback abandoned does not serve again.

        Parameters
        ----------
        market
            Symbol.
        at
            Aware time of the prediction.
        without
            Versions that turned out to be unable to predict -> why.

        Raises
        ------
        UnknownVersionError
            There is no version at all.
        """
        history = self._champions(market)[::-1]
        versions = {record.version: record for record in self.versions(market)}
        baselines = [name for name, record in versions.items() if record.kind == "baseline"][::-1]
        reason: str | None = None if history else "no champion is set"
        defined = self._definitions(market)
        passed_over: list[Serving] = []
        for name in dict.fromkeys([*history, *baselines]):
            record = versions.get(name)
            if record is None:
                reason = reason or f"champion {name} is not usable: it is not registered"
                continue
            damaged = (without or {}).get(name) or "; ".join(self.faults(record)) or None
            changed = None if damaged else self._other_market(record, defined)
            expired = None if damaged or changed else self.expired(record, at)
            serving = Serving(record, reason, expired, changed, damaged)
            if not (damaged or changed or expired):
                return serving
            passed_over.append(serving)
            reason = reason or f"champion {serving.trouble}"
        if passed_over:
            return min(passed_over, key=lambda it: (bool(it.damaged), bool(it.other_market)))
        raise UnknownVersionError(market, CHAMPION, tuple(versions))

    def set_alias(
        self,
        market: str,
        alias: Alias,
        version: str,
        *,
        at: datetime,
        by: str,
        reason: str,
        instead_of: str | None = None,
    ) -> bool:
        """Point an alias to a version and record who and why; False if it already points there.

        Parameters
        ----------
        instead_of
            Version that the alias must point to until then, "" for none, because the decision was
            made with that one in mind. By default, any version.

        Raises
        ------
        AliasChangedError
            The alias no longer points to ``instead_of``: another process changed it meanwhile.
        UnknownVersionError
            There is no such version.
        UnusableVersionError
            Its files are not those that were registered, or it is to be champion and was trained
            on another definition of the market.
        UnsignedChangeError
            ``by`` or ``reason`` is blank.
        BackdatedChangeError
            The champion was already changed after ``at``. A challenger of an earlier time
            changes nothing and raises nothing.
        """
        for name, text in (("by", by), ("reason", reason)):
            if not text.strip():
                raise UnsignedChangeError(alias, name)
        record = self.find(market, version)
        now = self.current(market, alias)
        if not may_change(alias, now, record.version, at, instead_of):
            return False
        faults = self.faults(record)
        if not faults and alias == CHAMPION and (changed := self.other_market(record)):
            faults = (changed,)
        if faults:
            raise UnusableVersionError(record.version, faults)
        values = {
            "market": market,
            "alias": alias,
            "version": record.version,
            "at": at,
            "by": by,
            "reason": reason,
        }
        with self._database.session() as session:
            # checked again within the transaction: another process may have been first
            changes = list(records_in(session, AliasRecord, alias_events(market, alias)))
            last = changes[-1] if changes else None
            if not may_change(alias, last, record.version, at, instead_of):
                return False
            chain_of(AliasEvent).append(session, values)
        return True

    def history(self, market: str, alias: str) -> tuple[AliasRecord, ...]:
        """Return every change of an alias, oldest first."""
        return read_records(self._database, AliasRecord, alias_events(market, alias))

    def current(self, market: str, alias: str, at: datetime | None = None) -> AliasRecord | None:
        """Return the alias's record, now or at a time; None before it was first set."""
        events = [event for event in self.history(market, alias) if at is None or event.at <= at]
        return events[-1] if events else None

    def rollback(self, market: str, *, at: datetime, by: str, reason: str) -> VersionRecord:
        """Make the previous champion champion again.

        A champion that a rollback abandoned never returns by a rollback: after A, B, C and a
        rollback to B, the next rollback gives A.

        Raises
        ------
        NothingToRollBackError
            There was no previous champion.
        AliasChangedError
            Another process changed the champion meanwhile.
        """
        line = self._champions(market)
        if len(line) < 2:  # noqa: PLR2004 - the current one and a previous one
            raise NothingToRollBackError(market)
        version, present = line[-2:]
        self.set_alias(market, CHAMPION, version, at=at, by=by, reason=reason, instead_of=present)
        return self.find(market, CHAMPION)

    def _champions(self, market: str) -> list[str]:
        return line_of(self.history(market, CHAMPION))

    def _record(self, row: ModelVersion) -> VersionRecord:
        path = self._root / row.market / row.model / row.version
        return record_of(VersionRecord, row, path=path, fetch=self.stored and self.stored.fetch)
