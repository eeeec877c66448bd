"""Every page of the documentation, those first on which there is most to do."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PROJECT
from tests.docs.page import steps_of


def path_of(name: str) -> Path:
    return PROJECT / name if name == "README.md" else PROJECT / "docs" / name


PAGES = sorted(
    ["README.md", *(path.name for path in (PROJECT / "docs").glob("*.md"))],
    key=lambda name: (-len(steps_of(path_of(name))), name),
)
