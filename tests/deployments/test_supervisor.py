"""What the supervisor tells before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.serving.supervisor import _Supervisor
from tasks.settings import Settings
from tests.live_days import set_clock


@pytest.fixture
def supervisor(tmp_path: Path) -> _Supervisor:
    return _Supervisor(Settings(home=tmp_path / "home"), 1, print)


def test_up_has_a_line_for_each_market_with_its_next_ranges(
    supervisor: _Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, tmp_path / "clock", datetime(2026, 12, 25, 15, 0, tzinfo=UTC))
    supervisor._where = supervisor._where.model_copy(update={"markets": ("mgc", "nq")})
    closed = "Fri 25 Dec 2026 is no trading day (holiday); next opening ranges, Mon 28 Dec:"
    brisbane, new_york = supervisor._outlooks()
    assert brisbane.startswith(f"MGC: {closed} 0900 at 09:00, ")
    assert new_york == f"NQ: {closed} 0930_5m at 09:30, 0930_15m at 09:30 (US/Eastern)"
