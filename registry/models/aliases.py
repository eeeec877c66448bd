"""Aliases: whether one may be changed, and to which champions a rollback can return."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, select

from registry.errors import AliasChangedError, BackdatedChangeError
from registry.models.versions import CHALLENGER, Alias, AliasRecord
from registry.tables.versions import AliasEvent


def line_of(events: Iterable[AliasRecord]) -> list[str]:
    """Return the champions, oldest first, without those that a rollback abandoned."""
    line: list[str] = []
    for event in events:
        if event.version in line:
            del line[line.index(event.version) + 1 :]
        else:
            line.append(event.version)
    return line


def alias_events(market: str, alias: str) -> Select[AliasEvent]:
    """Select the changes of an alias, oldest first."""
    return (
        select(AliasEvent)
        .where(AliasEvent.market == market, AliasEvent.alias == alias)
        .order_by(AliasEvent.at, AliasEvent.id)
    )


def may_change(
    alias: Alias, now: AliasRecord | None, version: str, at: datetime, instead_of: str | None
) -> bool:
    """Return whether an alias that points to ``now`` should be changed to a version."""
    present = "" if now is None else now.version
    if present == version:
        return False
    if instead_of is not None and present != instead_of:
        raise AliasChangedError(alias, present)
    if now is not None and at < now.at:
        if alias == CHALLENGER:
            return False  # a retrain as of an earlier time does not change today's challenger
        raise BackdatedChangeError(alias, at, now.at)
    return True
