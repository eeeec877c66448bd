"""The model registry: version folders that appear whole, and who is champion, by whom and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

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
from registry.models.versions import (
    CHALLENGER,
    CHAMPION,
    Alias,
    AliasRecord,
    Serving,
    VersionRecord,
)
from registry.rows import read_records, record_of, records_in
from registry.tables.versions import AliasEvent, ModelVersion

if TYPE_CHECKING:
    from ml_core.learning.bundle import Bundle
    from ml_core.market.definition import MarketDefinition


class ModelStore:
    """Versions of every market, in SQL and below one folder.

    Parameters
    ----------
    database
        Where versions and aliases are rows.
    root
        Folder; a version's files are at ``<root>/<market>/<model>/<version>``.
    lifetime, baseline_lifetime
        How long after it was made a model, and a baseline, may answer.
    definition_now
        Gives what a market's file says now; without one, or where it gives None, no version is
        held against it.
    """

    def __init__(
        self,
        database: Database,
        root: Path,
        *,
        lifetime: timedelta = timedelta(days=45),
        baseline_lifetime: timedelta = timedelta(days=400),
        definition_now: Callable[[str], MarketDefinition | None] = lambda _symbol: None,
    ) -> None:
        self._database = database
        self._root = root
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
        """Publish a version: its folder in one step, then its row. Twice changes nothing.

        Parameters
        ----------
        bundle
            The version; gives its name, recipe and data fingerprint.
        write
            Writes the files, SHA256SUMS last, into the empty folder it is given.
        metrics
            Evaluation, plain values; kept in the row as well.
        at
            Aware time.

        Raises
        ------
        UnusableVersionError
            What was written, or what stands there from before, is not whole.
        EditedRecipeError
            The recipe was edited under its old name.
        """
        market, version = bundle.trained["market"], bundle.version
        folder = self._root / market / bundle.recipe.name / version
        version_files.sweep(folder.parent)
        try:
            return self.find(market, version)
        except UnknownVersionError:
            pass
        if not folder.exists():
            version_files.publish(folder, write)
        faults = version_files.faults_of(folder)
        if faults:
            raise UnusableVersionError(version, faults)
        values = {
            "market": market,
            "model": bundle.recipe.name,
            "kind": bundle.recipe.kind,
            "version": version,
            "recipe_hash": bundle.recipe.hash,
            "data_fingerprint": bundle.trained["data_fingerprint"],
            "market_hash": bundle.trained.get("market_hash", ""),
            "sums_hash": version_files.sums_hash_of(folder),
            "metrics": metrics,
            "created_at": at,
        }
        with self._database.session() as session:
            # asked again within the unit of work: another process may have been first
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
        """Return the version of that name, alias, or unambiguous beginning of a name.

        Raises
        ------
        UnknownVersionError
            None, or several.
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
        """Name what is wrong with a version's files; empty when they are what was registered."""
        return version_files.faults_of(record.folder, record.sums_hash, record.market_hash)

    def content_faults(self, record: VersionRecord) -> tuple[str, ...]:
        """Name what is wrong with a version: its files, or its name worked out from them again."""
        faults = self.faults(record)
        return faults or version_files.name_faults_of(record.folder, record.recipe_hash)

    def expires_at(self, record: VersionRecord) -> datetime:
        """Return from when on a version is too old to answer: by the last day it learned from."""
        is_baseline = record.kind == "baseline"
        return record.known_until + (self._baseline_lifetime if is_baseline else self._lifetime)

    def expired(self, record: VersionRecord, at: datetime) -> str | None:
        """Return in words that a version is too old to answer at a time; None if it is not."""
        until = self.expires_at(record)
        return None if at < until else f"{record.version} expired on {until:%Y-%m-%d}"

    def other_market(self, record: VersionRecord) -> str | None:
        """Return that a version was trained on another definition of its market, if it was.

        A version of before definitions were kept is taken to be of the first one on record.
        """
        return self._other_market(record, self._definitions(record.market))

    def _definitions(self, market: str) -> Definitions:
        return Definitions(self._definition_now(market), definitions(self._database, market))

    @staticmethod
    def _other_market(record: VersionRecord, defined: Definitions) -> str | None:
        changes = defined.changes_since(record.market_hash)
        return changes and (
            f"{record.version} was trained on another market definition: {changes} (put the file "
            f"back, or `orbcast run nightly-retrain --market {record.market.lower()}`)"
        )

    def serving(
        self, market: str, at: datetime, without: Mapping[str, str] | None = None
    ) -> Serving:
        """Return the version to answer with: the champion, else an earlier one, else a baseline.

        One that is damaged, has expired by ``at`` or was trained on another definition of the
        market is passed over; where only such are left it is the first of them, an expired one
        before another market's and a damaged one last, and said to be. A champion that was left by
        going back to an earlier one is not gone back to.

        Parameters
        ----------
        market
            Symbol.
        at
            Aware time of the answer.
        without
            Versions that turned out not to answer, and why.

        Raises
        ------
        UnknownVersionError
            No version at all.
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
        """Point an alias at a version and record who did and why; False if it points there.

        Parameters
        ----------
        instead_of
            Version that the alias must point at until then, "" for none: what was decided was
            decided of that one. Left out, whichever.

        Raises
        ------
        AliasChangedError
            It does not: another process changed it meanwhile.
        UnknownVersionError
            No such version.
        UnusableVersionError
            Its files are not what was registered, or it is to be champion and was trained on
            another definition of the market.
        UnsignedChangeError
            ``by`` or ``reason`` is blank.
        BackdatedChangeError
            The champion was changed after ``at`` already. A challenger of an earlier time
            changes nothing.
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
            # asked again within the unit of work: another process may have been first
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
        """Return what an alias pointed at, now or at a time; None before it pointed anywhere."""
        events = [event for event in self.history(market, alias) if at is None or event.at <= at]
        return events[-1] if events else None

    def rollback(self, market: str, *, at: datetime, by: str, reason: str) -> VersionRecord:
        """Make the champion before the present one champion again.

        A champion that was left by going back to an earlier one is never gone back to: after
        A, B, C and a rollback to B, the next one gives A.

        Raises
        ------
        NothingToRollBackError
            There was none before.
        AliasChangedError
            Another process changed the champion meanwhile.
        """
        line = self._champions(market)
        if len(line) < 2:  # noqa: PLR2004 - the present one and one before
            raise NothingToRollBackError(market)
        version, present = line[-2:]
        self.set_alias(market, CHAMPION, version, at=at, by=by, reason=reason, instead_of=present)
        return self.find(market, CHAMPION)

    def _champions(self, market: str) -> list[str]:
        return line_of(self.history(market, CHAMPION))

    def _record(self, row: ModelVersion) -> VersionRecord:
        folder = self._root / row.market / row.model / row.version
        return record_of(VersionRecord, row, folder=folder)
