"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, settings

# the speed of generated examples depends on the machine, not on the code
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# pytest-xdist sets a width for its workers; a test that needs a width sets its own
os.environ.pop("COLUMNS", None)

# test versions learn from days long past, and must serve whenever the tests run
os.environ.setdefault("ORBCAST_MODEL_EXPIRES_DAYS", "100000")
os.environ.setdefault("ORBCAST_BASELINE_EXPIRES_DAYS", "100000")

# a second thread has no processor of its own and would only spin in search of work
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# without bytecode files, a command compiles everything it imports, which doubles its time
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# no test leaves this machine, and each of Prefect's clients would read all certificates first
_certificates = Path(sys.prefix) / "one-certificate.pem"
if not _certificates.exists():
    _first = certifi.contents().partition("-----END CERTIFICATE-----\n")[:2]
    _whole = _certificates.with_suffix(f".{os.getpid()}")
    _whole.write_text("".join(_first), "utf-8")
    _whole.replace(_certificates)
os.environ["SSL_CERT_FILE"] = str(_certificates)

# a shell's background job ignores Ctrl-C, and so would all processes started by the tests
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# a fifth of the time would pass in looking for garbage among half a million imported objects
gc.set_threshold(100_000, 20, 20)


def pytest_collection_finish() -> None:
    """Leave what the imports made out of each later search for garbage."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the end of the process find everything: DuckDB reports objects that are left."""
    gc.unfreeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Restore the main module: AppTest leaves a page there, which new processes would run."""
    main = sys.modules["__main__"]
    try:
        return (yield)
    finally:
        sys.modules["__main__"] = main


pytest_plugins = [
    "pytester",
    "tests.shared_statements",
    "tests.skipped",
    "tests.trained_market",
    "tests.work_order",
]

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Folder of licensed MGC bars and the outside reference; skips the test if it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"licensed market data is not at {SHARED_DATA}: see docs/real-data.md")
    return SHARED_DATA
