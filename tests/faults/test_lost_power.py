"""Loss of power at each point: acknowledged data is there, and a second run completes the rest.

A separate disk is shut down without its journal, as when a machine's plug is pulled: files that
were renamed but not synced are then empty, and data committed without a sync is gone.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.fault_points import AT_THE_END, disturbed
from tests.faults.test_every_point import SAVING, require_repaired

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("operation", ["REGISTER", "PROMOTE", "LOG", "TAKE_IN"])
def test_acknowledged_data_outlasts_a_loss_of_power(tmp_path: Path, operation: str) -> None:
    results = disturbed(f"{SAVING}:{operation}", tmp_path, faults=["power lost"])["power lost"]
    assert {point.ended for point in results.points} == {-signal.SIGKILL}
    require_repaired(results)
    assert results.points[-1].call.startswith(AT_THE_END)
    assert results.points[-1].state == results.calm
