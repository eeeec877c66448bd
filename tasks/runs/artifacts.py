"""Artifacts: what the Prefect UI shows of a run, verdict first."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import tasks
from ml_core.json_values import json_values
from monitoring import pages
from monitoring.pages.document import BulletList, Chart, Table, block_markdown
from monitoring.pages.formatting import cell_value
from monitoring.pages.markdown import code, escaped
from tasks.runs.watching import report_progress
from tasks.settings import Settings, current_settings

if TYPE_CHECKING:
    from uuid import UUID

    from ml_core.evidence.evaluation import DirectionScores

DOTS_PER_INCH = 96

_SCORES = {
    "name": "On unseen days",
    "accuracy": "Accuracy",
    "log_loss": "Log loss",
    "brier": "Brier",
    "auc": "AUC",
    "ece": "ECE",
}

_DANGEROUS = re.compile(r"([\\<\[&`])")


def to_copy(named: Mapping[str, object]) -> str:
    """Return labelled text to copy, such as ``{"full report": path}``, as markdown."""
    return "\n".join(f"- {escaped(name)}: {code(text)}" for name, text in named.items())


def to_open(named: Mapping[str, str]) -> str:
    """Return labelled reports: a link if the folder is served, and the path to copy."""
    settings = current_settings()
    return "\n".join(
        f"- {_link(settings, name, Path(path))}: {code(path)}" for name, path in named.items()
    )


def _link(settings: Settings, name: str, path: Path) -> str:
    if not settings.reports_url or not path.is_relative_to(settings.reports_dir):
        return escaped(name)
    below = quote(path.relative_to(settings.reports_dir).as_posix())
    return f"[{escaped(name)}]({settings.reports_url}/{below})"


def table(rows: Iterable[object], columns: Mapping[str, str]) -> str:
    """Return rows as a markdown table, every cell escaped, numbers to four places.

    Parameters
    ----------
    rows
        Plain values, in mappings or as the fields of a dataclass.
    columns
        Name of each shown column -> its heading, in order.
    """
    cells = tuple(
        tuple(cell_value(values.get(column)) for column in columns)
        for values in (row if isinstance(row, Mapping) else json_values(row) for row in rows)
    )
    return block_markdown(Table(tuple(columns.values()), cells), escaped)


def scoreboard(directional: DirectionScores) -> str:
    """Return a directional evaluation's metrics as a table, one row per model or baseline."""
    rows = [{"name": name, **json_values(scores)} for name, scores in directional.scores.items()]
    return table(rows, _SCORES)


def bullets(lines: Iterable[object]) -> str:
    """Return lines as a markdown list, escaped."""
    return block_markdown(BulletList(tuple(map(str, lines))), escaped)


def picture(png: bytes, words: str) -> str:
    """Return an image embedded in the markdown, so that no other host or file is needed.

    Its caption is repeated above it, since the UI hides an image's alternative text.
    """
    caption = escaped(words)
    drawn = base64.b64encode(png).decode()
    return f"*{caption[:1].upper()}{caption[1:]}*\n\n![{caption}](data:image/png;base64,{drawn})"


def pictures(charts: Iterable[Chart]) -> list[str]:
    """Return the charts that have something to draw, as embedded images."""
    return [
        picture(pages.figure_style.to_png(chart.figure, DOTS_PER_INCH), chart.title)
        for chart in charts
        if chart.figure is not None
    ]


def publish(key: str, verdict: str, *parts: str) -> None:
    """Publish a markdown artifact of the current run: the verdict, then the rest.

    Parameters
    ----------
    key
        Artifacts with the same key are versions of one artifact.
    verdict
        One plain sentence.
    parts
        Markdown; empty parts are left out.
    """
    text = "\n\n".join((f"**{escaped(verdict)}**", *(part for part in parts if part)))
    # the UI renders the description as markdown with HTML, but lists show it unchanged
    safe = _DANGEROUS.sub(r"\\\1", verdict)
    tasks.prefect_api.create_markdown_artifact(markdown=text, key=_key(key), description=safe)


def last_verdict(key: str) -> str | None:
    """Return the verdict of the artifact's latest version; None if there is none."""
    artifact = cast("tasks.prefect_api.Artifact | None", tasks.prefect_api.Artifact.get(_key(key)))
    return re.sub(r"\\(.)", r"\1", artifact.description or "") if artifact else None


def progress(key: str, words: str, begun: float = 0.0) -> Callable[[float], None]:
    """Show a progress bar of the current run in the UI; return a function that sets its share.

    The share is from 0 to 1. A user who started the run in a terminal sees the bar there too.
    ``begun`` is the share that is already done.
    """
    whole = round(100.0 * begun, 1)
    bar = cast(
        "UUID", tasks.prefect_api.create_progress_artifact(whole, key=_key(key), description=words)
    )
    report_progress(begun, words)

    def move(share: float) -> None:
        tasks.prefect_api.update_progress_artifact(bar, round(100.0 * share, 1))
        report_progress(share, words)

    return move


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9\-]", "-", text.lower())
