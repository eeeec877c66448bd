"""The summary of skipped tests at the end of a run."""

from __future__ import annotations

import pytest

TESTS = """
import pytest

@pytest.mark.skipif(True, reason="no pump here: `apt-get install pump`")
@pytest.mark.parametrize("number", range(3))
def test_pumps(number): ...

@pytest.fixture
def water(): pytest.skip("no water at /srv/water: see docs/water.md")

def test_swims(water): ...

def test_walks(): ...
"""


def test_every_reason_is_printed_once_with_its_remedy_and_the_number_of_skipped_tests(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(TESTS)

    run = pytester.runpytest("-q", "-p", "tests.skipped", "-p", "no:xdist")

    assert [line for line in run.outlines if "skipped: " in line] == [
        "3 skipped: no pump here: `apt-get install pump`",
        "1 skipped: no water at /srv/water: see docs/water.md",
    ]
