"""Every page, followed to the letter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.following import Reader
from tests.docs.page import steps_of
from tests.docs.pages import PAGES, path_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # for a page, and for the demo, for which the first one waits
]


@pytest.mark.parametrize("name", PAGES)
def test_everything_on_a_page_works_as_described(
    name: str, reader_of: Callable[[Path], Reader]
) -> None:
    page = path_of(name)
    assert reader_of(page).follow(steps_of(page)) == []
