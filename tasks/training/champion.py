"""The champion: find it, and change it with a record and an event."""

from __future__ import annotations

from datetime import datetime

from registry.models.model_store import ModelStore
from registry.models.versions import CHAMPION, VersionRecord
from tasks.notices.events import VersionPromoted, emit
from tasks.settings import Settings


def present_champion(settings: Settings, symbol: str) -> VersionRecord | None:
    """Return the champion's version; None if there is no champion yet."""
    models = settings.models()
    return None if models.current(symbol, CHAMPION) is None else models.find(symbol, CHAMPION)


def make_champion(
    models: ModelStore,
    market: str,
    version: str,
    *,
    at: datetime,
    by: str,
    reason: str,
    instead_of: str | None = None,
) -> bool:
    """Point the alias champion to a version and emit an event; False if it points there already.

    Parameters and errors are those of :meth:`registry.models.model_store.ModelStore.set_alias`.
    """
    before = models.current(market, CHAMPION)
    changed = models.set_alias(
        market, CHAMPION, version, at=at, by=by, reason=reason, instead_of=instead_of
    )
    if changed:
        _emit(market, version, before.version if before else None, by, reason)
    return changed


def roll_back(
    models: ModelStore, market: str, *, at: datetime, by: str, reason: str
) -> VersionRecord:
    """Make the previous champion champion again, and emit an event.

    Raises
    ------
    NothingToRollBackError
        There was no previous champion.
    """
    before = models.current(market, CHAMPION)
    record = models.rollback(market, at=at, by=by, reason=reason)
    _emit(market, record.version, before.version if before else None, by, reason)
    return record


def _emit(market: str, version: str, before: str | None, by: str, reason: str) -> None:
    emit(VersionPromoted(market=market, version=version, before=before, by=by, reason=reason))
