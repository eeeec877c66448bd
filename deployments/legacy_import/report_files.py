"""The report on an older system, as two files in the reports folder."""

from __future__ import annotations

from pathlib import Path

from deployments.legacy_import.findings import LegacyFindings
from deployments.legacy_import.report import legacy_report
from monitoring.pages.document import write_html, write_markdown
from tasks.settings import Settings


def write_legacy_report(settings: Settings, findings: LegacyFindings) -> tuple[Path, Path]:
    """Write the report as HTML and as markdown, replacing earlier ones; return both paths.

    Parameters
    ----------
    settings, findings
        Settings, whose home gets the files; result of ``deployments.legacy_import.survey.survey``.
    """
    document = legacy_report(findings)
    folder = settings.reports_dir / findings.market
    page, text = folder / "import-legacy.html", folder / "import-legacy.md"
    write_html(document, page)
    write_markdown(document, text)
    return page, text
