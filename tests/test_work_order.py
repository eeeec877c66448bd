"""Files without a requested test are not imported, and no test is lost by that."""

from __future__ import annotations

import pytest

QUICK = "def test_quick(): ...\n"
MIXED = "import pytest\n" + QUICK + "@pytest.mark.slow\ndef test_slow(): ...\n"
SLOW = "import pytest\npytestmark = {}\ndef test_slow(): ...\n"
FILES = {
    "test_quick": QUICK,
    "test_mixed": MIXED,
    "test_all": SLOW.format("pytest.mark.slow"),
    "test_listed": SLOW.format(
        "[\n    pytest.mark.slow,\n    pytest.mark.skipif(False, reason='')]"
    ),
}


@pytest.mark.parametrize(
    ("wanted", "unread"),
    [("slow", {"test_quick"}), ("not slow", {"test_all", "test_listed"}), ("", set())],
)
def test_the_same_tests_are_chosen_and_other_files_are_not_imported(
    wanted: str, unread: set[str], pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\nmarkers = slow")
    for name, text in FILES.items():
        spoilt = "raise ImportError('read')\n" if name in unread else ""
        pytester.makepyfile(**{name: text + spoilt})

    chosen = pytester.runpytest("-q", "-p", "tests.work_order", "-p", "xdist", "-m", wanted)

    chosen.assert_outcomes(
        **{
            "slow": {"passed": 3, "deselected": 1},
            "not slow": {"passed": 2, "deselected": 1},
            "": {"passed": 5},
        }[wanted]
    )


HOMELY = """
import pytest

@pytest.fixture
def untouched_home(): ...

def test_it(untouched_home): ...
"""


def test_files_that_copy_the_home_come_after_the_first_that_need_none_and_before_the_others(
    pytester: pytest.Pytester,
) -> None:
    for name in "abcdefgh":
        pytester.makepyfile(**{f"test_{name}": QUICK})
    for name in "xyz":
        pytester.makepyfile(**{f"test_{name}": HOMELY})

    collected = pytester.runpytest("--collect-only", "-q", "-p", "tests.work_order", "-p", "xdist")

    order = "".join(line[5] for line in collected.outlines if line.startswith("test_"))
    assert order == "xabyzcdefgh"
