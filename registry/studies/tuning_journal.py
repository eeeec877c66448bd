"""The tuning journal: Optuna's own log, line by line, in the project's database.

Optuna's SQL storage would conflict with this database's migrations and its table of trials; its
journal needs only an append-only list.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from registry.tables.studies import TuningEntry

if TYPE_CHECKING:
    from registry.database import Database

_ATTEMPTS = 20
_NUMBER = "not a finite number"
"""The only key of an object that replaces infinity or NaN, which canonical JSON makes null."""


class TuningJournal:
    """The backend that ``optuna.storages.JournalStorage`` writes to and reads from.

    Parameters
    ----------
    database
        The database that holds entries as rows. Several processes may append at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Return the entries from a number on, in order."""
        query = (
            select(TuningEntry.entry)
            .where(TuningEntry.number >= log_number_from)
            .order_by(TuningEntry.number)
        )
        with self._database.reading() as session:
            return [_read(entry) for entry in session.scalars(query)]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries in one transaction: all of them, or none."""
        logs = [_without_infinities(log) for log in logs]
        for attempt in range(_ATTEMPTS):
            try:
                self._append(logs)
            except IntegrityError:
                # another process used the same numbers first
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _append(self, logs: list[dict[str, Any]]) -> None:
        with self._database.session() as session:
            last = session.scalars(select(func.max(TuningEntry.number))).one()
            first = 0 if last is None else last + 1
            session.add_all(
                TuningEntry(number=first + index, entry=log) for index, log in enumerate(logs)
            )


def _without_infinities(value: Any) -> Any:
    """Return plain values with every infinity and NaN encoded, so that they can be read back.

    >>> _read(_without_infinities({"values": [float("-inf"), 0.5, None]}))
    {'values': [-inf, 0.5, None]}
    """
    if isinstance(value, dict):
        return {key: _without_infinities(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(float(value))}
    return value


def _read(value: Any) -> Any:
    """Return the values that were encoded by :func:`_without_infinities`."""
    if isinstance(value, dict):
        if value.keys() == {_NUMBER}:
            return float(value[_NUMBER])
        return {key: _read(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_read(entry) for entry in value]
    return value
