"""The pages on keeping bars and records, followed to the letter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.docs.conftest import pages
from tests.docs.following import Reader
from tests.docs.page import steps_of
from tests.docs.pages import KEEPING, path_of


@pages(*KEEPING)
def test_everything_on_a_page_works_as_it_is_told(
    name: str, reader_of: Callable[[Path], Reader]
) -> None:
    page = path_of(name)
    assert reader_of(page).follow(steps_of(page)) == []
