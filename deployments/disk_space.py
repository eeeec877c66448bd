"""Room on the disk, looked for before anything is begun that would end half done without it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ml_core.errors import OperatorError

NEEDED_BYTES = 200 * 1024**2
"""What Prefect's and our databases, a version and a report take, several times over."""


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
        "{home} cannot be written to ({fault}); mend its permissions, or use another folder with "
        "--home"
    )


def require_room(home: Path) -> None:
    """Make sure that a home can be written to and has room; makes the folder.

    Raises
    ------
    NotWritableError, NoRoomError
        It cannot, or has not.
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
