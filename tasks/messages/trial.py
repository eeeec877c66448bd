"""The test message of a channel: the latest forecast that was sent, or a made-up one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitoring import messages, pages
from monitoring.messages.facts import Message
from registry.notices import notices
from tasks.notices.pictures import picture_of
from tasks.settings import Settings

_DOTS_PER_INCH = 150


@contextmanager
def trial_message(settings: Settings) -> Iterator[tuple[Message, Path | None]]:
    """Yield a message marked as a test, and its picture, which may be deleted afterwards."""
    last = notices(settings.database(), kinds=("forecast",), last=1)
    if last:
        notice = last[-1].notice
        head = (
            f"A TEST: the channel works. What follows was sent at {notice.at:%Y-%m-%d %H:%M} UTC."
        )
        message = Message(subject=f"Test: {notice.subject}", body=f"{head}\n{notice.body}")
        yield message, picture_of(settings, notice.key)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.png"
        figure = pages.plots.opening_range.range_plot(messages.example.example_picture())
        path.write_bytes(pages.figure_style.to_png(figure, _DOTS_PER_INCH))
        yield messages.example.example_message(), path
