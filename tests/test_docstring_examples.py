"""Every example in the packages' docstrings is run, and is correct."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("ml_core", "registry", "monitoring", "tasks", "flows", "deployments")
LEAST = 69
"""Number of examples when this was written; fewer means that some were not found."""

_EXAMPLE = re.compile(r"^\s*(?:\"\"\")?>>> ", re.MULTILINE)


def _written() -> dict[str, int]:
    """Count the examples in each module's text."""
    counts = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts): len(
            _EXAMPLE.findall(path.read_text(encoding="utf-8"))
        )
        for package in PACKAGES
        for path in sorted((PROJECT / package).rglob("*.py"))
    }
    return {name: count for name, count in counts.items() if count}


WRITTEN = _written()


@pytest.mark.parametrize("name", WRITTEN)
def test_every_example_of_a_module_is_run_and_true(name: str) -> None:
    result = doctest.testmod(import_module(name))

    assert (result.failed, result.attempted) == (0, WRITTEN[name])


def test_the_packages_keep_their_examples() -> None:
    assert sum(WRITTEN.values()) >= LEAST
