"""Log lines in the terminal while a flow runs there: Orbcast's own messages."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import prefect
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler

from deployments.cli.plain_text import fit_to_show
from deployments.debugging import DEBUGGING


class _ErrorStream(io.StringIO):
    """The current error stream at each line, so that lines appear above a progress bar.

    Rich's consoles, and so Prefect's handler, would write into a bar that another console draws.
    """

    def write(self, text: str, /) -> int:
        """Write to the current error stream."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the current error stream."""
        sys.stderr.flush()


class _FitToShow(logging.Formatter):
    """Formats log lines without control sequences and without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted line."""
        return fit_to_show(super().format(record))


def show_own_words_only() -> None:
    """Print only Orbcast's own messages in a terminal; Prefect's stay in the UI.

    With ``--debug``, Prefect's warnings and errors are printed too.
    """
    setup_logging()
    engine = Path(prefect.__file__).parent
    least = logging.WARNING if DEBUGGING.get() else sys.maxsize

    def is_shown(record: logging.LogRecord) -> bool:
        return record.levelno >= least or not Path(record.pathname).is_relative_to(engine)

    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(is_shown)
            handler.console.file = _ErrorStream()
            handler.setFormatter(_FitToShow("%(message)s"))
