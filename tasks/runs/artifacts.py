"""Artifacts: what a person sees of a run in the Prefect UI, verdict first."""

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
    """Return things to be copied, each with what it is: ``{"full report": path}``."""
    return "\n".join(f"- {escaped(name)}: {code(text)}" for name, text in named.items())


def to_open(named: Mapping[str, str]) -> str:
    """Return reports by what they are: a link where the folder is served, and the path to copy."""
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
        Plain values, by name or as the fields of a dataclass.
    columns
        Heading of each name shown, in order.
    """
    cells = tuple(
        tuple(cell_value(values.get(column)) for column in columns)
        for values in (row if isinstance(row, Mapping) else json_values(row) for row in rows)
    )
    return block_markdown(Table(tuple(columns.values()), cells), escaped)


def scoreboard(directional: DirectionScores) -> str:
    """Return a directional evaluation's metrics, model and baselines under one another."""
    rows = [{"name": name, **json_values(scores)} for name, scores in directional.scores.items()]
    return table(rows, _SCORES)


def bullets(lines: Iterable[object]) -> str:
    """Return lines as a markdown list, escaped."""
    return block_markdown(BulletList(tuple(map(str, lines))), escaped)


def picture(png: bytes, words: str) -> str:
    """Return an image inside the markdown itself, so that no other host or file is needed.

    What it shows stands above it too: the UI shows the words of an image to nobody who sees it.
    """
    caption = escaped(words)
    drawn = base64.b64encode(png).decode()
    return f"*{caption[:1].upper()}{caption[1:]}*\n\n![{caption}](data:image/png;base64,{drawn})"


def pictures(charts: Iterable[Chart]) -> list[str]:
    """Return the charts that have something to draw as images inside the markdown."""
    return [
        picture(pages.figure_style.to_png(chart.figure, DOTS_PER_INCH), chart.title)
        for chart in charts
        if chart.figure is not None
    ]


def publish(key: str, verdict: str, *parts: str) -> None:
    """Publish a markdown artifact of the present run: the verdict, then the rest.

    Parameters
    ----------
    key
        Runs of one key are versions of one artifact.
    verdict
        One plain sentence.
    parts
        Markdown; empty ones are left out.
    """
    text = "\n\n".join((f"**{escaped(verdict)}**", *(part for part in parts if part)))
    # the UI takes the description for markdown too, with HTML in it; lists show it as it stands
    safe = _DANGEROUS.sub(r"\\\1", verdict)
    tasks.prefect_api.create_markdown_artifact(markdown=text, key=_key(key), description=safe)


def last_verdict(key: str) -> str | None:
    """Return the verdict of the artifact's latest version, None if there is none."""
    artifact = cast("tasks.prefect_api.Artifact | None", tasks.prefect_api.Artifact.get(_key(key)))
    return re.sub(r"\\(.)", r"\1", artifact.description or "") if artifact else None


def progress(key: str, words: str, begun: float = 0.0) -> Callable[[float], None]:
    """Show a bar of the present run in the UI; give what moves it, told a share from 0 to 1.

    Who started the run at a terminal sees it move there too. ``begun`` is the share that was done
    before.
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
