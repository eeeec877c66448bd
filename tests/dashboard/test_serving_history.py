"""The serving history: the latest changes first, the earlier ones folded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from deployments.dashboard import models
from registry.models.versions import AliasRecord

FIRST = datetime(2026, 1, 5, 12, tzinfo=UTC)


def record(alias: str, days: int, version: str) -> AliasRecord:
    return AliasRecord(
        alias=alias,
        version=version,
        at=FIRST + timedelta(days=days),
        by="promotion",
        reason="",
    )


@pytest.mark.parametrize(("changes", "tables"), [(0, []), (4, [8]), (5, [10]), (9, [10, 8])])
def test_ten_changes_of_both_roles_are_shown_and_the_earlier_ones_folded(
    changes: int, tables: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables_drawn: list[Sequence[Mapping[str, object]]] = []
    monkeypatch.setattr(models, "words_table", tables_drawn.append)
    history = {
        alias: tuple(record(alias, day, f"{alias}-{day}") for day in range(changes))
        for alias in models.ALIASES
    }
    store = SimpleNamespace(history=lambda _market, alias: history[alias])
    view: Any = SimpleNamespace(symbol="MGC", settings=SimpleNamespace(models=lambda: store))
    models._history(view)
    assert [len(rows) for rows in tables_drawn] == tables
    times = [row["from (UTC)"] for rows in tables_drawn for row in rows]
    assert times == sorted(times, key=str, reverse=True)
