"""The tuning journal: Optuna's own log, line by line, in the project's database.

Optuna's SQL storage would fight with this database's migrations and its table of trials; its
journal asks only for a list that grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from registry.tables import TuningEntry

if TYPE_CHECKING:
    from registry.database import Database

_ATTEMPTS = 20


class TuningJournal:
    """What ``optuna.storages.JournalStorage`` writes to and reads from.

    Parameters
    ----------
    database
        Where entries are rows. Several processes may append at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Give the entries from a number on, in order."""
        query = (
            select(TuningEntry.entry)
            .where(TuningEntry.number >= log_number_from)
            .order_by(TuningEntry.number)
        )
        with self._database.session() as session:
            return list(session.scalars(query))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries in one unit of work: all of them, or none."""
        for attempt in range(_ATTEMPTS):
            try:
                self._append(logs)
            except IntegrityError:
                # another process took the same numbers first
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
