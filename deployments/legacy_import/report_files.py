"""The report of what an older system left, as two files of the reports folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml_core.files import written_atomically
from tasks.settings import Settings


def write_legacy_report(settings: Settings, told: dict[str, Any]) -> tuple[Path, Path]:
    """Write the report as HTML and as markdown; give both paths. Again replaces them.

    Parameters
    ----------
    settings, told
        Where to; what ``deployments.legacy_import.survey.survey`` gave.
    """
    from deployments.legacy_import.report import legacy_paper  # noqa: PLC0415 - matplotlib, only here
    from monitoring.pages.document import to_markdown, to_page  # noqa: PLC0415 - the same

    paper = legacy_paper(told)
    folder = settings.reports_dir / told["market"]
    paths = folder / "import-legacy.html", folder / "import-legacy.md"
    for path, text in zip(paths, (to_page(paper), to_markdown(paper)), strict=True):
        with written_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths
