"""Check for free disk space before work that would otherwise stop halfway."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ml_core.errors import OperatorError

NEEDED_BYTES = 200 * 1024**2
"""Several times the size of both databases (Prefect's and ours), a version and a report."""


class NoRoomError(OperatorError):
    """A home on a disk that is nearly full."""

    home: str
    free: int
    template = (
        f"{{home}} has {{_megabytes:.0f}} MB left, and a run needs {NEEDED_BYTES / 1024**2:.0f}; "
        "make room, or use another disk with --home"
    )

    @property
    def _megabytes(self) -> float:
        return self.free / 1024**2


class NotWritableError(OperatorError):
    """A home that cannot be written to."""

    home: str
    fault: str
    template = (
        "{home} cannot be written to ({fault}); change its permissions, or use another folder "
        "with --home"
    )


def require_room(home: Path) -> None:
    """Require that a home can be written to and has room; make the folder if needed.

    Raises
    ------
    NotWritableError, NoRoomError
        The home cannot be written to, or has too little room.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(dir=home, prefix=".room-")
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        raise NotWritableError(str(home), error.strerror or str(error)) from error
    free = shutil.disk_usage(home).free
    if free < NEEDED_BYTES:
        raise NoRoomError(str(home), free)
