"""The golden texts and pictures of the messages; `python -m` this file rewrites them."""

from __future__ import annotations

from pathlib import Path

from monitoring.messages.example import example_picture
from monitoring.messages.facts import Message
from monitoring.pages.figure_style import to_png
from monitoring.pages.plots.opening_range import range_plot
from tests.monitoring.messages.made_facts import drawn_range
from tests.monitoring.messages.made_messages import messages

FOLDER = Path(__file__).with_name("golden")
PICTURES = {"range": drawn_range(), "test-message": example_picture()}
DOTS_PER_INCH = 80


def text_of(message: Message) -> str:
    """Return a message in the form of its file."""
    return f"{message.subject}\n\n{message.body}\n"


def picture(name: str) -> bytes:
    """Return a picture in the form of its file."""
    return to_png(range_plot(PICTURES[name]), DOTS_PER_INCH)


if __name__ == "__main__":
    for name, message in messages().items():
        (FOLDER / f"{name}.txt").write_text(text_of(message), encoding="utf-8")
    for name in PICTURES:
        (FOLDER / f"{name}.png").write_bytes(picture(name))
