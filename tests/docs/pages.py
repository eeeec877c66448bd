"""Every page of the documentation, longest first; they are not parsed here, to save time."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PROJECT


def path_of(name: str) -> Path:
    return PROJECT / name if name == "README.md" else PROJECT / "docs" / name


PAGES = sorted(
    ["README.md", *(path.name for path in (PROJECT / "docs").glob("*.md"))],
    key=lambda name: (-path_of(name).stat().st_size, name),
)
