"""The golden texts and pictures of the messages; `python -m` this file rewrites them."""

from __future__ import annotations

from pathlib import Path

from monitoring.messages.facts import Message
from monitoring.pages.figure_style import to_png
from monitoring.pages.plots.opening_range import RangePicture, range_plot
from tests.monitoring.messages.made_messages import messages
from tests.monitoring.messages.made_pictures import content, pictures

FOLDER = Path(__file__).with_name("golden")
PICTURES = FOLDER / "pictures"
DOTS_PER_INCH = 80


def text_of(message: Message) -> str:
    """Return a message in the form of its file."""
    return f"{message.subject}\n\n{message.body}\n"


def png_of(picture: RangePicture) -> bytes:
    """Return a picture in the form of its file, which is there to be looked at."""
    return to_png(range_plot(picture), DOTS_PER_INCH)


if __name__ == "__main__":
    for name, message in messages().items():
        (FOLDER / f"{name}.txt").write_text(text_of(message), encoding="utf-8")
    for name, picture in pictures().items():
        (PICTURES / f"{name}.png").write_bytes(png_of(picture))
        (PICTURES / f"{name}.txt").write_text(content(picture), encoding="utf-8")
