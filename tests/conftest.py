"""Fixtures every test may use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# how fast an example is made and judged says something of the machine, not of the code
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# pytest-xdist gives its workers a width; a test that wants one says so
os.environ.pop("COLUMNS", None)

# versions of the tests learn from days long past, and answer at whatever time the tests run
os.environ.setdefault("ORBCAST_MODEL_EXPIRES_DAYS", "100000")
os.environ.setdefault("ORBCAST_BASELINE_EXPIRES_DAYS", "100000")

# a second thread has no processor to itself, and looks for work instead: it spends time on nothing
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# without compiled files a command compiles all it imports anew, which doubles its time
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# a shell's background job ignores Ctrl-C, and so would every process that the tests start and stop
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["pytester", "tests.skipped", "tests.trained_market", "tests.work_order"]

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Folder of licensed MGC bars and the outside reference; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"licensed market data is not at {SHARED_DATA}: see docs/real-data.md")
    return SHARED_DATA
